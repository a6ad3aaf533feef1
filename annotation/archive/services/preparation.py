"""Makes a series quick to read: frames as HTJ2K, compressed metadata, a thumbnail.

Runs on a worker and off every request; all of it can be made again from the stored files, and
everything works before it has been. One instance after the other, so that a killed worker loses
one; an arrival in the meantime makes the series due again.
"""

import gzip
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from annotation.archive import storage
from annotation.archive.models import Instance, PreparedFrames, Series, SeriesPreparation
from annotation.archive.selectors import middle_frame
from annotation.core import jobs
from annotation.core.jobs import JobState
from annotation.imaging import sandbox
from annotation.imaging.perceptual_hash import hash_of_picture

QUIET_S = 3.0  # a series that is still arriving is left alone
PATIENCE_S = 60.0  # so long what has arrived gives way to what is arriving
TIMEOUT_S = 1800.0
THUMBNAIL: dict[str, Any] = {"media_type": "image/jpeg", "longest_side": 256, "quality": 80}
JoinMetadata = Callable[[Series], tuple[str, bool]]


def prepare_due(*, join_metadata: JoinMetadata, budget_s: float) -> int:
    """Prepare series that are due, oldest change first, until the budget is spent; returns how many.

    `join_metadata` gives a series' metadata and whether it names bulk data.
    """
    deadline = time.monotonic() + budget_s
    jobs.end_hopeless(SeriesPreparation)
    done = 0
    for preparation_id in _due():
        if time.monotonic() > deadline or _must_give_way(preparation_id):
            break
        jobs.execute(SeriesPreparation, preparation_id, lambda job: _prepare(job, join_metadata))
        done += 1
    return done


def _due() -> Iterator[Any]:
    now = timezone.now()
    waiting = Q(state=JobState.PENDING, changed_at__lt=now - timedelta(seconds=QUIET_S))
    lost = Q(state=JobState.RUNNING, lease_expires_at__lt=now)
    due = SeriesPreparation.objects.filter(waiting | lost).order_by("changed_at")
    yield from due.values_list("pk", flat=True)[:500]


def _must_give_way(preparation_id: Any) -> bool:
    """Whether objects arrive just now: storing them needs the machine more, for a while."""
    now = timezone.now()
    arriving = SeriesPreparation.objects.filter(
        state__in=[JobState.PENDING, JobState.RUNNING],  # as the index has it
        changed_at__gte=now - timedelta(seconds=QUIET_S),
    )
    has_waited = SeriesPreparation.objects.filter(
        pk=preparation_id, changed_at__lt=now - timedelta(seconds=PATIENCE_S)
    )
    return arriving.exists() and not has_waited.exists()


def _prepare(job: SeriesPreparation, join_metadata: JoinMetadata) -> None:
    """Everything of the job's revision; what is there already is kept."""
    missing = job.series.instances.filter(prepared__isnull=True, frame_index__isnull=False)
    missing = missing.defer("dicom_json", "frame_index").order_by("instance_number", "pk")
    total = missing.count()
    for done, instance in enumerate(missing.iterator(chunk_size=100)):
        jobs.report(job, step="frames", done=done, total=total)
        _prepare_frames(instance)
    _prepare_thumbnail(job)
    _prepare_metadata(job, join_metadata)
    _finish(job)


def _prepare_frames(instance: Instance) -> None:
    incoming = storage.Incoming()
    try:
        made, _ = sandbox.run(
            "encode_frames", timeout_s=TIMEOUT_S, path=str(instance.path), target=str(incoming.path)
        )
        incoming.adopt()
        received = incoming.finish()
        with transaction.atomic():
            storage.keep(received)
            _record(
                instance, sha256=received.sha256, frame_index=made["index"],
                transfer_syntax_uid=made["transfer_syntax"],
            )  # fmt: skip
    except sandbox.SandboxFailure as failure:
        _record(instance, reason=failure.reason[:500])
    finally:
        incoming.discard()


def _record(instance: Instance, **columns: Any) -> None:
    made = PreparedFrames(instance=instance, **columns)
    PreparedFrames.objects.bulk_create([made], ignore_conflicts=True)


def _prepare_thumbnail(job: SeriesPreparation) -> None:
    middle = middle_frame(job.series.instances.all())
    if middle is None or middle[0].unrenderable_reason:
        return
    instance, frame = middle
    try:
        _, picture = sandbox.run("render", path=str(instance.path), frames=[frame], **THUMBNAIL)
    except sandbox.SandboxFailure:
        return
    address = storage.keep_bytes(picture)
    SeriesPreparation.ownership(job).update(
        thumbnail_sha256=address, image_hash=hash_of_picture(picture)
    )


def _prepare_metadata(job: SeriesPreparation, join_metadata: JoinMetadata) -> None:
    """Only of a revision that no arrival has overtaken while it was read."""
    revision = SeriesPreparation.objects.values_list("revision", flat=True).get(pk=job.pk)
    text, has_bulk_data = join_metadata(job.series)
    address = storage.keep_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))
    SeriesPreparation.ownership(job).update(
        metadata_sha256=address, metadata_revision=revision, has_bulk_data=has_bulk_data
    )


def _finish(job: SeriesPreparation) -> None:
    """Completed, or due again where something has arrived since the metadata was read.

    One statement decides: an arrival either raises the revision before it, or makes the completed
    job pending after it.
    """
    mine = SeriesPreparation.ownership(job)
    is_current = mine.filter(revision=F("metadata_revision")).update(
        state=JobState.COMPLETED, error="", finished_at=timezone.now(), lease_expires_at=None
    )
    if not is_current:
        mine.update(state=JobState.PENDING, attempt=0, lease_expires_at=None)
