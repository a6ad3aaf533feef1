"""Asks for bundles of models, and receives those that are sent in; workers do the rest."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.disk import is_disk_full
from annotation.core.errors import InvalidInput, StorageFull
from annotation.core.tasks import ring
from learning.models import BundleExport, BundleImport, ModelVersion, Target

DISK_FULL = "There is no space left for the bundle."


def request_export(*, actor: User, version: ModelVersion) -> BundleExport:
    """The bundle of this version, queued if there is none: asking twice gives the same file."""
    try:
        with transaction.atomic():
            export = BundleExport.objects.create(model_version=version, requested_by=actor)
            audit.record(
                actor=actor, action="model_export_requested", target=version,
                project_id=version.target.project_id, number=version.number,
            )  # fmt: skip
            ring_export(export)
    except IntegrityError:
        ended = ("failed", "cancelled")
        return BundleExport.objects.exclude(state__in=ended).get(model_version=version)
    return export


def ring_export(export: BundleExport) -> None:
    from learning.tasks import write_bundle

    ring(write_bundle, str(export.pk))


def export_path(export: BundleExport) -> Path:
    return Path(settings.EXPORT_ROOT) / f"{export.pk}.bundle.zip"


def request_import(*, actor: User, target: Target, chunks: Iterable[bytes]) -> BundleImport:
    """Receive a bundle and queue its check. Raises InvalidInput past the size limit, StorageFull."""
    arrived = receive(actor=actor, target=target, chunks=chunks)
    ring_import(arrived)
    return arrived


def receive(*, actor: User | None, target: Target, chunks: Iterable[bytes]) -> BundleImport:
    """Keep the bytes for a worker; nothing of them has been looked at yet."""
    folder = Path(settings.INCOMING_ROOT)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = folder / f"{uuid4().hex}.bundle.part"
    try:
        size, sha256 = _write(partial, chunks)
        with transaction.atomic():
            arrived = BundleImport.objects.create(
                target=target, requested_by=actor, size_bytes=size, sha256=sha256
            )
            audit.record(
                actor=actor, action="model_import_requested", target=target,
                project_id=target.project_id, sha256=sha256, size_bytes=size,
            )  # fmt: skip
            partial.rename(arrived_path(arrived))
    finally:
        partial.unlink(missing_ok=True)
    return arrived


def ring_import(arrived: BundleImport) -> None:
    from learning.tasks import take_in_bundle

    ring(take_in_bundle, str(arrived.pk))


def arrived_path(arrived: BundleImport) -> Path:
    """Where the bytes wait for their check."""
    return Path(settings.INCOMING_ROOT) / f"{arrived.pk}.bundle.zip"


def _write(path: Path, chunks: Iterable[bytes]) -> tuple[int, str]:
    digest: Any = hashlib.sha256()
    size = 0
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.LARGEST_BUNDLE_BYTES:
                    most = settings.LARGEST_BUNDLE_BYTES >> 20
                    raise InvalidInput(f"A bundle may not exceed {most} MiB.", field="bundle")
                digest.update(chunk)
                file.write(chunk)
    except OSError as error:
        if is_disk_full(error):
            raise StorageFull(DISK_FULL) from None
        raise
    if size == 0:
        raise InvalidInput("Send the ZIP file as the body, with its length.", field="bundle")
    return size, digest.hexdigest()
