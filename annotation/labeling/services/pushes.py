"""Sends a project's studies to a source in bounded batches; what is there already is not sent."""

import time
from collections.abc import Container, Iterator

from django.db.models import QuerySet

from annotation.archive.answers import StoreOutcome
from annotation.archive.models import Instance, Study
from annotation.archive.multipart import StoredFile
from annotation.archive.remote import RemoteServer
from annotation.core.errors import RemoteRefused, RemoteUnavailable
from annotation.labeling.models import Case, Transfer
from annotation.labeling.services.transfer_report import Tally

BATCH_FILES = 50
BATCH_BYTES = 64 * 2**20
PAUSES_S = (0.5, 3.0)  # before a batch is sent again; storing the same bytes twice is harmless


def push(transfer: Transfer, server: RemoteServer, tally: Tally) -> None:
    """Store the transfer's studies at the source; a refused instance is recorded with its reason."""
    studies = studies_of(transfer)
    tally.total = Instance.objects.filter(series__study__in=studies).count()
    for study in list(studies.only("study_instance_uid").order_by("pk")):
        _push_study(server, study, tally)
        tally.save()


def studies_of(transfer: Transfer) -> QuerySet[Study]:
    """The chosen studies of the project, or all of them where none were chosen."""
    studies = Study.objects.filter(
        pk__in=Case.objects.filter(project=transfer.project).values("study")
    )
    if transfer.study_uids:
        studies = studies.filter(study_instance_uid__in=transfer.study_uids)
    return studies


def _push_study(server: RemoteServer, study: Study, tally: Tally) -> None:
    study_uid = study.study_instance_uid
    there = server.list_instances(study_uid)
    for batch in _batches(study, there.keys(), tally):
        outcome = _store(server, batch)
        tally.new += len(outcome.stored)
        for sop_uid, reason in outcome.failed.items():
            tally.fail(reason, study_uid=study_uid, sop_instance_uid=sop_uid)
        tally.report()


def _batches(study: Study, there: Container[str], tally: Tally) -> Iterator[list[StoredFile]]:
    batch: list[StoredFile] = []
    for instance in _instances(study):
        uid = instance.sop_instance_uid
        if uid in there:
            tally.known += 1
            continue
        if not instance.path.is_file():
            tally.fail(
                "the file is missing here", study_uid=study.study_instance_uid, sop_instance_uid=uid
            )
            continue
        size = sum(file.size_bytes for file in batch) + instance.size_bytes
        if batch and (len(batch) >= BATCH_FILES or size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(StoredFile(instance.path, uid, instance.size_bytes))
    if batch:
        yield batch


def _instances(study: Study) -> Iterator[Instance]:
    found = Instance.objects.filter(series__study=study).only(
        "sop_instance_uid", "sha256", "size_bytes"
    )
    yield from found.order_by("series_id", "instance_number", "pk").iterator(chunk_size=1000)


def _store(server: RemoteServer, batch: list[StoredFile]) -> StoreOutcome:
    for pause_s in PAUSES_S:
        try:
            return server.store(batch)
        except RemoteRefused:
            raise
        except RemoteUnavailable:
            time.sleep(pause_s)
    return server.store(batch)
