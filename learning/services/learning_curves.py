"""The learning curve with all that vouches for it: rounds, light heads, the random audit, the forecast.

All of them tell the same figure, the one that decides between models of the kind. The audit is prequential:
each case was foreseen before its label came, so it needs no test set and cannot be fitted to one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.labeling.models import Selection
from learning.estimates.forecast import Forecast
from learning.estimates.stopping import LEAST_AUDITED
from learning.heads.kinds import HEAD_KINDS, HeadKind
from learning.kinds import figure_of
from learning.models import HeadVersion, Outcome, Target
from learning.services.evidence import AHEAD, forecast_of, latest_heads
from learning.services.outcomes import foretold, prediction_of
from learning.services.round_curves import SEED, Point, forecast_of_rounds, points_of_rounds
from learning.services.targets import has_light_head
from learning.training.metrics.intervals import Estimate, bootstrap_figures

BLOCK = 25  # audited cases of a point
MOST_BLOCKS = 24  # each costs DRAWS figures, whenever somebody looks
BAND_POINTS = 9
DRAWS = 200


@dataclass(frozen=True)
class Curves:
    """All curves of one target; intervals are of 95 %, the forecast's band of 90 %."""

    figure: str
    rounds: list[Point]
    heads: list[Point]
    audit: list[Point]
    forecast: list[Point]


def curves_of(target: Target) -> Curves:
    """Everything that can be drawn of a target now."""
    figure = figure_of(target.kind, target.input)
    rounds = points_of_rounds(target)
    if not has_light_head(target):
        return Curves(figure, rounds, [], [], _band(forecast_of_rounds(target, rounds)))
    kind = HEAD_KINDS[target.kind]
    heads = latest_heads(target)
    ahead = forecast_of(target) if kind.forecast == kind.deciding else None
    return Curves(
        figure=figure,
        rounds=rounds,
        heads=[_of_head(head, kind) for head in heads if kind.deciding in head.metrics],
        audit=_audit(target, kind),
        forecast=_band(ahead),
    )


def _of_head(head: HeadVersion, kind: HeadKind) -> Point:
    found = head.metrics.get("intervals", {}).get(kind.deciding, {})
    estimate = Estimate(head.metrics[kind.deciding], found.get("low"), found.get("high"))
    return Point(head.training_labels, estimate, head.number, head.strategy, head.metrics.get("n"))


def _band(found: Forecast | None) -> list[Point]:
    if found is None:
        return []
    more = np.unique(np.linspace(0, AHEAD, BAND_POINTS).round().astype(int))
    return [Point(found.labels + int(n), Estimate(*found.band(int(n)))) for n in more]


def _audit(target: Target, kind: HeadKind) -> list[Point]:
    """Blocks of audited cases in their order, each where its heads stood on the curve."""
    outcomes = list(
        foretold(target)
        .filter(selection=Selection.CONTROL, head__isnull=False)
        .select_related("head", "case__study")
        .defer("head__content", "case__study__dicom_json")
        .order_by("created_at", "pk")
    )
    if not outcomes:
        return []
    classes = prediction_of(outcomes[-1])[0].classes
    same = [
        o for o in outcomes if prediction_of(o)[0].classes == classes
    ]  # later schemas have more
    blocks = [same[start:end] for start, end in audit_blocks(len(same))]
    return [_audited(block, kind, classes) for block in blocks]


def audit_blocks(count: int) -> list[tuple[int, int]]:
    """Where the points of so many audited cases begin and end; more cases make them larger, not more."""
    if count < LEAST_AUDITED:
        return []
    size = max(BLOCK, math.ceil(count / MOST_BLOCKS))
    starts = list(range(0, max(count - size, 0) + 1, size))
    return list(zip(starts, [*starts[1:], count], strict=True))


def _audited(block: Sequence[Outcome], kind: HeadKind, classes: Sequence[str]) -> Point:
    truth = np.asarray([_truth_of(outcome, classes) for outcome in block])
    said = np.asarray([outcome.said for outcome in block], float)
    studies = [outcome.case.study for outcome in block]
    patients = [study.patient_id or str(study.pk) for study in studies]
    found = bootstrap_figures(
        lambda rows: kind.figures(truth[rows], said[rows]), patients, np.random.default_rng(SEED), DRAWS
    )  # fmt: skip
    labels = float(np.mean([prediction_of(outcome)[0].training_labels for outcome in block]))
    return Point(labels, found[kind.deciding], count=len(block))


def _truth_of(outcome: Outcome, classes: Sequence[str]) -> Any:
    if outcome.number is not None:
        return outcome.number
    if outcome.labels is not None:
        return [np.nan if label is None else float(label) for label in outcome.labels]
    return classes.index(outcome.answer)
