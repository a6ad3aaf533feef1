"""The learning curve of a target's rounds, and what it foresees."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from annotation.core.jobs import JobState
from learning.estimates.forecast import Forecast, NotEnoughPoints, forecast
from learning.kinds import figure_of
from learning.models import Round, Target
from learning.training.metrics.figures import SMALLER_IS_BETTER
from learning.training.metrics.intervals import Estimate

SEED = 0  # a forecast of the same curve shall not change from one look to the next


@dataclass(frozen=True)
class Point:
    """A figure with its interval at so many labels; `number` of the round or head, None of others."""

    labels: float
    estimate: Estimate
    number: int | None = None
    strategy: str = ""
    count: int | None = None  # cases that it was measured on


def points_of_rounds(target: Target) -> list[Point]:
    """The figure that decides between models of the kind, of each completed round, oldest first."""
    figure = figure_of(target.kind, target.input)
    done = target.rounds.filter(state=JobState.COMPLETED).order_by("number")
    return [_of_round(round_, figure) for round_ in done if round_.training_labels]


def forecast_of_rounds(target: Target, rounds: Sequence[Point]) -> Forecast | None:
    """None where there are too few like the latest, or where the figure is an error: the law rises."""
    if figure_of(target.kind, target.input) in SMALLER_IS_BETTER:
        return None
    alike = _like_the_latest(target, rounds)
    known = [(p.labels, p.estimate.value) for p in alike if p.estimate.value is not None]
    labels, values = np.asarray(known, float).reshape(-1, 2).T
    try:
        return forecast(labels, values, np.random.default_rng(SEED))
    except NotEnoughPoints:
        return None


def _like_the_latest(target: Target, rounds: Sequence[Point]) -> list[Point]:
    """Those up to the latest whose models give its answers by its input: others tell another curve."""
    versions = target.model_versions.filter(round__isnull=False)
    asked: dict[int | None, Any] = {
        number: (classes, seen)
        for number, classes, seen in versions.values_list("round__number", "classes", "input")
    }
    alike = takewhile(
        lambda point: asked.get(point.number) == asked.get(rounds[-1].number), reversed(rounds)
    )
    return list(alike)[::-1]


def _of_round(round_: Round, figure: str) -> Point:
    found: dict[str, Any] = round_.metrics.get(figure) or {}
    estimate = Estimate(found.get("value"), found.get("low"), found.get("high"))
    return Point(
        round_.training_labels or 0, estimate, round_.number, round_.strategy, round_.metrics.get("n")
    )  # fmt: skip
