"""The strategies by name, called through modAL's query interface and held to one contract.

modAL's own query functions mix signs, return unordered batches and hide errors behind a bare
`except`; only its interface and its measures are used (Settles 2009, §3.1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from modAL.models import ActiveLearner
from numpy.typing import NDArray

from learning.acquisition import methods, reasons, uncertainty
from learning.acquisition.methods import Choice, Measure, Method
from learning.acquisition.names import ALL_TITLES
from learning.acquisition.pool import NOTHING_LABELED, Labeled, Pick, Pool, Rows
from learning.acquisition.table import PredictionTable, Probabilities

HEAD = 200  # of a whole ranking so many are drawn with exact chances; the rest follows in order


@dataclass(frozen=True)
class Strategy:
    """A name, a title for people, and the method that chooses."""

    name: str
    title: str
    method: Method
    measure: Measure | None = None  # where it can also score every case
    draws: bool = False  # by chance, and so one case after the other

    @property
    def is_random(self) -> bool:
        return self.name == "random"


@dataclass(frozen=True)
class Ranking:
    """Row numbers best first, and the score of every row in row order."""

    order: Rows
    scores: NDArray[np.float64]


_METHODS: dict[str, tuple[Method, Measure | None, bool]] = {
    "margin": (methods.highest(uncertainty.margin, "margin"), uncertainty.margin, False),
    "entropy": (methods.highest(uncertainty.entropy, "entropy"), uncertainty.entropy, False),
    "least_confident": (
        methods.highest(uncertainty.least_confident, "least_confident"),
        uncertainty.least_confident,
        False,
    ),
    "power_margin": (methods.sampled(uncertainty.margin, "margin"), uncertainty.margin, True),
    "stratified_margin": (methods.stratified_margin, uncertainty.margin, True),
    "random": (methods.at_random, None, False),
    "adaptive": (methods.adaptive, None, False),
    "typicality": (methods.typical, None, False),
    "rare": (methods.rare, None, False),
    "badge": (methods.badge, None, False),
    "core_set": (methods.core_set, None, False),
    "bald": (methods.highest(uncertainty.bald, "bald"), uncertainty.bald, False),
    "variance": (methods.sampled(uncertainty.variance, "variance"), uncertainty.variance, True),
    "class_entropy": (methods.class_entropy, None, False),
    "boxes": (methods.boxes, None, False),
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


def reason(strategy: Strategy, probabilities: NDArray[np.float64], classes: list[str]) -> str:
    """One sentence for the reader, from the probabilities (C,) of exclusive answers alone."""
    return "Drawn at random" if strategy.is_random else reasons.undecided(probabilities, classes)


def rank(strategy: Strategy, probabilities: Probabilities, rng: np.random.Generator) -> Ranking:
    """Order all rows of a table of predictions; ties break at random.

    A strategy that draws by chance draws the first HEAD rows; the others follow by its measure.
    """
    count = len(probabilities)
    if count == 0:
        return Ranking(np.zeros(0, np.int64), np.zeros(0))
    pool = Pool(probabilities=probabilities)
    size = HEAD if strategy.draws else count
    choice = _query(strategy, pool, NOTHING_LABELED, min(size, count), rng)
    order, scores = choice.rows, np.empty(count)
    scores[order] = choice.scores
    if len(order) < count and strategy.measure is not None:
        rest = np.setdiff1d(np.arange(count), order)
        measured = strategy.measure(pool)[rest]
        order = np.append(order, rest[np.lexsort((rng.random(len(rest)), -measured))])
        scores[rest] = measured
        scores[choice.rows] += scores[rest].max()
    return Ranking(order, scores)
