"""What a project manager may believe: figures of predictions that were made before the label came.

The random arm gives the error of the cases still unlabeled; the drawn cases give it too, weighted by their
chances (LURE); the curve of the heads gives a forecast and, with the rest, an advice when to stop. Errors
are those of recent heads: the first ones knew little, and say nothing of the present one.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from annotation.core.jobs import JobState
from annotation.labeling.models import Selection
from learning.acquisition.names import BY_CHANCE
from learning.estimates.balanced import Doubles
from learning.estimates.forecast import Forecast, NotEnoughPoints, forecast, rows_apart
from learning.estimates.lure import Draw, Estimate, InvalidDraws, lure, pooled
from learning.estimates.stopping import (
    LEAST_AUDITED,
    Condition,
    Evidence,
    Goal,
    Stopping,
    audit_agreement,
    stopping,
)
from learning.estimates.triggers import Advice, Prequential
from learning.estimates.wording import Sentence
from learning.heads.kinds import HEAD_KINDS, HeadKind, Scalar
from learning.kinds import figure_of
from learning.models import HeadVersion, Outcome, Target
from learning.services.outcomes import error_of, foretold
from learning.services.retraining import advice_of, recent_surprise
from learning.services.round_curves import SEED, forecast_of_rounds, points_of_rounds
from learning.services.targets import has_light_head
from learning.training.metrics.figures import SMALLER_IS_BETTER

TOLERANCE = 0.15  # error of suggestions that is accepted in the audit where the manager says none
MIN_PER_CLASS = 10
HEADS = 200  # the latest, of which the drawn curve is made
RECENT = 0.5  # heads that knew this share of the present one's labels stand for it
AHEAD = 200  # labels that the forecast looks ahead
# Of the pool, drawn by rank, from which on what is left is too easy to be held against the test: by margin
# the error of the rest was 0.074 at a tenth of 3,000 and 0.047 at a fifth, where that of all was 0.096.
MOST_DRAWN = 0.1


@dataclass(frozen=True)
class Window:
    """The heads whose predictions count: numbers, and the labels that they had learned from."""

    first: int
    last: int
    labels_first: int
    labels_last: int


@dataclass(frozen=True)
class HonestFigures:
    """Everything that is known of the loop itself; None where it cannot be told, or not yet."""

    outcomes: int
    unit: str | None  # of the errors, empty where they have none; None where they are rates
    window: Window | None  # of audit, weighted error and agreement
    # Error of the cases still unlabeled, by the random arm: a rate, balanced where labels are independent;
    # of numbers the mean
    audit: Estimate | None
    weighted: Estimate | None  # the same of the pool from the drawn cases
    recent: Prequential
    retraining: Advice
    forecast: Forecast | None
    stopping: Stopping
    agreement: Condition | None


def honest_figures(target: Target) -> HonestFigures:
    """The figures of a target now; without a light head they rest on its rounds alone."""
    return _of_heads(target) if has_light_head(target) else _of_rounds(target)


def _of_rounds(target: Target) -> HonestFigures:
    curve = forecast_of_rounds(target, points_of_rounds(target))
    advice = stopping(Evidence(forecast=curve, goal=goal_of(target, None)))
    return HonestFigures(
        outcomes=0, unit=None, window=None, audit=None, weighted=None, recent=recent_surprise(target),
        retraining=advice_of(target), forecast=curve, stopping=advice, agreement=None,
    )  # fmt: skip


def _of_heads(target: Target) -> HonestFigures:
    heads = like_the_latest(latest_heads(target))
    recent = _recent(heads)
    outcomes = foretold(target)
    counted = list(
        outcomes.filter(head__in=recent)
        .select_related("head")
        .defer("head__content")
        .order_by("created_at", "pk")
    )
    audited = [o for o in counted if o.selection == Selection.CONTROL]
    audit = _audit(audited)
    kind = HEAD_KINDS[target.kind]
    curve = forecast_of(target)
    latest = heads[-1] if heads else None
    unit = (latest.unit if latest else "") if isinstance(kind, Scalar) else None
    advice = stopping(
        Evidence(
            kappas=[h.metrics["kappa"] for h in heads if "kappa" in h.metrics],
            forecast=curve,
            goal=goal_of(target, latest),
            audit=audit,
            tolerance=_tolerance(target, unit),
            counts=_per_class(latest, kind),
            minimum=MIN_PER_CLASS,
            unit=unit,
        )
    )
    return HonestFigures(
        outcomes=outcomes.count(),
        unit=unit,
        window=_window(recent),
        audit=audit,
        weighted=_weighted([o for o in counted if o.selection == Selection.RANKED]),
        recent=recent_surprise(target),
        retraining=advice_of(target),
        forecast=curve,
        stopping=advice,
        agreement=_agreement(audit, audited, unit, _drawn_share(outcomes, latest)),
    )


def latest_heads(target: Target) -> list[HeadVersion]:
    """Those of which the curve is made, oldest first."""
    return list(target.heads.order_by("-number").defer("content")[:HEADS])[::-1]


def like_the_latest(heads: Sequence[HeadVersion]) -> list[HeadVersion]:
    """Those up to the latest that see by its encoder and give its answers: others tell another curve."""

    def speaks(head: HeadVersion) -> tuple[UUID, list[str]]:
        return head.encoder_id, head.classes

    alike = takewhile(lambda head: speaks(head) == speaks(heads[-1]), reversed(heads))
    return list(alike)[::-1]


def goal_of(target: Target, latest: HeadVersion | None) -> Goal | None:
    """The manager's goal beside what is sure of the latest round, or without one of the light head."""
    if target.goal is None:
        return None
    figure = figure_of(target.kind, target.input)
    is_better_higher = figure not in SMALLER_IS_BETTER
    done = target.rounds.filter(state=JobState.COMPLETED).order_by("-number").first()
    metrics: dict[str, Any] = done.metrics if done else {}
    found: dict[str, Any] = metrics.get(figure) or {}
    if found.get("low") is None and latest is not None and target.kind in HEAD_KINDS:
        metrics = latest.metrics
        found = metrics.get("intervals", {}).get(HEAD_KINDS[target.kind].deciding, {})
    end = found.get("low" if is_better_higher else "high")
    patients = metrics.get("patients", 0)
    # Where nobody counted yet, by an older release, all of them: the next round or head counts.
    rests_on = metrics.get("rests_on", patients)
    unit = latest.unit if latest else ""
    return Goal(target.goal, end, patients, rests_on, is_better_higher, unit)


