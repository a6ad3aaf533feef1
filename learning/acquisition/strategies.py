"""The strategies by name, called through modAL's query interface and held to one contract.

modAL's own query functions mix signs, return unordered batches and hide errors behind a bare
`except`; only its interface and its measures are used (Settles 2009, §3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from modAL.models import ActiveLearner
from numpy.typing import NDArray

from learning.acquisition import herding, methods, reasons, uncertainty
from learning.acquisition.methods import HEAD, Choice, Measure, Method
from learning.acquisition.names import ALL_TITLES, BY_CHANCE
from learning.acquisition.pool import NOTHING_LABELED, Labeled, Pick, Pool, Rows
from learning.acquisition.table import PredictionTable

Scores = NDArray[np.float64]
Wanted = Callable[[Pool, Labeled], Scores]


@dataclass(frozen=True)
class Strategy:
    """A name, a title for people, and the method that chooses."""

    name: str
    title: str
    method: Method
    measure: Wanted | None = None  # where it can also score every case
    leads: bool = (
        False  # it chooses one case after the other, and is asked for the first HEAD alone
    )
    arm: str = ""  # what a row is chosen for where the measure alone decides

    @property
    def is_random(self) -> bool:
        return self.name == BY_CHANCE


@dataclass(frozen=True)
class Ranking:
    """Row numbers best first, the score of every row in row order, and the picks best first."""

    order: Rows
    scores: NDArray[np.float64]
    picks: list[Pick]


def _plain(measure: Measure) -> Wanted:
    """A measure that asks nothing of the labels."""
    return lambda pool, _labeled: measure(pool)


_METHODS: dict[str, tuple[Method, Wanted | None, bool, str]] = {
    "margin": (
        methods.highest(uncertainty.margin, "margin"),
        _plain(uncertainty.margin),
        False,
        "margin",
    ),
    "entropy": (
        methods.highest(uncertainty.entropy, "entropy"),
        _plain(uncertainty.entropy),
        False,
        "entropy",
    ),
    "least_confident": (
        methods.highest(uncertainty.least_confident, "least_confident"),
        _plain(uncertainty.least_confident),
        False,
        "least_confident",
    ),
    "power_margin": (
        methods.sampled(uncertainty.margin, "margin"),
        _plain(uncertainty.margin),
        True,
        "margin",
    ),
    "stratified_margin": (methods.stratified_margin, methods.wanted_margin, True, "margin"),
    "random": (methods.at_random, None, False, ""),
    "herding": (herding.herding, None, False, ""),
    "adaptive": (methods.adaptive, None, False, ""),
    "typicality": (methods.typical, None, False, ""),
    "rare": (methods.rare, None, False, ""),
    "badge": (methods.badge, None, False, ""),
    "core_set": (methods.core_set, None, False, ""),
    "bald": (methods.highest(uncertainty.bald, "bald"), _plain(uncertainty.bald), False, "bald"),
    "variance": (
        methods.sampled(uncertainty.variance, "variance"),
        _plain(uncertainty.variance),
        True,
        "variance",
    ),
    "class_entropy": (methods.class_entropy, _plain(uncertainty.mask_entropy), True, "mask"),
    "foreground_random": (methods.foreground_random, None, False, ""),
    "boxes": (methods.boxes, _plain(uncertainty.boxes), True, "boxes"),
}
STRATEGIES: dict[str, Strategy] = {
    name: Strategy(name, title, *_METHODS[name]) for name, title in ALL_TITLES.items()
}


class BrokenStrategy(RuntimeError):
    """A strategy answered something that is no ordered, finite, duplicate-free choice."""


def select(
    strategy: Strategy, pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator
) -> list[Pick]:
    """The next `count` cases to label, best first, each with its chance and its reason.

    Fewer where the pool is smaller. Raises InvalidPool where the strategy lacks what it needs.
    """
    if count < 0:
        raise ValueError(f"count must not be negative, not {count}")
    if len(pool) == 0 or count == 0:
        return []
    choice = _query(strategy, pool, labeled, min(count, len(pool)), rng)
    return [_pick(pool, labeled, choice, place) for place in range(len(choice.rows))]


def _query(
    strategy: Strategy, pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator
) -> Choice:
    """The method's choice, asked for through modAL."""
    answers: list[Choice | Exception] = []

    def query(
        _learner: Any, _rows: NDArray[np.int64], n_instances: int = 1, **_: Any
    ) -> tuple[Rows, NDArray[np.float64]]:
        # modAL calls a failing strategy a second time and loses the first error.
        if not answers:
            try:
                answers.append(strategy.method(pool, labeled, n_instances, rng))
            except Exception as error:  # noqa: BLE001  raised again below
                answers.append(error)
        answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer.rows, answer.scores

    learner = ActiveLearner(estimator=_table(pool), query_strategy=query)
    rows, _, scores = learner.query(
        np.arange(len(pool))[:, None], n_instances=count, return_metrics=True
    )
    choice = answers[0]
    assert isinstance(choice, Choice)  # noqa: S101  an Exception has been raised above
    _check(strategy, np.asarray(rows), np.asarray(scores), choice, count)
    return choice


