"""What a project manager may believe: figures of predictions that were made before the label came.

The random arm gives the error of the pool as it is; the drawn cases give it too, weighted by their
chances (LURE); the curve of the heads gives a forecast and, with the rest, an advice when to stop.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotation.labeling.models import Selection
from learning.estimates.balanced import Doubles
from learning.estimates.forecast import Forecast, NotEnoughPoints, forecast
from learning.estimates.lure import Draw, Estimate, InvalidDraws, lure, pooled
from learning.estimates.stopping import Condition, Evidence, Stopping, audit_agreement, stopping
from learning.estimates.triggers import Advice, Prequential
from learning.heads.kinds import HEAD_KINDS, HeadKind, Scalar
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
    unit: str | None  # of the errors, empty where they have none; None where they are rates
    # Error in the random arm: a rate, balanced where labels are independent; of numbers the mean
    audit: Estimate | None
    weighted: Estimate | None  # the same of the pool from the drawn cases
    recent: Prequential
    retraining: Advice
    forecast: Forecast | None
    stopping: Stopping
    agreement: Condition | None


def honest_figures(target: Target) -> HonestFigures:
    """The figures of a target now."""
    outcomes = list(
        Outcome.objects.filter(target=target, said__isnull=False)
        .select_related("head")
        .defer("head__content")
        .order_by("created_at", "pk")
    )
    heads = list(target.heads.order_by("-number").defer("content")[:HEADS])[::-1]
    audit = _audit([o for o in outcomes if o.selection == Selection.CONTROL])
    kind = HEAD_KINDS.get(target.kind, HEAD_KINDS["one"])
    curve = _forecast(heads, kind.forecast)
    latest = heads[-1] if heads else None
    unit = (latest.unit if latest else "") if isinstance(kind, Scalar) else None
    advice = stopping(
        Evidence(
            kappas=[h.metrics["kappa"] for h in heads if "kappa" in h.metrics],
            forecast=curve,
            target=None,
            figure_low=None,
            audit=audit,
            tolerance=TOLERANCE if unit is None else None,
            counts=_per_class(latest, kind),
            minimum=MIN_PER_CLASS,
            unit=unit,
        )
    )
    return HonestFigures(
        outcomes=len(outcomes),
        unit=unit,
        audit=audit,
        weighted=_weighted([o for o in outcomes if o.selection == Selection.RANKED]),
        recent=recent_surprise(target),
        retraining=advice_of(target),
        forecast=curve,
        stopping=advice,
        agreement=_agreement(audit, latest, unit),
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


def _forecast(heads: Sequence[HeadVersion], figure: str) -> Forecast | None:
    # A number foreseen worse than by the mean of all, R2 below 0, is not foreseen at all.
    points = [
        (h.training_labels, max(h.metrics[figure], 0.0)) for h in heads if figure in h.metrics
    ]
    labels, values = (
        (np.asarray(column, float) for column in zip(*points, strict=True))
        if points
        else (np.zeros(0), np.zeros(0))
    )
    try:
        found = forecast(labels, values, np.random.default_rng(SEED))
    except NotEnoughPoints:
        return None
    return replace(found, figure="R²") if figure == "r2" else found


def _per_class(latest: HeadVersion | None, kind: HeadKind) -> dict[str, int]:
    counts = latest.metrics.get("per_class", []) if latest else []
    return dict(zip(kind.names(latest.classes), counts, strict=True)) if latest and counts else {}


def _agreement(
    audit: Estimate | None, latest: HeadVersion | None, unit: str | None
) -> Condition | None:
    figures = latest.metrics if latest else {}
    if unit is not None:
        error = figures.get("mean_absolute_error")
        return audit_agreement(audit, error, unit) if audit and error is not None else None
    accuracy = figures.get("accuracy", figures.get("balanced_accuracy"))
    return audit_agreement(audit, 1 - accuracy) if audit and accuracy is not None else None
