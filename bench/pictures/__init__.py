"""Pictures of every tool in use for docs/reference/tools.md, made on the real page."""
