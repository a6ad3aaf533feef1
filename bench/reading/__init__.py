"""The reading page beside the plainest Cornerstone3D page, in one browser on the same files."""
