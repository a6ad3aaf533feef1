"""Replays known labels on frozen embeddings: a strategy serves, the head is refitted, a test watches.

What a strategy saves, without the product around it and in seconds. The test set is never served.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.names import COLD_STARTERS
from learning.acquisition.pool import Labeled, Pool, Rows
from learning.acquisition.strategies import STRATEGIES, select
from learning.heads.fitting import HeadConfig, fit
from learning.heads.head import Head

Metric = Callable[[NDArray[np.int64], NDArray[np.float32]], float]
"""(true classes (n,), probabilities (n, C)) -> a figure, higher is better."""


@dataclass(frozen=True)
class Known:
    """Cases whose answers are known: embeddings (n, d) of length 1 and class numbers (n,)."""

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]

    def take(self, rows: Rows) -> "Known":
        return Known(self.embeddings[rows], self.labels[rows])

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Plan:
    """How a replay goes: the same for every strategy but for its name."""

    strategy: str
    budget: int  # labels at most
    start: int = 10  # labels before the first head
    batch: int = 5  # labels between two refits
    audit: float = 0.0  # share of each batch that is drawn at random
    head: HeadConfig = field(default_factory=lambda: HeadConfig(folds=0))
    given: tuple[int, ...] = ()  # rows whose labels everyone has from the beginning


@dataclass(frozen=True)
class Curve:
    """Test figures over the number of labels; parallel arrays."""

    labels: Rows
    values: NDArray[np.float64]
    served: Rows  # rows of the pool in the order they were labeled
    scores: NDArray[np.float32]  # (points, test cases): probabilities of the last class


def replay(pool: Known, test: Known, plan: Plan, metric: Metric, rng: np.random.Generator) -> Curve:
    """Label `plan.budget` cases of the pool in the order that the strategy serves them."""
    class_count = int(pool.labels.max()) + 1
    served = _first(pool, plan, rng)
    counts, values, scores = [], [], []
    head: Head | None = None
    while True:
        known = pool.take(np.asarray(served, np.int64))
        head = fit(
            "one", known.embeddings, known.labels, class_count=class_count, rng=rng,
            config=plan.head, warm=head,
        )  # fmt: skip
        counts.append(len(served))
        said = head.predict(test.embeddings)
        values.append(metric(test.labels, said))
        scores.append(said[:, -1])
        wanted = min(plan.batch, plan.budget - len(served))
        if wanted <= 0:
            return Curve(
                np.asarray(counts), np.asarray(values), np.asarray(served), np.stack(scores)
            )
        served += _next(pool, served, plan, head, wanted, rng)


def _first(pool: Known, plan: Plan, rng: np.random.Generator) -> list[int]:
    """The labels before the first head: chosen by typicality where the strategy is for that."""
    given = list(plan.given)
    rest = np.setdiff1d(np.arange(len(pool)), given)
    missing = max(plan.start - len(given), 0)
    cold = plan.strategy in COLD_STARTERS
    name = plan.strategy if cold else "random"
    known = pool.take(np.asarray(given, np.int64))
    picks = select(
        STRATEGIES[name], Pool(embeddings=pool.embeddings[rest]),
        Labeled(known.embeddings, known.labels), missing, rng,
    )  # fmt: skip
    return given + [int(rest[pick.row]) for pick in picks]


def _next(
    pool: Known,
    served: Sequence[int],
    plan: Plan,
    head: Head,
    wanted: int,
    rng: np.random.Generator,
) -> list[int]:
    rest = np.setdiff1d(np.arange(len(pool)), served)
    known = pool.take(np.asarray(served, np.int64))
    vectors = pool.embeddings[rest]
    members = head.predict_members(vectors) if plan.head.members else None
    likely = head.predict_weighted(vectors)
    open_cases = Pool(probabilities=likely, members=members, embeddings=vectors)
    audit = int(rng.binomial(wanted, plan.audit))
    picks = select(
        STRATEGIES[plan.strategy], open_cases, Labeled(known.embeddings, known.labels),
        wanted - audit, rng,
    )  # fmt: skip
    chosen = [int(rest[pick.row]) for pick in picks]
    left = np.setdiff1d(rest, chosen)
    return chosen + [int(row) for row in rng.permutation(left)[:audit]]
