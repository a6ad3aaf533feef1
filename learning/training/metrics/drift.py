"""Whether today's images, or the model's answers to them, are still like those it was measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.subgroups import holm

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
AT_MOST = 500  # rows of each side: the permutations see all their pairs
PERMUTATIONS = 500
PERMUTATIONS_PER_TEST = 50  # the smallest p is 1 / (P + 1): Holm must not make it hopeless
PERMUTED_AT_ONCE = 250
ENOUGH_BEYOND = 50  # permutations beyond the distance: the p is plain, and far from small
PSI_BINS = 10
LEVEL = 0.05


@dataclass(frozen=True)
class Drift:
    """How far a sample lies from the reference, and how often chance alone would take it there."""

    distance: float
    p: float


@dataclass(frozen=True)
class PeriodDrift:
    """One group in one period against the same group in the reference period."""

    group: str
    period: str
    count: int
    drift: Drift | None  # None where there are fewer than `least` images on a side
    is_real: bool  # after Holm's correction over everything that was tested


def embedding_drift(
    reference: Vectors, current: Vectors, rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> Drift:
    """Squared maximum mean discrepancy of (n, d) and (m, d) embeddings (Gretton et al. 2012).

    Gaussian kernel, median heuristic; p by permutation, of which fewer are made where the p is not small
    (Besag & Clifford 1991). The distance is 0 in expectation for samples of
    the same source, so it may be slightly negative. Raises ValueError for fewer than two rows a side.
    """
    first, second = _at_most(reference, rng), _at_most(current, rng)
    if min(len(first), len(second)) < 2:
        raise ValueError(f"two images a side are needed, not {len(first)} and {len(second)}")
    kernel = _kernel(np.concatenate([first, second]).astype(np.float64))
    is_first = np.arange(len(kernel)) < len(first)
    found = float(_discrepancies(kernel, is_first[:, None])[0])
    beyond = done = 0
    while done < permutations and beyond < ENOUGH_BEYOND:
        count = min(PERMUTED_AT_ONCE, permutations - done)
        mixed = rng.permuted(np.tile(is_first[:, None], (1, count)), axis=0)
        beyond += int((_discrepancies(kernel, mixed) >= found).sum())
        done += count
    return Drift(found, (beyond + 1) / (done + 1))


def frechet_distance(reference: Vectors, current: Vectors) -> float:
    """Squared distance of two Gaussians fitted to (n, d) and (m, d) embeddings (Dowson & Landau 1982).

    Comparable only at equal d and similar, large n: few rows make it too large.
    """
    first, second = reference.astype(np.float64), current.astype(np.float64)
    covariances = [np.atleast_2d(np.cov(side, rowvar=False)) for side in (first, second)]
    root = _square_root(covariances[0])
    # trace of the root of the product, by way of a symmetric matrix with the same eigenvalues
    shared = np.linalg.eigvalsh(root @ covariances[1] @ root)
    between = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    spread = float(np.trace(covariances[0]) + np.trace(covariances[1]))
    return max(between + spread - 2 * float(np.sqrt(np.clip(shared, 0, None)).sum()), 0.0)


def output_drift(reference: Floats, current: Floats) -> Drift:
    """Kolmogorov-Smirnov distance of two samples of one output, and its asymptotic p.

    The p is Stephens's (1970), which is close from about ten values a side on.
    """
    if min(len(reference), len(current)) == 0:
        raise ValueError("both sides need at least one value")
    both = np.concatenate([reference, current])
    below = [np.searchsorted(np.sort(side), both, side="right") for side in (reference, current)]
    distance = float(np.abs(below[0] / len(reference) - below[1] / len(current)).max())
    size = np.sqrt(len(reference) * len(current) / len(both))
    return Drift(distance, _kolmogorov(distance * float(size + 0.12 + 0.11 / size)))


def stability_index(reference: Floats, current: Floats) -> float:
    """Population stability index over tenths of the reference: above 0.1 some, above 0.25 much drift.

    Half a count is added to every bin, so that an empty one does not make it infinite.
    """
    if min(len(reference), len(current)) == 0:
        raise ValueError("both sides need at least one value")
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))
    shares = [_shares(side, edges) for side in (reference, current)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def drift_by_group(
    embeddings: Vectors,
    groups: Sequence[str],
    periods: Sequence[str],
    *,
    reference: str,
    rng: np.random.Generator,
    least: int = 20,
) -> list[PeriodDrift]:
    """Every group (a scanner, a site) in every other period against itself in the reference period."""
    if not len(embeddings) == len(groups) == len(periods):
        raise ValueError(f"{len(embeddings)} images, {len(groups)} groups, {len(periods)} periods")
    group, period = np.asarray(groups), np.asarray(periods)
    wanted = [(g, p) for g, p in sorted(set(zip(groups, periods, strict=True))) if p != reference]
    permutations = max(PERMUTATIONS, PERMUTATIONS_PER_TEST * len(wanted))
    found: list[tuple[str, str, int, Drift | None]] = []
    for name, when in wanted:
        before = embeddings[(group == name) & (period == reference)]
        now = embeddings[(group == name) & (period == when)]
        is_enough = min(len(before), len(now)) >= least
        drift = embedding_drift(before, now, rng, permutations) if is_enough else None
        found.append((name, when, len(now), drift))
    corrected = holm([drift.p if drift else None for *_, drift in found])
    return [
        PeriodDrift(*parts, is_real=p is not None and p < LEVEL)
        for parts, p in zip(found, corrected, strict=True)
    ]


def _kolmogorov(distance: float) -> float:
    """How often Kolmogorov's distribution exceeds the distance. (The web process has no SciPy.)"""
    if distance < 0.2:  # the series converges slowly there, and the answer is 1
        return 1.0
    terms = np.arange(1, 101)
    found = 2 * ((-1.0) ** (terms - 1) * np.exp(-2 * (terms * distance) ** 2)).sum()
    return float(np.clip(found, 0.0, 1.0))


def _at_most(vectors: Vectors, rng: np.random.Generator) -> Vectors:
    if len(vectors) <= AT_MOST:
        return vectors
    return vectors[rng.choice(len(vectors), AT_MOST, replace=False)]


def _kernel(vectors: Floats) -> Floats:
    lengths = (vectors**2).sum(axis=1)
    distances = np.clip(lengths[:, None] + lengths[None] - 2 * vectors @ vectors.T, 0, None)
    median = float(np.median(distances[np.triu_indices(len(distances), 1)]))
    return np.asarray(np.exp(-distances / max(median, 1e-12)))


def _discrepancies(kernel: Floats, is_first: NDArray[np.bool_]) -> Floats:
    """The unbiased estimate for each column of sides: a row is not compared with itself (1 there)."""
    one, two = is_first.astype(np.float64), (~is_first).astype(np.float64)
    n, m = one.sum(axis=0), two.sum(axis=0)
    to_one, to_two = kernel @ one, kernel @ two
    within_one = ((one * to_one).sum(axis=0) - n) / (n * (n - 1))
    within_two = ((two * to_two).sum(axis=0) - m) / (m * (m - 1))
    return np.asarray(within_one + within_two - 2 * (one * to_two).sum(axis=0) / (n * m))


def _square_root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)


def _shares(values: Floats, edges: Floats) -> Floats:
    counts = (
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
    )
    return np.asarray(counts / counts.sum())
