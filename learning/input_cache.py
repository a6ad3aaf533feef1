"""Where network inputs lie that were made of stored files: a cache that may be deleted."""

from pathlib import Path

from django.conf import settings

# One more whenever inputs of the same files come out otherwise: what was made before is not read.
MAKING = 3


def folder_of(kind: str) -> Path:
    """Of the inputs of one kind: one side of middle images, or one specification."""
    return Path(settings.DATA_ROOT) / "cache" / f"inputs-{MAKING}" / kind
