"""What surrounds the reading: projects, sources, models, settings, and the loop as a whole."""
