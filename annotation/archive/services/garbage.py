"""Removes what a crash may leave: side files and blobs that no row names."""

import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from annotation.archive.models import Instance, PreparedFrames, SeriesPreparation

MIN_AGE_S = 24 * 3600


def collect_garbage(*, also_referenced: Iterable[str], min_age_s: float = MIN_AGE_S) -> int:
    """Delete old orphans and return how many; young ones may belong to a running request.

    `also_referenced` are the addresses that tables outside the archive name (masks).
    """
    oldest = time.time() - min_age_s
    kept_elsewhere = set(also_referenced)
    removed = 0
    for path in _older_than(Path(settings.INCOMING_ROOT), oldest):
        path.unlink(missing_ok=True)
        removed += 1
    for path in _older_than(Path(settings.BLOB_ROOT), oldest):
        if path.name in kept_elsewhere or _is_named(path.name):
            continue
        if path.exists() and path.stat().st_mtime < oldest:  # nobody has stored it again meanwhile
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _is_named(address: str) -> bool:
    prepared = Q(metadata_sha256=address) | Q(thumbnail_sha256=address)
    return (
        Instance.objects.filter(sha256=address).exists()
        or PreparedFrames.objects.filter(sha256=address).exists()
        or SeriesPreparation.objects.filter(prepared).exists()
    )


def _older_than(root: Path, oldest: float) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file() and p.stat().st_mtime < oldest]
