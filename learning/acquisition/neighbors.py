"""Distances between embeddings, blocked so that a million cases fit into memory.

Rows have length 1, so squared Euclidean distance is 2 - 2 cos and every step is a matrix product.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.pool import BLOCK, Rows

Vectors = NDArray[np.float32]
POINTS_PER_CENTRE = 20  # k-means looks at this many; more moved no pick in bench/ranking.py
LEAST_SAMPLE = 2_000
SEEDS_PER_CENTRE = 4
LLOYD_STEPS = 5
RESTARTS = 8
SMALL_PROBLEM = 200_000  # centres times points: below it restarts cost milliseconds
REFRESHED = 512  # farthest rows whose distances are brought up to date together
REFERENCES = 1_000  # members of a cluster that its densities are measured against


@dataclass(frozen=True)
class Nearest:
    """For each row the nearest reference: its row number and squared distance."""

    row: Rows
    squared: NDArray[np.float32]


def nearest(points: Vectors, references: Vectors) -> Nearest:
    """The nearest of `references` (k >= 1, d) to each of `points` (n, d)."""
    rows = np.empty(len(points), np.int64)
    squared = np.empty(len(points), np.float32)
    # Keep a block of the (rows, references) products below about 64 MB.
    step = max(256, min(BLOCK, 16_000_000 // max(len(references), 1)))
    for start in range(0, len(points), step):
        block = slice(start, start + step)
        cosine = points[block] @ references.T
        best = cosine.argmax(axis=1)
        rows[block] = best
        squared[block] = 2 - 2 * cosine[np.arange(len(best)), best]
    return Nearest(rows, np.maximum(squared, 0))


def top(scores: NDArray[np.floating], count: int, rng: np.random.Generator) -> Rows:
    """The `count` highest rows, best first, ties at random: O(n)."""
    count = min(count, len(scores))
    if count == 0:
        return np.zeros(0, np.int64)
    if count == len(scores):
        chosen = np.arange(count)
    else:
        limit = np.partition(scores, -count)[-count]
        above = np.flatnonzero(scores > limit)
        level = np.flatnonzero(scores == limit)
        chosen = np.concatenate([above, rng.choice(level, count - len(above), replace=False)])
    return np.asarray(chosen[np.lexsort((rng.random(count), -scores[chosen]))], np.int64)


def farthest_first(
    points: Vectors, labeled: Vectors | None, count: int, rng: np.random.Generator
) -> tuple[Rows, NDArray[np.float64]]:
    """k-center greedy (Sener 2018): rows, each farthest from all before, and their distances.

    Exact and lazy: a known distance can only shrink, so only the farthest few are brought up to
    date at each step.
    """
    count = min(count, len(points))
    chosen = np.empty(count, np.int64)
    gaps = np.empty(count)
    done = 0
    if labeled is None or not len(labeled):
        chosen[0], gaps[0], done = rng.integers(len(points)), 2.0, 1
        bound = nearest(points, points[chosen[:1]]).squared
    else:
        bound = nearest(points, labeled).squared
    seen = np.full(len(points), done)  # how many picks a bound accounts for
    bound[chosen[:done]] = -1
    while done < count:
        ties = np.flatnonzero(bound == bound.max())
        row = int(ties[rng.integers(len(ties))])
        if seen[row] < done:
            _bring_up_to_date(points, bound, seen, chosen[:done])
            continue
        chosen[done], gaps[done] = row, np.sqrt(bound[row])
        bound[row] = -1
        done += 1
    return chosen, gaps


def _bring_up_to_date(
    points: Vectors, bound: NDArray[np.float32], seen: Rows, chosen: Rows
) -> None:
    size = min(REFRESHED, len(bound))
    front = np.argpartition(bound, -size)[-size:]
    front = front[(seen[front] < len(chosen)) & (bound[front] >= 0)]
    bound[front] = np.minimum(bound[front], nearest(points[front], points[chosen]).squared)
    seen[front] = len(chosen)


def spread_by_squared_distance(
    distance_to: "DistanceTo", first: int, candidates: int, count: int, rng: np.random.Generator
) -> Rows:
    """k-means++ seeding: each next row is drawn by its squared distance to those before."""
    chosen = [first]
    left = np.ones(candidates, bool)
    left[first] = False
    squared = np.maximum(distance_to(first), 0).astype(np.float64)
    while len(chosen) < min(count, candidates):
        weight = np.where(left, squared, 0)
        total = weight.sum()
        # All left coincide with a chosen one: any of them is as good.
        chances = weight / total if total > 1e-9 else left / left.sum()
        row = int(rng.choice(candidates, p=chances))
        chosen.append(row)
        left[row] = False
        squared = np.minimum(squared, np.maximum(distance_to(row), 0))
    return np.asarray(chosen, np.int64)


class DistanceTo:
    """Squared distances of all candidates to one, in the space of weight times embedding.

    With `factors` (n, C) a row stands for the outer product factor x embedding (BADGE), whose
    inner products are products of inner products: nothing of size C x d is ever built.
    """

    def __init__(self, vectors: Vectors, factors: Vectors | None = None) -> None:
        self.vectors = vectors
        self.factors = np.ones((len(vectors), 1), np.float32) if factors is None else factors
        self.norms = np.einsum("ij,ij->i", self.factors, self.factors) * np.einsum(
            "ij,ij->i", vectors, vectors
        )

    def __call__(self, row: int) -> NDArray[np.float32]:
        inner = (self.vectors @ self.vectors[row]) * (self.factors @ self.factors[row])
        return np.asarray(self.norms + self.norms[row] - 2 * inner)


def centres_of(points: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """The centres (count, d) of k-means on the sphere, learned on a sample of the rows.

    Small problems start several times, because one bad seeding merges two clusters.
    """
    count = min(count, len(points))
    size = min(len(points), max(count * POINTS_PER_CENTRE, LEAST_SAMPLE))
    sample = points[rng.choice(len(points), size, replace=False)] if size < len(points) else points
    starts = RESTARTS if count * len(sample) <= SMALL_PROBLEM else 1
    found = [_lloyd(sample, count, rng) for _ in range(starts)]
    return min(found, key=lambda pair: pair[1])[0]


def _lloyd(sample: Vectors, count: int, rng: np.random.Generator) -> tuple[Vectors, float]:
    """Centres on the sphere and the summed squared distance to them."""
    size = min(len(sample), max(count * SEEDS_PER_CENTRE, LEAST_SAMPLE))
    few = sample[rng.choice(len(sample), size, replace=False)]
    centres = few[spread_by_squared_distance(DistanceTo(few), 0, size, count, rng)]
    for _ in range(LLOYD_STEPS):
        home = nearest(sample, centres).row
        sums = np.zeros_like(centres)
        np.add.at(sums, home, sample)
        length = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        filled = length > 1e-6
        centres = np.where(filled[:, None], sums / np.maximum(length, 1e-6)[:, None], centres)
    return centres, float(nearest(sample, centres).squared.sum())


def typicality(points: Vectors, neighbors: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One over the mean distance to the nearest `neighbors` (Hacohen 2022): (n,).

    Above REFERENCES rows, distances are measured against a random sample of that size.
    """
    n = len(points)
    if n == 1:
        return np.ones(1)
    own = rng.choice(n, REFERENCES, replace=False) if n > REFERENCES else np.arange(n)
    count = min(neighbors, len(own) - 1)
    found = np.empty(n)
    for start in range(0, n, 4096):
        block = points[start : start + 4096]
        squared = np.maximum(2 - 2 * (block @ points[own].T), 0)
        place = np.arange(start, start + len(block))
        squared[place[:, None] == own[None, :]] = np.inf  # never its own neighbour
        near = np.partition(squared, count - 1, axis=1)[:, :count]
        found[start : start + 4096] = 1 / (np.sqrt(near).mean(axis=1) + 1e-5)
    return found
