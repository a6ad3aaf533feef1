"""Draws without replacement whose probabilities are known exactly (reference C2).

Every draw mixes the wish with a uniform floor again: mixing it in once would, with a sharp wish,
end in near-uniform sampling as the mass is used up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.neighbors import top
from learning.acquisition.pool import InvalidPool, Rows

SHARPNESS = 10.0  # flat optimum between 4 and 100 (reference D5)
FLOOR = 0.1
PENALIZED = 5_000  # neighbours are looked for among the likeliest so many
SIMILAR = 0.8  # cosine from which on a neighbour of a pick is less wanted
LOSS = 0.9  # how much of its wish a copy of a pick loses

GROUP_LOSS = 0.5  # what is left of the wish for a volume after each pick from it


@dataclass(frozen=True)
class Draws:
    """Rows in the order drawn, the probability of each draw, and the arm that drew it."""

    rows: Rows
    propensities: NDArray[np.float64]
    arms: tuple[str, ...]


def powered(scores: NDArray[np.floating], sharpness: float = SHARPNESS) -> NDArray[np.float64]:
    """Scores >= 0 as wishes 0..1: (score / highest) ** sharpness; all ones where all are zero."""
    if len(scores) == 0:
        return np.zeros(0)
    highest = float(scores.max())
    if float(scores.min()) < 0:
        raise InvalidPool("scores to draw by must not be negative")
    if highest <= 0:
        return np.ones(len(scores))
    return np.asarray((scores / highest) ** sharpness, np.float64)


def draw(
    wishes: Mapping[str, tuple[float, NDArray[np.float64]]],
    count: int,
    rng: np.random.Generator,
    *,
    floor: float = FLOOR,
    embeddings: NDArray[np.float32] | None = None,
    groups: Rows | None = None,
) -> Draws:
    """Draw `count` rows from a mixture of arms: name -> (share, wishes (n,) >= 0).

    At every draw p = (1 - floor) * sum_k share_k wish_k / sum(wish_k) + floor / left, over what is
    left; an arm without wishes left is spread evenly. Wishes of near copies of a pick shrink, those
    of its group (n,) halve, and the propensities stay exact because they follow from the wishes at
    the time of the draw.
    """
    if not wishes:
        raise InvalidPool("nothing to draw by: give at least one arm")
    names = list(wishes)
    shares = np.array([wishes[name][0] for name in names], np.float64)
    shares /= shares.sum()
    masses = np.stack([np.array(wishes[name][1], np.float64) for name in names])
    n = masses.shape[1]
    left = np.ones(n, bool)
    near = _candidates(masses, shares, embeddings, rng)
    vectors = embeddings[near] if near is not None and embeddings is not None else None
    rows, chances, arms = [], [], []
    for _ in range(min(count, n)):
        parts = _parts(masses, shares, floor)
        row, arm = _draw_one(masses, parts, left, rng)
        rows.append(row)
        arms.append("uniform" if arm == len(names) else names[arm])
        chances.append(_chance(masses, parts, left, row))
        left[row] = False
        masses[:, row] = 0
        if vectors is not None and embeddings is not None:
            cosine = vectors @ embeddings[row]
            masses[:, near] *= 1 - LOSS * np.clip((cosine - SIMILAR) / (1 - SIMILAR), 0, 1)
        if groups is not None:
            masses[:, groups == groups[row]] *= GROUP_LOSS
    return Draws(np.asarray(rows, np.int64), np.asarray(chances), tuple(arms))


def _candidates(
    masses: NDArray[np.float64],
    shares: NDArray[np.float64],
    embeddings: NDArray[np.float32] | None,
    rng: np.random.Generator,
) -> Rows | None:
    if embeddings is None:
        return None
    return top(shares @ masses, PENALIZED, rng)


def _parts(
    masses: NDArray[np.float64], shares: NDArray[np.float64], floor: float
) -> NDArray[np.float64]:
    """The chance of each arm, the uniform floor last: (arms + 1,)."""
    alive = masses.sum(axis=1) > 1e-300
    if not alive.any():
        return np.append(np.zeros(len(shares)), 1.0)
    # The share of an arm that has nothing left to wish for goes to the floor.
    arms = np.where(alive, shares, 0) * (1 - floor)
    return np.append(arms, 1 - arms.sum())


def _draw_one(
    masses: NDArray[np.float64],
    parts: NDArray[np.float64],
    left: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[int, int]:
    arm = int(rng.choice(len(parts), p=parts))
    weight = left.astype(np.float64) if arm == len(masses) else masses[arm]
    heap = np.cumsum(weight)
    row = int(np.searchsorted(heap, rng.random() * heap[-1], side="right"))
    if row >= len(weight) or not left[row]:  # the last bit of rounding at the upper end
        row = int(np.flatnonzero(left & (weight > 0))[-1])
    return row, arm


def _chance(
    masses: NDArray[np.float64], parts: NDArray[np.float64], left: NDArray[np.bool_], row: int
) -> float:
    total = masses.sum(axis=1)
    wished = np.divide(masses[:, row], total, out=np.zeros(len(total)), where=total > 1e-300)
    return float(parts[:-1] @ wished + parts[-1] / left.sum())
