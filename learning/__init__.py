"""The active-learning loop: acquisition, training, rounds, rankings."""