def _table(pool: Pool) -> PredictionTable:
    if pool.probabilities is not None and pool.answers == "one":
        return PredictionTable(np.asarray(pool.probabilities))
    return PredictionTable(np.full((1, 2), 0.5))


def _check(
    strategy: Strategy, rows: Rows, scores: NDArray[np.float64], choice: Choice, count: int
) -> None:
    chances = choice.propensities
    sound = (
        rows.shape == scores.shape == (count,)
        and len(np.unique(rows)) == count
        and bool(np.isfinite(scores).all())
        and bool((np.diff(scores) <= 0).all())
        and (chances is None or bool(((chances > 0) & (chances <= 1 + 1e-9)).all()))
    )
    if not sound:
        raise BrokenStrategy(f"strategy {strategy.name} gave no complete finite ranking")


def _pick(pool: Pool, labeled: Labeled, choice: Choice, place: int) -> Pick:
    row = int(choice.rows[place])
    components = {name: float(values[place]) for name, values in choice.components.items()}
    chance = None if choice.propensities is None else float(choice.propensities[place])
    arm = choice.arms[place]
    why = reasons.why(pool, labeled, row, arm, components)
    return Pick(row, float(choice.scores[place]), chance, arm, components, why)


def rank(
    strategy: Strategy, pool: Pool, rng: np.random.Generator, labeled: Labeled = NOTHING_LABELED
) -> Ranking:
    """Order all rows of a pool from predictions alone; ties break at random.

    A strategy that leads chooses the first HEAD rows; the others follow by its measure.
    """
    count = len(pool)
    if count == 0:
        return Ranking(np.zeros(0, np.int64), np.zeros(0), [])
    size = min(HEAD, count) if strategy.leads else count
    choice = _query(strategy, pool, labeled, size, rng)
    picks = [_pick(pool, labeled, choice, place) for place in range(size)]
    order, scores = choice.rows, np.empty(count)
    scores[order] = choice.scores
    if size < count and strategy.measure is not None:
        measured = strategy.measure(pool, labeled)
        rest = np.setdiff1d(np.arange(count), order)
        rest = rest[np.lexsort((rng.random(len(rest)), -measured[rest]))]
        order = np.append(order, rest)
        scores[rest] = measured[rest]
        scores[choice.rows] += scores[rest].max()
        picks = [replace(pick, score=float(scores[pick.row])) for pick in picks]
        picks += [_measured(strategy, pool, int(row), float(scores[row])) for row in rest]
    return Ranking(order, scores, picks)


def _measured(strategy: Strategy, pool: Pool, row: int, score: float) -> Pick:
    """A row behind those that were chosen, in the order of the measure."""
    components = {strategy.arm: score}
    if strategy.arm == "boxes" and "objects" in pool.components:  # its sentence counts them
        components["objects"] = float(pool.components["objects"][row])
    why = reasons.why(pool, NOTHING_LABELED, row, strategy.arm, components)
    return Pick(row, score, None, strategy.arm, components, why)
