"""How good a model is: plain NumPy in, figures out. Nothing here knows torch."""
