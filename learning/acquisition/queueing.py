"""The queue that a reader meets: ranked cases between audits, repeats and easy ones (reference C4).

One reader must not get only monsters, and what is measured must not depend on the ranking.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from learning.acquisition import reasons
from learning.acquisition.pool import Labeled, Pick, Pool, Rows
from learning.acquisition.strategies import Strategy, select
from learning.acquisition.uncertainty import least_confident

PLACES = 10


@dataclass(frozen=True)
class Arms:
    """How many of ten places each arm gets; the rest is ranked by the strategy."""

    audit: int = 1
    repeat: int = 1
    easy: int = 1

    def __post_init__(self) -> None:
        parts = (self.audit, self.repeat, self.easy)
        if min(parts) < 0 or sum(parts) > PLACES:
            raise ValueError(f"audit, repeat and easy places must fit into {PLACES}, not {parts}")


@dataclass(frozen=True)
class Place:
    """One place of the queue, rank 0 first.

    `pick.row` is a row of the pool, of a repeat a row of `repeats`. `pick.propensity` is the
    chance of this draw among what its arm could still draw; None where a maximum was taken.
    """

    rank: int
    pick: Pick

    @property
    def is_repeat(self) -> bool:
        return self.pick.arm == "repeat"


def queue(
    strategy: Strategy,
    pool: Pool,
    labeled: Labeled,
    count: int,
    rng: np.random.Generator,
    *,
    arms: Arms | None = None,
    repeats: int = 0,
) -> list[Place]:
    """The next `count` places (fewer where the pool is smaller), every row at most once.

    `repeats` is how many cases the reader has read and may read again; without any, or without
    predictions for the easy ones, their places are ranked ones. The audit is drawn first, from the
    whole pool, so that it is a plain random sample whatever the strategy prefers.
    """
    if count < 0 or repeats < 0:
        raise ValueError(f"count and repeats must not be negative: {count}, {repeats}")
    chosen = arms or Arms()
    wanted = _layout(count, chosen, repeats, has_answers(pool), rng)
    audits = _audit(len(pool), wanted.count("audit"), rng)
    again = _repeats(repeats, wanted.count("repeat"), rng)
    taken = {pick.row for pick in audits}
    easy = _easy(pool, taken, wanted.count("easy"), rng)
    taken |= {pick.row for pick in easy}
    left = np.setdiff1d(np.arange(len(pool)), np.fromiter(taken, np.int64, len(taken)))
    ranked = _ranked(strategy, pool, labeled, left, wanted.count("ranked"), rng)
    supply = {"audit": audits, "repeat": again, "easy": easy, "ranked": ranked}
    lines = {name: iter(picks) for name, picks in supply.items()}
    found = [pick for name in wanted if (pick := next(lines[name], None)) is not None]
    return [Place(rank, pick) for rank, pick in enumerate(found)]


def has_answers(pool: Pool) -> bool:
    """Whether the pool has predictions that can be called easy."""
    return pool.probabilities is not None or (pool.members is not None and pool.members.ndim == 3)


def _layout(
    count: int, arms: Arms, repeats: int, has_easy: bool, rng: np.random.Generator
) -> list[str]:
    """The arm of each place: every ten shuffled, so that no reader can tell them by their place."""
    easy = arms.easy if has_easy else 0
    repeat_places = arms.repeat if repeats else 0
    ranked = PLACES - arms.audit - repeat_places - easy
    ten = ["audit"] * arms.audit + ["repeat"] * repeat_places + ["easy"] * easy
    ten += ["ranked"] * ranked
    found: list[str] = []
    while len(found) < count:
        found += [ten[i] for i in rng.permutation(PLACES)]
    return found[:count]


def _audit(size: int, count: int, rng: np.random.Generator) -> list[Pick]:
    rows = rng.permutation(size)[:count]
    return [
        Pick(int(row), 1.0, 1 / (size - place), "audit", {}, reasons.AUDIT)
        for place, row in enumerate(rows)
    ]


def _repeats(size: int, count: int, rng: np.random.Generator) -> list[Pick]:
    rows = rng.permutation(size)[:count]
    return [
        Pick(int(row), 1.0, 1 / (size - place), "repeat", {}, reasons.REPEAT)
        for place, row in enumerate(rows)
    ]


def _easy(pool: Pool, taken: set[int], count: int, rng: np.random.Generator) -> list[Pick]:
    """Drawn evenly from the most certain tenth: a check of the suggestions that look safe."""
    if count == 0:
        return []
    unsure = least_confident(pool)
    tenth = np.argsort(unsure, kind="stable")[: max(len(pool) // 10, count)]
    free = np.asarray([row for row in tenth if int(row) not in taken], np.int64)
    rows = rng.permutation(free)[:count]
    return [
        Pick(
            int(row), 1.0, 1 / (len(free) - place), "easy",
            {"least_confident": float(unsure[row])}, reasons.EASY,
        )
        for place, row in enumerate(rows)
    ]  # fmt: skip


def _ranked(
    strategy: Strategy,
    pool: Pool,
    labeled: Labeled,
    left: Rows,
    count: int,
    rng: np.random.Generator,
) -> Sequence[Pick]:
    if not len(left) or count == 0:
        return []
    picks = select(strategy, pool.take(left), labeled, count, rng)
    return [replace(pick, row=int(left[pick.row])) for pick in picks]
