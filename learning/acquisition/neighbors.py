"""Distances between embeddings, blocked so that a million cases fit into memory.

Rows have length 1, so squared Euclidean distance is 2 - 2 cos and every step is a matrix product.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.pool import BLOCK, Rows

Vectors = NDArray[np.float32]
POINTS_PER_CENTRE = 20  # k-means looks at this many; more moved no pick in bench/ranking.py
LLOYD_STEPS = 8
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
    """k-center greedy (Sener 2018): rows, each farthest from all before, and their distances."""
    distance = np.full(len(points), np.inf, np.float32)
    if labeled is not None and len(labeled):
        distance = nearest(points, labeled).squared
    chosen = np.empty(min(count, len(points)), np.int64)
    gaps = np.empty(len(chosen))
    taken = np.zeros(len(points), bool)
    for place in range(len(chosen)):
        row = _farthest(distance, taken, rng)
        chosen[place] = row
        gaps[place] = np.sqrt(distance[row]) if np.isfinite(distance[row]) else 2.0
        taken[row] = True
        np.minimum(distance, np.maximum(2 - 2 * (points @ points[row]), 0), out=distance)
    return chosen, gaps


def _farthest(
    distance: NDArray[np.float32], taken: NDArray[np.bool_], rng: np.random.Generator
) -> int:
    open_distance = np.where(taken, -1, distance)
    ties = np.flatnonzero(open_distance == open_distance.max())
    return int(ties[rng.integers(len(ties))])


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


def cluster(points: Vectors, count: int, rng: np.random.Generator) -> Rows:
    """The k-means cluster of each row: (n,), numbers 0..count-1, some of which may be empty.

    Centres are learned on a sample and rows assigned by cosine: O(n k d), once.
    """
    count = min(count, len(points))
    size = min(len(points), count * POINTS_PER_CENTRE)
    sample = points[rng.choice(len(points), size, replace=False)] if size < len(points) else points
    seeds = spread_by_squared_distance(
        DistanceTo(sample), int(rng.integers(len(sample))), len(sample), count, rng
    )
    centres = sample[seeds]
    for _ in range(LLOYD_STEPS):
        home = nearest(sample, centres).row
        sums = np.zeros_like(centres)
        np.add.at(sums, home, sample)
        length = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        filled = length > 1e-6
        centres = np.where(filled[:, None], sums / np.maximum(length, 1e-6)[:, None], centres)
    return nearest(points, centres).row


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