def forecast_of(target: Target) -> Forecast | None:
    """What more labels will bring, by the curve of the light heads that are like the latest.

    Of all of them: among the latest 200 of thousands there are no four that stand apart.
    """
    figure = HEAD_KINDS[target.kind].forecast
    newest_first = target.heads.order_by("-number")
    rows = list(
        newest_first.values_list("encoder", "classes", "training_labels", f"metrics__{figure}")
    )
    alike = takewhile(lambda row: row[:2] == rows[0][:2], rows)
    # A number foreseen worse than by the mean of all, R2 below 0, is not foreseen at all.
    points = [(labels, max(value, 0.0)) for *_, labels, value in alike if value is not None]
    labels, values = np.asarray(points[::-1], float).reshape(-1, 2).T
    apart = rows_apart(labels)
    try:
        found = forecast(labels[apart], values[apart], np.random.default_rng(SEED))
    except NotEnoughPoints:
        return None
    return found if figure == "auc" else replace(found, figure=figure)


def _tolerance(target: Target, unit: str | None) -> float | None:
    """Of numbers only the manager knows what error is tolerable."""
    if target.tolerance is not None:
        return target.tolerance
    return TOLERANCE if unit is None else None


def _recent(heads: Sequence[HeadVersion]) -> list[HeadVersion]:
    """Those that knew at least half of what the present one knows: a curve is flat over that.

    Back to the first that knew much less, or much more: then the questions have changed since.
    """
    if not heads:
        return []
    now = heads[-1].training_labels
    alike = takewhile(
        lambda head: RECENT * now <= head.training_labels <= now / RECENT, reversed(heads)
    )
    return list(alike)[::-1]


def _window(recent: Sequence[HeadVersion]) -> Window | None:
    if not recent:
        return None
    first, last = recent[0], recent[-1]
    return Window(first.number, last.number, first.training_labels, last.training_labels)


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
    by_head: dict[UUID | None, list[int]] = defaultdict(list)
    for row, outcome in enumerate(drawn):
        by_head[outcome.head_id].append(row)

    def mean(losses: Doubles) -> Estimate | None:
        found = []
        for rows in by_head.values():
            # A head draws from open cases: it has learned from none of them.
            draws = [Draw(float(losses[row]), drawn[row].propensity or 0.0, 0) for row in rows]
            try:
                found.append(lure(draws, max(drawn[row].pool_size or 0 for row in rows)))
            except InvalidDraws:
                continue
        return pooled(found) if found else None

    return error_of(drawn, mean)


def _per_class(latest: HeadVersion | None, kind: HeadKind) -> dict[str, int]:
    counts = latest.metrics.get("per_class", []) if latest else []
    return dict(zip(kind.names(latest.classes), counts, strict=True)) if latest and counts else {}


def _drawn_share(outcomes: QuerySet[Outcome], latest: HeadVersion | None) -> float:
    """How much of what could be labeled was drawn by a rule that prefers some cases."""
    if latest is None:
        return 0.0
    ranked = outcomes.filter(selection=Selection.RANKED)
    count = ranked.exclude(head__strategy=BY_CHANCE).count()
    return count / max(count + latest.pool_size, 1)


def _agreement(
    audit: Estimate | None, audited: Sequence[Outcome], unit: str | None, drawn_share: float
) -> Condition | None:
    """The audit beside what the locked test said of the very heads that foresaw the audited cases.

    Beside the present head alone, the audit would lag behind a model that gets better. Not told once ranking
    has drawn much of the pool: audits are drawn from what is left, and the hard cases are gone from there.
    """
    found = [_test_error(o.head.metrics, unit) for o in audited if o.head is not None]
    known = [pair for pair in found if pair is not None]
    if audit is None or audit.draws < LEAST_AUDITED or not known or len(known) < len(found):
        return None
    if drawn_share > MOST_DRAWN:
        said = Sentence("audit_of_the_rest", share=100 * drawn_share, most=100 * MOST_DRAWN)
        return Condition("audit_agrees", None, said)
    error, doubt = (float(column) for column in np.mean(known, axis=0))
    return audit_agreement(audit, error, unit, doubt)


def _test_error(metrics: dict[str, Any], unit: str | None) -> tuple[float, float] | None:
    """The error of a head on the locked test, comparable with the audit, and its standard error.

    The heads' doubts are those of one test set, so that their mean is not smaller.
    """
    names = ["accuracy", "balanced_accuracy"] if unit is None else ["mean_absolute_error"]
    name = next((name for name in names if name in metrics), None)
    if name is None:
        return None
    interval = metrics.get("intervals", {}).get(name) or {}
    low, high = interval.get("low"), interval.get("high")
    doubt = (high - low) / (2 * 1.96) if low is not None and high is not None else 0.0
    return (1 - metrics[name] if unit is None else metrics[name]), doubt
