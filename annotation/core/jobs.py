"""Long work as a row with a state: claimed, fenced by attempt, kept alive, found when lost.

PostgreSQL is the truth and the broker a doorbell: losing every message loses no work.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone

from annotation.core import wording
from annotation.core.disk import is_disk_full
from annotation.core.models import BaseModel

logger = logging.getLogger(__name__)
DISK_FULL = "The disk of the worker is full: make room, and start it again."
DISK_FULL_PAUSED = "The disk of the worker is full: make room, and resume. Nothing is lost."
MAX_ATTEMPTS = 3  # that leave nothing to go on from


class JobState(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobState.PENDING, JobState.RUNNING)
PAUSED = Q(state=JobState.PENDING, pause_requested=True)  # of pausable jobs


class JobCancelled(Exception):
    """Somebody asked for the job to stop."""


class JobPaused(Exception):
    """Somebody asked for the job to wait: what it has is kept, and its worker is free."""


class JobFenced(Exception):
    """Another attempt owns the row now; this one must write nothing more."""


class Job(BaseModel):
    """The columns that every long piece of work has."""

    state = models.CharField(max_length=10, choices=JobState, default=JobState.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    progress = models.JSONField(default=dict)  # {"step": …, "done": n, "total": n}
    error = models.TextField(default="", blank=True)

    class Meta:
        abstract = True

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def error_words(self) -> wording.Words:
        """The error in no language; {} where it is only a sentence."""
        return wording.words_of_error(self.error)

    @classmethod
    def ownership(cls, job: Self) -> models.QuerySet[Self]:
        """The row, only while this attempt owns it: every write of a worker goes through here."""
        return cls._default_manager.filter(pk=job.pk, state=JobState.RUNNING, attempt=job.attempt)

    @classmethod
    def is_takable(cls, now: datetime) -> Q:
        """Pending, or running with a lapsed lease."""
        return Q(state=JobState.PENDING) | Q(state=JobState.RUNNING, lease_expires_at__lt=now)

    def require_wanted(self) -> None:
        """Raises JobCancelled where somebody asked for it."""
        if type(self)._default_manager.filter(pk=self.pk, cancel_requested=True).exists():
            raise JobCancelled(f"{type(self).__name__} {self.pk}")


class ResumableJob(Job):
    """A job of which an attempt may leave something to go on from."""

    # The last attempt that did: only those after it count as having died for nothing
    kept_attempt = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True

    def note_kept(self) -> None:
        """This attempt has left something: a checkpoint, or a part that need not be done again."""
        if self.kept_attempt == self.attempt:
            return
        type(self).ownership(self).update(kept_attempt=self.attempt)
        self.kept_attempt = self.attempt


class PausableJob(ResumableJob):
    """A job that can wait in the middle: nobody takes it until it is resumed.

    Paused is pending with the wish set, so that it stays unfinished for every constraint and query.
    """

    pause_requested = models.BooleanField(default=False)

    class Meta:
        abstract = True

    @property
    def is_paused(self) -> bool:
        return self.state == JobState.PENDING and self.pause_requested

    @classmethod
    def is_takable(cls, now: datetime) -> Q:
        return super().is_takable(now) & Q(pause_requested=False)

    def require_wanted(self) -> None:
        """Raises JobCancelled or JobPaused; who cancels a job that is to wait wants it gone."""
        super().require_wanted()
        if type(self)._default_manager.filter(pk=self.pk, pause_requested=True).exists():
            raise JobPaused(f"{type(self).__name__} {self.pk}")


J = TypeVar("J", bound=Job)


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(model: type[J], job_id: Any) -> J | None:
    """Take a pending job, or a running one whose lease has lapsed; None where another has it."""
    now = timezone.now()
    taken = model._default_manager.filter(model.is_takable(now), pk=job_id).update(
        state=JobState.RUNNING,
        attempt=F("attempt") + 1,
        lease_expires_at=_lease(),
        started_at=models.functions.Coalesce("started_at", now),
    )
    return model._default_manager.get(pk=job_id) if taken else None


def report(job: Job, **progress: Any) -> None:
    """Renew the lease and show progress; raises JobCancelled, JobPaused or JobFenced."""
    model = type(job)
    changes: dict[str, Any] = {"lease_expires_at": _lease()}
    if progress:
        changes["progress"] = progress
    if not model.ownership(job).update(**changes):
        raise JobFenced(f"{model.__name__} {job.pk} attempt {job.attempt}")
    job.require_wanted()


def finish(job: Job, state: JobState, *, error: str = "") -> bool:
    """End the job if this attempt still owns it; True where it did."""
    changed = (
        type(job)
        .ownership(job)
        .update(state=state, error=error[:4000], finished_at=timezone.now(), lease_expires_at=None)
    )
    logger.info("job_%s kind=%s id=%s attempt=%s", state, type(job).__name__, job.pk, job.attempt)
    return bool(changed)


@contextlib.contextmanager
def heartbeat(job: Job) -> Iterator[None]:
    """Renew the lease from a thread with a connection of its own while long work runs."""
    stopped = threading.Event()

    def beat() -> None:
        try:
            while not stopped.wait(settings.JOB_LEASE_SECONDS / 4):
                with contextlib.suppress(
                    Exception
                ):  # a database restart; the next beat tries again
                    if not type(job).ownership(job).update(lease_expires_at=_lease()):
                        return
                    connection.close_if_unusable_or_obsolete()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, daemon=True, name=f"heartbeat-{job.pk}")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def execute(model: type[J], job_id: Any, work: Any) -> None:
    """Claim, run `work(job)`, record the outcome: what every job task does."""
    job = claim(model, job_id)
    if job is None:
        return
    try:
        with heartbeat(job):
            work(job)
    except JobCancelled:
        finish(job, JobState.CANCELLED)
    except JobPaused:
        put_back(job)
    except JobFenced:
        logger.warning("job_fenced kind=%s id=%s", model.__name__, job.pk)
    except Exception as error:
        logger.exception("job_failed kind=%s id=%s", model.__name__, job.pk)
        if not is_disk_full(error):
            finish(job, JobState.FAILED, error=wording.error_of(error))
        elif isinstance(job, PausableJob):
            wait_for_space(job)
        else:
            finish(job, JobState.FAILED, error=DISK_FULL)


def wait_for_space(job: PausableJob) -> None:
    """Pause the job with the reason: what it has is kept, and it goes on once somebody made room."""
    type(job).ownership(job).update(pause_requested=True, error=DISK_FULL_PAUSED)
    put_back(job)


def put_back(job: Job) -> None:
    """Leave the job as it is for a later worker. It was no death: the attempt does not count."""
    kept = (
        type(job)
        .ownership(job)
        .filter(cancel_requested=False)
        .update(state=JobState.PENDING, attempt=F("attempt") - 1, lease_expires_at=None)
    )
    if not kept:  # cancelled since its last report, or another's
        finish(job, JobState.CANCELLED)
    logger.info("job_put_back kind=%s id=%s kept=%s", type(job).__name__, job.pk, kept)


def request_cancel(job: Job) -> None:
    """A pending job ends at once; a running one at its next report.

    The wish first: whichever way the job moves between the two writes, somebody sees it.
    """
    rows = type(job)._default_manager.filter(pk=job.pk)
    rows.filter(state__in=UNFINISHED).update(cancel_requested=True)
    rows.filter(state=JobState.PENDING).update(state=JobState.CANCELLED, finished_at=timezone.now())


def request_pause(job: PausableJob) -> bool:
    """A pending job waits at once, a running one from its next report; False where nothing changed."""
    rows = type(job)._default_manager.filter(pk=job.pk, state__in=UNFINISHED)
    return bool(rows.filter(pause_requested=False).update(pause_requested=True))


def resume(job: PausableJob) -> bool:
    """Let workers take the job again, or its worker go on; False where it was not to wait."""
    rows = type(job)._default_manager.filter(pk=job.pk, state__in=UNFINISHED)
    return bool(rows.filter(pause_requested=True).update(pause_requested=False, error=""))


def lost_jobs(model: type[J]) -> list[J]:
    """Jobs whose doorbell may be lost: pending ones, and running ones with a lapsed lease."""
    now = timezone.now()
    end_hopeless(model)
    young = Q(state=JobState.PENDING, created_at__gte=now - timedelta(seconds=5))
    found = model._default_manager.filter(model.is_takable(now)).exclude(young)
    return list(found.order_by("created_at")[:100])


def end_hopeless(model: type[J]) -> None:
    """End lapsed jobs that were to be cancelled, and those that have used up their attempts.

    An attempt that left something to go on from begins the count anew: a round of days may lose its
    worker more often than one that gets nowhere. A task that kills its worker must not loop. One whose
    worker died before it could pause is paused.
    """
    now = timezone.now()
    lapsed = model._default_manager.filter(state=JobState.RUNNING, lease_expires_at__lt=now)
    lapsed.filter(cancel_requested=True).update(state=JobState.CANCELLED, finished_at=now)
    spent = F("attempt") - F("kept_attempt") if issubclass(model, ResumableJob) else F("attempt")
    lapsed.alias(spent=spent).filter(spent__gte=MAX_ATTEMPTS).update(
        state=JobState.FAILED,
        finished_at=now,
        error=f"The worker died {MAX_ATTEMPTS} times while it ran this job, and got nowhere.",
    )
    if issubclass(model, PausableJob):
        lapsed.filter(pause_requested=True).update(state=JobState.PENDING, lease_expires_at=None)
