"""The web platform: archive, labeling, datasets and their HTTP faces."""
