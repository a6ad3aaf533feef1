"""Asks for trackers to be told of jobs that ended: in tasks of their own, which can fail by themselves."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from annotation.core import jobs
from annotation.core.tasks import ring
from learning.models import CrossValidation, EncoderKind, EncoderVersion, Round

Tracked = Round | CrossValidation | EncoderVersion
MOST = 100  # of a kind at once


def ring_trackers(job: Tracked) -> None:
    """Tell the configured trackers of an ended job."""
    from learning.tasks import track_cross_validation, track_pretraining, track_round

    if not settings.TRACKERS:
        return
    if isinstance(job, Round):
        ring(track_round, str(job.pk))
    elif isinstance(job, CrossValidation):
        ring(track_cross_validation, str(job.pk))
    else:
        ring(track_pretraining, str(job.pk))


def untracked() -> list[Tracked]:
    """Jobs of the last day that have failed in training, or whose message to the trackers may be lost."""
    if not settings.TRACKERS:
        return []
    now = timezone.now()
    since = Q(
        tracked={}, finished_at__range=(now - timedelta(days=1), now - timedelta(minutes=15))
    )  # fmt: skip
    done, failed = Q(state=jobs.JobState.COMPLETED), Q(state=jobs.JobState.FAILED)
    rounds = Round.objects.filter(since, done | failed & ~Q(curves=[]))
    folds = CrossValidation.objects.filter(since, done | failed & ~Q(folds=[]))
    learned = EncoderVersion.objects.filter(since, done | failed & ~Q(curves=[]))
    learned = learned.filter(kind=EncoderKind.PRETRAINED)
    return [
        *rounds.order_by("finished_at")[:MOST], *folds.order_by("finished_at")[:MOST],
        *learned.order_by("finished_at")[:MOST],
    ]  # fmt: skip
