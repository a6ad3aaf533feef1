"""The query strategies, each with modAL's signature, scored so that higher means label first.

modAL's own query functions mix signs and return unordered batches; only its measures are used
(Settles 2009, §3.1), and `rank` sorts, checks and orders what they return.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from modAL.models import ActiveLearner
from modAL.uncertainty import classifier_entropy, classifier_margin, classifier_uncertainty
from numpy.typing import NDArray

from learning.acquisition.names import STRATEGY_TITLES
from learning.acquisition.table import PredictionTable, Probabilities

Measure = Callable[[Any, NDArray[np.int64], np.random.Generator], NDArray[np.float64]]


@dataclass(frozen=True)
class Strategy:
    """A name, a sentence for people, and the measure that scores each case."""

    name: str
    title: str
    measure: Measure

    @property
    def is_random(self) -> bool:
        return self.name == "random"


@dataclass(frozen=True)
class Ranking:
    """Row numbers best first, and the score of every row in row order."""

    order: NDArray[np.int64]
    scores: NDArray[np.float64]


def entropy(learner: Any, pool: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Shannon entropy of the class probabilities, in nats."""
    del rng
    return np.asarray(classifier_entropy(learner, pool))


def margin(learner: Any, pool: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """One minus the gap between the two most probable classes."""
    del rng
    return 1 - np.asarray(classifier_margin(learner, pool))


def least_confident(
    learner: Any, pool: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """One minus the probability of the most probable class."""
    del rng
    return np.asarray(classifier_uncertainty(learner, pool))


def at_random(
    learner: Any, pool: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Uniform scores: the control that every strategy is compared with."""
    del learner
    return rng.random(len(pool))


_MEASURES: dict[str, Measure] = {
    "margin": margin,
    "entropy": entropy,
    "least_confident": least_confident,
    "random": at_random,
}
STRATEGIES: dict[str, Strategy] = {
    name: Strategy(name, title, _MEASURES[name]) for name, title in STRATEGY_TITLES.items()
}


def rank(strategy: Strategy, probabilities: Probabilities, rng: np.random.Generator) -> Ranking:
    """Order all rows of the table through modAL's query interface; ties break at random."""
    count = len(probabilities)
    if count == 0:
        return Ranking(np.zeros(0, np.int64), np.zeros(0))
    scores = np.zeros(count)

    def query(
        learner: Any, pool: NDArray[np.int64], n_instances: int = 1, **_: Any
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        scores[:] = strategy.measure(learner, pool, rng)
        order = np.lexsort((rng.random(count), -scores))[:n_instances]
        return order, scores[order]

    learner = ActiveLearner(estimator=PredictionTable(probabilities), query_strategy=query)
    order, _, measured = learner.query(
        np.arange(count)[:, None], n_instances=count, return_metrics=True
    )
    if not np.isfinite(measured).all() or len(np.unique(order)) != count:
        raise ValueError(f"strategy {strategy.name} gave no complete finite ranking")
    return Ranking(np.asarray(order), scores)


def reason(strategy: Strategy, probabilities: NDArray[np.float64], classes: list[str]) -> str:
    """One sentence for the reader: why this case comes now."""
    if strategy.is_random:
        return "Drawn at random"
    first, second = np.argsort(-probabilities)[:2]
    return (
        f"The model cannot decide between {classes[first]} {probabilities[first]:.2f}"
        f" and {classes[second]} {probabilities[second]:.2f}"
    )
