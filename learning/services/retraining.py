"""Whether a network is worth training again: one rule for the policy and for what managers are told."""

from datetime import datetime

from annotation.core.jobs import JobState
from annotation.labeling import selectors as labeling
from annotation.labeling.models import Selection
from learning.estimates.triggers import (
    MIN_NEW,
    WINDOW,
    Advice,
    Prequential,
    prequential,
    retraining,
)
from learning.models import Target
from learning.services.outcomes import foretold, surprise_of

FRUITLESS = (JobState.FAILED, JobState.CANCELLED)  # ends of a round that has learned nothing


def advice_of(target: Target) -> Advice:
    """Whether a round is due by the reads that were accepted since the last one froze its labels, and why.

    A failed or cancelled round has taught nothing, so its reads still count. The losses are
    those of labels that came since: what a round has learned surprises it no more.
    """
    last = (
        target.rounds.exclude(state__in=FRUITLESS)
        .select_related("dataset")
        .order_by("-number")
        .first()
    )
    since = (last.dataset or last).created_at if last else None
    new = labeling.count_accepted_since(target.project, since)
    return retraining(
        new=new,
        before=labeling.count_accepted_since(target.project, None) - new,
        least=target.retrain_after or MIN_NEW,
        recent=recent_surprise(target, since),
    )


def recent_surprise(target: Target, since: datetime | None = None) -> Prequential:
    """The losses of the latest labels that the light head had ranked, beside what it expected."""
    found = foretold(target).filter(selection=Selection.RANKED)
    if since is not None:
        found = found.filter(created_at__gt=since)
    found = found.select_related("head").defer("head__content")
    latest = list(found.order_by("-created_at", "-pk")[:WINDOW])
    losses = [surprise_of(outcome) for outcome in latest[::-1]]
    return prequential([loss for loss, _ in losses], [expected for _, expected in losses])
