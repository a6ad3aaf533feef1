"""The workflow: projects, schemas, cases, assignments, annotations, reviews."""
