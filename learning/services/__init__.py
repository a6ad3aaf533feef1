"""Use cases of the learning engine."""
