"""Figures of scores that depend on their order alone, from how many of each class have each score.

The distinct scores are found once; a draw of a bootstrap then only counts, without sorting again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """How many positives and negatives have each distinct score, (distinct,), highest score first."""

    positives: Indices
    negatives: Indices

    @property
    def has_both(self) -> bool:
        return bool(self.positives.any() and self.negatives.any())


def counts(is_positive: Flags, scores: Floats) -> Counts:
    """Of all rows."""
    return counter(is_positive, scores)(np.arange(len(scores)))


def counter(is_positive: Flags, scores: Floats) -> Callable[[Indices], Counts]:
    """`counts` of any rows, which may repeat."""
    distinct, places = np.unique(-scores, return_inverse=True)

    def of(rows: Indices) -> Counts:
        found, is_one = places[rows], is_positive[rows]
        total = np.bincount(found, minlength=len(distinct))
        ones = np.bincount(found[is_one], minlength=len(distinct))
        return Counts(ones, total - ones)

    return of


def auc(found: Counts) -> float | None:
    """Area under the ROC curve, ties counted half (Hanley & McNeil 1982); None without both classes."""
    if not found.has_both:
        return None
    negatives = int(found.negatives.sum())
    below = negatives - np.cumsum(found.negatives)
    right = float((found.positives * (below + found.negatives / 2)).sum())
    return right / (int(found.positives.sum()) * negatives)


def average_precision(found: Counts) -> float | None:
    """Mean of the precision at each positive, equal scores taken together; None without positives."""
    if not found.positives.any():
        return None
    hits, calls = np.cumsum(found.positives), np.cumsum(found.positives + found.negatives)
    precision = hits / np.maximum(calls, 1)
    return float((found.positives * precision).sum() / hits[-1])


def sensitivity_at_specificity(found: Counts, specificity: float) -> float | None:
    """The best sensitivity of a threshold that keeps at least this specificity."""
    if not 0 <= specificity <= 1:
        raise ValueError(f"specificity must lie between 0 and 1, not {specificity}")
    if not found.has_both:
        return None
    hits, false_calls = np.cumsum(found.positives), np.cumsum(found.negatives)
    is_allowed = 1 - false_calls / false_calls[-1] >= specificity - 1e-12
    return float(np.max(hits[is_allowed], initial=0) / hits[-1])
