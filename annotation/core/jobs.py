"""Long work as a row with a state: claimed, fenced by attempt, kept alive, found when lost.

PostgreSQL is the truth and the broker a doorbell: losing every message loses no work.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone

from annotation.core.models import BaseModel

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 3


class JobState(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobState.PENDING, JobState.RUNNING)


class JobCancelled(Exception):
    """Somebody asked for the job to stop."""


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

    @classmethod
    def ownership(cls, job: Self) -> models.QuerySet[Self]:
        """The row, only while this attempt owns it: every write of a worker goes through here."""
        return cls._default_manager.filter(pk=job.pk, state=JobState.RUNNING, attempt=job.attempt)


J = TypeVar("J", bound=Job)


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(model: type[J], job_id: Any) -> J | None:
    """Take a pending job, or a running one whose lease has lapsed; None where another has it."""
    now = timezone.now()
    free = Q(state=JobState.PENDING) | Q(state=JobState.RUNNING, lease_expires_at__lt=now)
    taken = model._default_manager.filter(free, pk=job_id).update(
        state=JobState.RUNNING,
        attempt=F("attempt") + 1,
        lease_expires_at=_lease(),
        started_at=models.functions.Coalesce("started_at", now),
    )
    return model._default_manager.get(pk=job_id) if taken else None


def report(job: Job, **progress: Any) -> None:
    """Renew the lease and show progress; raises JobCancelled or JobFenced."""
    model = type(job)
    changes: dict[str, Any] = {"lease_expires_at": _lease()}
    if progress:
        changes["progress"] = progress
    if not model.ownership(job).update(**changes):
        raise JobFenced(f"{model.__name__} {job.pk} attempt {job.attempt}")
    if model._default_manager.filter(pk=job.pk, cancel_requested=True).exists():
        raise JobCancelled(f"{model.__name__} {job.pk}")


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
    except JobFenced:
        logger.warning("job_fenced kind=%s id=%s", model.__name__, job.pk)
    except Exception as error:
        logger.exception("job_failed kind=%s id=%s", model.__name__, job.pk)
        finish(job, JobState.FAILED, error=f"{type(error).__name__}: {error}")


def request_cancel(job: Job) -> None:
    """A pending job ends at once; a running one at its next report."""
    model = type(job)
    now = timezone.now()
    model._default_manager.filter(pk=job.pk, state=JobState.PENDING).update(
        state=JobState.CANCELLED, finished_at=now
    )
    model._default_manager.filter(pk=job.pk, state=JobState.RUNNING).update(cancel_requested=True)


def lost_jobs(model: type[J]) -> list[J]:
    """Jobs whose doorbell may be lost: pending ones, and running ones with a lapsed lease."""
    now = timezone.now()
    end_hopeless(model)
    waiting = Q(state=JobState.PENDING, created_at__lt=now - timedelta(seconds=5))
    return list(
        model._default_manager.filter(
            waiting | Q(state=JobState.RUNNING, lease_expires_at__lt=now)
        ).order_by("created_at")[:100]
    )


def end_hopeless(model: type[J]) -> None:
    """End lapsed jobs that were to be cancelled, and those that have used up their attempts.

    A task that kills its worker must not loop.
    """
    now = timezone.now()
    lapsed = model._default_manager.filter(state=JobState.RUNNING, lease_expires_at__lt=now)
    lapsed.filter(cancel_requested=True).update(state=JobState.CANCELLED, finished_at=now)
    lapsed.filter(attempt__gte=MAX_ATTEMPTS).update(
        state=JobState.FAILED,
        finished_at=now,
        error=f"The worker died {MAX_ATTEMPTS} times while it ran this job.",
    )
