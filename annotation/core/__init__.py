"""What every app stands on: base model, job rows, audit trail, errors, problem+json."""
