"""Which cases to label first: pure functions of predictions. Score: higher = label first."""
