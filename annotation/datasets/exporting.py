"""Makes the file of an export; only workers import this, for what its writers load."""

import hashlib
import os
from pathlib import Path

from annotation.core import jobs
from annotation.datasets.formats.writers import WRITERS
from annotation.datasets.models import Export
from annotation.datasets.services import export_path


def write_export(export: Export) -> None:
    """Write the file beside its place, sync and rename: a half file is never offered."""
    target = export_path(export)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{export.attempt}.part")
    try:
        with partial.open("wb") as file:
            WRITERS[export.format](
                export.dataset,
                file,
                lambda done, total: jobs.report(export, step="write", done=done, total=total),
            )
            file.flush()
            os.fsync(file.fileno())
        _publish(export, partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _publish(export: Export, partial: Path, target: Path) -> None:
    with partial.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = partial.stat().st_size
    if Export.ownership(export).update(sha256=sha256, size_bytes=size):
        partial.rename(target)
        jobs.finish(export, jobs.JobState.COMPLETED)
