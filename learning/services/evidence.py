"""What a project manager may believe: figures of predictions that were made before the label came.

The random arm gives the error of the pool as it is; the drawn cases give it too, weighted by their
chances (LURE); the curve of the heads gives a forecast and, with the rest, an advice when to stop.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.labeling.models import Selection
from learning.estimates.balanced import Doubles
from learning.estimates.forecast import Forecast, NotEnoughPoints, forecast
from learning.estimates.lure import Draw, Estimate, InvalidDraws, lure, pooled
from learning.estimates.stopping import Condition, Evidence, Stopping, audit_agreement, stopping
from learning.estimates.triggers import Advice, Prequential
from learning.models import HeadVersion, Outcome, Target
from learning.services.outcomes import error_of
from learning.services.retraining import advice_of, recent_surprise

TOLERANCE = 0.15  # error of suggestions that is accepted in the audit
MIN_PER_CLASS = 10
HEADS = 200  # the latest, of which the curve is made
AHEAD = 200  # labels that the forecast looks ahead
SEED = 0  # a forecast of the same curve shall not change from one look to the next


@dataclass(frozen=True)
class HonestFigures:
    """Everything the quick loop knows about itself; None where it cannot be told yet."""

    outcomes: int
    audit: Estimate | None  # error rate in the random arm; balanced where labels are independent
    weighted: Estimate | None  # error rate of the pool from the drawn cases
    recent: Prequential
    retraining: Advice
    forecast: Forecast | None
    stopping: Stopping
    agreement: Condition | None


def honest_figures(target: Target) -> HonestFigures:
    """The figures of a target now."""
    outcomes = list(
        Outcome.objects.filter(target=target, probabilities__isnull=False)
        .select_related("head")
        .defer("head__content")
        .order_by("created_at", "pk")
    )
    heads = list(target.heads.order_by("-number").defer("content")[:HEADS])[::-1]
    audit = _audit([o for o in outcomes if o.selection == Selection.CONTROL])
    curve = _forecast(heads)
    latest = heads[-1] if heads else None
    advice = stopping(
        Evidence(
            kappas=[h.metrics["kappa"] for h in heads if "kappa" in h.metrics],
            forecast=curve,
            target=None,
            figure_low=None,
            audit=audit,
            tolerance=TOLERANCE,
            counts=_per_class(latest),
            minimum=MIN_PER_CLASS,
        )
    )
    return HonestFigures(
        outcomes=len(outcomes),
        audit=audit,
        weighted=_weighted([o for o in outcomes if o.selection == Selection.RANKED]),
        recent=recent_surprise(target),
        retraining=advice_of(target),
        forecast=curve,
        stopping=advice,
        agreement=_agreement(audit, latest),
    )


def _audit(outcomes: Sequence[Outcome]) -> Estimate | None:
    """The plain mean: the random arm needs no weights."""
    return error_of(outcomes, _plain) if len(outcomes) > 1 else None


def _plain(losses: Doubles) -> Estimate:
    error = float(losses.std(ddof=1) / math.sqrt(len(losses)))
    return Estimate(float(losses.mean()), error, len(losses), float(len(losses)))


def _weighted(outcomes: Sequence[Outcome]) -> Estimate | None:
    """Every head's draws give an estimate; together they give one without too heavy tails."""
    drawn = [o for o in outcomes if o.propensity is not None and o.pool_size is not None]
    drawn.sort(key=lambda o: o.place or 0)  # the weights depend on the order of the draws
    by_head: dict[object, list[int]] = defaultdict(list)
    for row, outcome in enumerate(drawn):
        by_head[outcome.head_id].append(row)

    def mean(losses: Doubles) -> Estimate | None:
        found = []
        for rows in by_head.values():
            draws = [Draw(float(losses[row]), drawn[row].propensity or 0.0, 0) for row in rows]
            try:
                found.append(lure(draws, max(drawn[row].pool_size or 0 for row in rows)))
            except InvalidDraws:
                continue
        return pooled(found) if found else None

    return error_of(drawn, mean)


def _forecast(heads: Sequence[HeadVersion]) -> Forecast | None:
    points = [(h.training_labels, h.metrics["auc"]) for h in heads if "auc" in h.metrics]
    labels, values = (
        (np.asarray(column, float) for column in zip(*points, strict=True))
        if points
        else (np.zeros(0), np.zeros(0))
    )
    try:
        return forecast(labels, values, np.random.default_rng(SEED))
    except NotEnoughPoints:
        return None


def _per_class(latest: HeadVersion | None) -> dict[str, int]:
    counts = latest.metrics.get("per_class", []) if latest else []
    return dict(zip(latest.classes, counts, strict=True)) if latest and counts else {}


def _agreement(audit: Estimate | None, latest: HeadVersion | None) -> Condition | None:
    figures = latest.metrics if latest else {}
    accuracy = figures.get("accuracy", figures.get("balanced_accuracy"))
    return audit_agreement(audit, 1 - accuracy) if audit and accuracy is not None else None
