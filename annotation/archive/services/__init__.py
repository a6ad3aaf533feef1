"""Changes to the archive; `ingest` is the one door in."""
