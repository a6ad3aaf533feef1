"""How good numbers are: ordered grades, measurements and times to an event."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Grades = NDArray[np.int64]
Flags = NDArray[np.bool_]


def quadratic_kappa(truth: Grades, answer: Grades, grade_count: int) -> float | None:
    """Cohen's kappa with squared distances as weights (Cohen 1968); None where one grade is all there is.

    Grades are 0 to grade_count - 1; raises ValueError for others.
    """
    _check_pair(truth, answer)
    for name, grades in (("truth", truth), ("answer", answer)):
        if len(grades) and not 0 <= grades.min() <= grades.max() < grade_count:
            raise ValueError(f"{name} must lie between 0 and {grade_count - 1}")
    counts = np.zeros((grade_count, grade_count))
    np.add.at(counts, (truth, answer), 1)
    levels = np.arange(grade_count)
    distance = (levels[:, None] - levels[None]) ** 2
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(len(truth), 1)
    expected = float((distance * by_chance).sum())
    return 1 - float((distance * counts).sum()) / expected if expected > 0 else None


def mean_absolute_error(truth: Floats, answer: Floats) -> float | None:
    """In the unit of the values; of grades, the mean number of grades apart."""
    _check_pair(truth, answer)
    return float(np.abs(truth - answer).mean()) if len(truth) else None


def root_mean_square_error(truth: Floats, answer: Floats) -> float | None:
    """In the unit of the values."""
    _check_pair(truth, answer)
    return float(np.sqrt(((truth - answer) ** 2).mean())) if len(truth) else None


def r2(truth: Floats, answer: Floats) -> float | None:
    """Share of the variance that is explained; below 0 for worse than the mean; None without variance."""
    _check_pair(truth, answer)
    spread = float(((truth - truth.mean()) ** 2).sum()) if len(truth) else 0.0
    return 1 - float(((truth - answer) ** 2).sum()) / spread if spread > 0 else None


def spearman(truth: Floats, answer: Floats) -> float | None:
    """Correlation of ranks, ties at their mean rank; None where one side is constant."""
    _check_pair(truth, answer)
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(answer) == 0:
        return None
    ranks = (_ranks(truth), _ranks(answer))
    return float(np.corrcoef(*ranks)[0, 1])


def concordance(times: Floats, has_event: Flags, risks: Floats) -> float | None:
    """Harrell's C: of all pairs whose order is known, the share where the earlier event has more risk.

    A pair is known where the shorter time ended in an event; at equal times, where one of the two did.
    Equal risks count half (Harrell et al. 1996). None without such a pair. O(events x n).
    """
    if not len(times) == len(has_event) == len(risks):
        raise ValueError(f"{len(times)} times, {len(has_event)} events and {len(risks)} risks")
    right, known = 0.0, 0
    for row in np.flatnonzero(has_event):
        outlived = (times > times[row]) | ((times == times[row]) & ~has_event)
        known += int(outlived.sum())
        right += float(
            (risks[row] > risks[outlived]).sum() + 0.5 * (risks[row] == risks[outlived]).sum()
        )
    return right / known if known else None


@dataclass(frozen=True)
class Pairs:
    """All pairs of n cases whose order is known, so that a draw only weighs them; (n, n) each."""

    is_known: NDArray[np.float32]
    right: NDArray[
        np.float32
    ]  # 1 where the earlier event has more risk, 0.5 where both have the same

    @classmethod
    def of(cls, times: Floats, has_event: Flags, risks: Floats) -> "Pairs":
        outlived = (times[None] > times[:, None]) | (
            (times[None] == times[:, None]) & ~has_event[None]
        )
        known = outlived & has_event[:, None]
        right = (risks[:, None] > risks[None]) + 0.5 * (risks[:, None] == risks[None])
        return cls(known.astype(np.float32), (known * right).astype(np.float32))

    def concordance(self, rows: NDArray[np.int64]) -> float | None:
        """Harrell's C of these rows, which may repeat."""
        weights = np.bincount(rows, minlength=len(self.right)).astype(np.float32)
        known = float(weights @ self.is_known @ weights)
        return float(weights @ self.right @ weights) / known if known else None


def _ranks(values: Floats) -> Floats:
    """1 for the smallest; equal values share their mean rank. (The web process has no SciPy.)"""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


def _check_pair(truth: NDArray[np.generic], answer: NDArray[np.generic]) -> None:
    if truth.shape != answer.shape or truth.ndim != 1:
        raise ValueError(f"truth {truth.shape} does not fit answer {answer.shape}")
