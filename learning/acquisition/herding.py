"""Uncertainty herding (Bae 2025): cases that stand for the uncertain part of the pool.

A label is worth what it tells of others: of the uncertain cases that lie nearer to it than to anything
labeled. Without predictions all cases count alike, which is the cold start (MaxHerding), so no
number of labels has to be set at which one rule takes over from another.
"""

import numpy as np
from numpy.typing import NDArray

from learning.acquisition import uncertainty
from learning.acquisition.methods import Choice, embeddings_of, of_draws, wanted_margin
from learning.acquisition.neighbors import Vectors, nearest, top
from learning.acquisition.pool import Labeled, Pool, Rows
from learning.acquisition.sampling import FLOOR, Draws, powered
from learning.acquisition.uncertainty import Scores

WIDTH = 0.2  # of the kernel, in squared distance; on splits of NIH training patients .1 to .3 were alike
HERDING_SHARPNESS = 30.0  # gains of neighbours differ little: with 10 more labels were needed
TARGETS = 2_000  # cases that are to be covered; of a larger pool a random sample
CANDIDATES = 1_000  # the most uncertain of a larger pool; the uniform floor reaches all others
COLD = "typical"  # the arm without predictions
SIMILAR = 0.5  # kernel from which on a case counts as similar
ROUNDING = 1e-5  # of the greatest gain: what single precision leaves over of nothing


def herding(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """Draw what covers the uncertain cases best; propensities are exact given a large pool's sample."""
    points = embeddings_of(pool)
    arm, doubt, worth = _doubt(pool, labeled)
    cover = Cover(points, labeled.embeddings, worth, rng)
    drawn = draw_covering(cover, arm, count, rng)
    named = {"similar_cases": cover.similar_cases(drawn.rows)}
    if arm != COLD:
        named[arm] = doubt[drawn.rows]
    if labeled.embeddings is not None and len(labeled):
        named["distance"] = np.sqrt(nearest(points[drawn.rows], labeled.embeddings).squared)
    return of_draws(drawn, named)


def _doubt(pool: Pool, labeled: Labeled) -> tuple[str, Scores, Scores]:
    """The arm, how unclear each case is, and what its being covered is worth; alike without a model."""
    if pool.probabilities is not None or (pool.members is not None and pool.members.ndim == 3):
        return "margin", uncertainty.margin(pool), wanted_margin(pool, labeled)
    if pool.members is not None or "variance" in pool.components:
        variance = uncertainty.variance(pool)
        # In the square of any unit, from microns to millilitres: a share fits a float32.
        return "variance", variance, variance / max(float(variance.max()), 1e-300)
    return COLD, np.ones(len(pool)), np.ones(len(pool))


class Cover:
    """How well each target is stood for, and what each candidate would add."""

    def __init__(
        self, points: Vectors, known: Vectors | None, worth: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        n = len(points)
        targets = rng.permutation(n)[:TARGETS] if n > TARGETS else np.arange(n)
        self.candidates = top(worth, CANDIDATES, rng) if n > TARGETS else targets
        self.points, self._targets, self._share = points, points[targets], len(targets) / n
        self._worth = worth[targets]
        self._kernel = kernel(self._targets, points[self.candidates])
        self._covered = np.zeros(len(targets), np.float32)
        if known is not None and len(known):
            self._covered = np.exp(-nearest(self._targets, known).squared / (2 * WIDTH))
        self._gains = self._gains_of(np.arange(len(targets)))
        self._nothing = ROUNDING * self._gains.max(initial=0)

    def gains(self) -> NDArray[np.float64]:
        """What each candidate would add: the worth-weighted rise of the targets' kernel: (c,)."""
        return np.where(self._gains > self._nothing, self._gains, 0)

    def add(self, row: int) -> None:
        """A case of the pool is taken."""
        own = kernel(self._targets, self.points[row : row + 1])[:, 0]
        rises = np.flatnonzero(own > self._covered)
        # Of the others nothing changes. All of them for every draw would be most of a refit.
        self._gains -= self._gains_of(rises)
        self._covered[rises] = own[rises]
        self._gains += self._gains_of(rises)

    def _gains_of(self, targets: Rows) -> NDArray[np.float64]:
        """The part of the gains that comes from these targets: (c,)."""
        rise = np.maximum(self._kernel[targets] - self._covered[targets, None], 0)
        return np.asarray(self._worth[targets] @ rise.astype(np.float64))

    def similar_cases(self, rows: Rows) -> NDArray[np.float64]:
        """How many cases of the pool lie near each of these rows, itself included."""
        near = (kernel(self._targets, self.points[rows]) >= SIMILAR).sum(axis=0)
        return np.asarray(np.maximum(np.round(near / self._share), 1), np.float64)


def kernel(points: Vectors, others: Vectors) -> NDArray[np.float32]:
    """exp(-squared distance / 2 WIDTH) of rows of length 1: (n, m)."""
    return np.asarray(np.exp((points @ others.T - 1) / np.float32(WIDTH)))


def draw_covering(cover: Cover, arm: str, count: int, rng: np.random.Generator) -> Draws:
    """Draw rows by the power of their gain, renewed after every draw, over a uniform floor.

    p = (1 - FLOOR) * wish / sum(wish) + FLOOR / left; where nothing is left to gain, 1 / left.
    """
    n = len(cover.points)
    left = np.ones(n, bool)
    place_of = np.full(n, -1)  # of a row among the candidates
    place_of[cover.candidates] = np.arange(len(cover.candidates))
    rows, chances, arms = [], [], []
    for number in range(min(count, n)):
        gains = cover.gains() * left[cover.candidates]
        wish = powered(gains, HERDING_SHARPNESS) if gains.max() > 0 else np.zeros(len(gains))
        total = float(wish.sum())
        floor = FLOOR if total else 1.0
        is_uniform = rng.random() < floor
        if is_uniform:
            row = int(rng.choice(np.flatnonzero(left)))
        else:
            row = int(cover.candidates[rng.choice(len(wish), p=wish / total)])
        own = wish[place_of[row]] if place_of[row] >= 0 else 0.0
        rows.append(row)
        arms.append("uniform" if is_uniform else arm)
        chances.append(floor / (n - number) + ((1 - floor) * own / total if total else 0))
        left[row] = False
        cover.add(row)
    return Draws(np.asarray(rows, np.int64), np.asarray(chances), tuple(arms))
