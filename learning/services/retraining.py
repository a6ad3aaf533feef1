"""Whether a network is worth training again: one rule for the policy and for what managers are told."""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

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
from learning.models import HeadVersion, Outcome, Target

MIN_PROBABILITY = 1e-6


def advice_of(target: Target) -> Advice:
    """Whether a round is due by the reads that were accepted since the last one began, and why.

    The losses are those of labels that came since: what a round has learned surprises it no more.
    """
    last = target.rounds.order_by("-number").first()
    since = last.created_at if last else None
    new = labeling.count_accepted_since(target.project, since)
    return retraining(
        new=new,
        before=labeling.count_accepted_since(target.project, None) - new,
        least=target.retrain_after or MIN_NEW,
        recent=recent_surprise(target, since),
    )


def recent_surprise(target: Target, since: datetime | None = None) -> Prequential:
    """The losses of the latest labels that the light head had ranked, beside what it expected."""
    found = Outcome.objects.filter(
        target=target, probabilities__isnull=False, selection=Selection.RANKED
    )
    if since is not None:
        found = found.filter(created_at__gt=since)
    found = found.select_related("head").defer("head__content")
    latest = list(found.order_by("-created_at", "-pk")[:WINDOW])
    return prequential(*_losses(latest[::-1]))


def prediction_of(outcome: Outcome) -> tuple[HeadVersion, list[float]]:
    """Of an outcome that has one."""
    assert outcome.head is not None and outcome.probabilities is not None  # noqa: S101
    return outcome.head, outcome.probabilities


def _losses(outcomes: Sequence[Outcome]) -> tuple[list[float], list[float]]:
    """Log-loss of every outcome, and what the head itself expected: its entropy."""
    losses, expected = [], []
    for outcome in outcomes:
        head, probabilities = prediction_of(outcome)
        said = np.maximum(np.asarray(probabilities, float), MIN_PROBABILITY)
        losses.append(-math.log(said[head.classes.index(outcome.answer)]))
        expected.append(float(-(said * np.log(said)).sum()))
    return losses, expected
