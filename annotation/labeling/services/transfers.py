"""Requests, runs, stops and resumes the jobs that pull studies from a source or push them there."""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.archive.answers import is_uid
from annotation.core import audit, jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.jobs import JobState
from annotation.core.tasks import ring
from annotation.labeling.models import Case, Direction, Project, Source, Transfer
from annotation.labeling.services.pulls import pull
from annotation.labeling.services.pushes import push
from annotation.labeling.services.sources import open_server
from annotation.labeling.services.transfer_report import Tally
from annotation.labeling.tasks import run_transfer

logger = logging.getLogger(__name__)
MAX_STUDIES = 500
MAX_UNFINISHED = 20  # per project
MAX_RUNNING = 2  # of the default worker's four threads; the rest stays free for short tasks


@transaction.atomic
def request_pull(
    *, actor: User, project: Project, source: Source, study_uids: Sequence[str]
) -> Transfer:
    """Queue the retrieval of studies of the source. Raises InvalidInput or Conflict."""
    if not study_uids:
        raise InvalidInput("Choose at least one study.", field="studies")
    return _request(actor, project, source, Direction.PULL, study_uids)


@transaction.atomic
def request_push(
    *, actor: User, project: Project, source: Source, study_uids: Sequence[str]
) -> Transfer:
    """Queue the sending of these studies of the project, or of all where none are named."""
    known = Case.objects.filter(project=project, study__study_instance_uid__in=study_uids)
    if known.count() != len(set(study_uids)):
        raise InvalidInput("A study is no case of this project.", field="studies")
    return _request(actor, project, source, Direction.PUSH, study_uids)


def _request(
    actor: User, project: Project, source: Source, direction: Direction, study_uids: Sequence[str]
) -> Transfer:
    unique = list(dict.fromkeys(study_uids))
    if len(unique) > MAX_STUDIES:
        raise InvalidInput(f"At most {MAX_STUDIES} studies at a time.", field="studies")
    if not all(map(is_uid, unique)):
        raise InvalidInput("A Study Instance UID is malformed.", field="studies")
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.transfers.filter(state__in=jobs.UNFINISHED).count() >= MAX_UNFINISHED:
        raise Conflict(f"{MAX_UNFINISHED} transfers are waiting already.")
    transfer = Transfer.objects.create(
        project=project, source=source, source_name=source.name, direction=direction,
        study_uids=unique, requested_by=actor,
    )  # fmt: skip
    _audit(actor, "requested", transfer, source_id=str(source.pk), studies=len(unique))
    ring_transfer(transfer)
    return transfer


@transaction.atomic
def cancel(*, actor: User, transfer: Transfer) -> None:
    """Stop after the instance that is under way; what has arrived stays."""
    if transfer.is_finished:
        raise Conflict("The transfer has ended already.", state=transfer.state)
    jobs.request_cancel(transfer)
    _audit(actor, "cancelled", transfer)


@transaction.atomic
def resume(*, actor: User, transfer: Transfer) -> Transfer:
    """Queue a transfer that ended early, or left instances out, again from where it was."""
    locked = Transfer.objects.select_for_update(of=("self",)).get(pk=transfer.pk)
    is_whole = locked.state == JobState.COMPLETED and locked.failed_count == 0
    if not locked.is_finished or is_whole:
        raise Conflict("There is nothing to resume.", state=locked.state)
    _source_of(locked)
    # The attempt number goes on counting: it is the fence against an older worker.
    locked.state, locked.error = JobState.PENDING, ""
    locked.cancel_requested, locked.finished_at = False, None
    locked.save(update_fields=["state", "error", "cancel_requested", "finished_at"])
    _audit(actor, "resumed", locked)
    ring_transfer(locked)
    return locked


def ring_transfer(transfer: Transfer) -> None:
    ring(run_transfer, str(transfer.pk))


def run_if_free(transfer_id: str | UUID) -> None:
    """Run the transfer unless enough others run; then it stays pending and is rung later."""
    running = Transfer.objects.filter(
        state=JobState.RUNNING, lease_expires_at__gt=timezone.now()
    ).exclude(pk=transfer_id)
    if running.count() >= MAX_RUNNING:
        return
    jobs.execute(Transfer, transfer_id, run)
    waiting = Transfer.objects.filter(state=JobState.PENDING).order_by("created_at").first()
    if waiting is not None:
        ring_transfer(waiting)


def run(transfer: Transfer) -> None:
    """Do the work of a claimed transfer."""
    server = open_server(_source_of(transfer))
    tally = Tally(transfer)
    try:
        (pull if transfer.direction == Direction.PULL else push)(transfer, server, tally)
        tally.save()
    finally:
        tally.write()
    if jobs.finish(transfer, JobState.COMPLETED):
        _audit(
            transfer.requested_by, "completed", transfer,
            new=tally.new, known=tally.known, failed=tally.failed,
        )  # fmt: skip


def _source_of(transfer: Transfer) -> Source:
    """The source, if it still exists and the project may still use it."""
    source = transfer.project.sources.filter(transfers=transfer).first()
    if source is None:
        raise Conflict(f"The project may not use the source {transfer.source_name} any more.")
    return source


def _audit(actor: User, what: str, transfer: Transfer, **detail: int | str) -> None:
    audit.record(
        actor=actor, action=f"{transfer.direction}_{what}", target=transfer,
        project_id=transfer.project_id, **detail,
    )  # fmt: skip
