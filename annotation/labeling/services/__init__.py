"""Use cases of the labeling workflow: one function each, atomic, keyword-only."""
