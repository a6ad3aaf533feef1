"""How good class probabilities are: one class of many, several labels at once, and calibration.

Where a figure needs both classes and one is missing, it is None, never a guess.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics import ranked

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]
Flags = NDArray[np.bool_]
CALIBRATION_BINS = 10


def auc(is_positive: Flags, scores: Floats) -> float | None:
    """Area under the ROC curve, ties counted half; None without both classes."""
    return ranked.auc(ranked.counts(is_positive, scores))


def average_precision(is_positive: Flags, scores: Floats) -> float | None:
    """Mean of the precision at each positive, equal scores taken together; None without positives."""
    return ranked.average_precision(ranked.counts(is_positive, scores))


def f1(is_positive: Flags, is_called: Flags) -> float | None:
    """Harmonic mean of precision and sensitivity; None where nothing is positive and nothing called."""
    total = int(is_positive.sum()) + int(is_called.sum())
    return float(2 * (is_positive & is_called).sum() / total) if total else None


def macro_f1(truth: Classes, probabilities: Floats) -> float | None:
    """Mean F1 of the most probable class over the classes that occur in truth or answer."""
    called = probabilities.argmax(axis=1)
    return _mean(f1(truth == c, called == c) for c in range(probabilities.shape[1]))


def sensitivity_at_specificity(
    is_positive: Flags, scores: Floats, specificity: float
) -> float | None:
    """The best sensitivity of a threshold that keeps at least this specificity."""
    return ranked.sensitivity_at_specificity(ranked.counts(is_positive, scores), specificity)


def mean_auc(truth: Classes, probabilities: Floats) -> float | None:
    """Binary: of class 1. More classes: the mean of each against the rest, where both occur."""
    return _of_classes(auc, truth, probabilities)


def mean_average_precision(truth: Classes, probabilities: Floats) -> float | None:
    """Like `mean_auc`."""
    return _of_classes(average_precision, truth, probabilities)


def sensitivity(truth: Classes, is_called: Flags) -> float | None:
    """Share of class 1 that is called."""
    return float(is_called[truth == 1].mean()) if (truth == 1).any() else None


def specificity(truth: Classes, is_called: Flags) -> float | None:
    """Share of class 0 that is not called."""
    return float((~is_called[truth == 0]).mean()) if (truth == 0).any() else None


def accuracy(truth: Classes, probabilities: Floats) -> float | None:
    return float((probabilities.argmax(axis=1) == truth).mean()) if len(truth) else None


def macro(
    measure: Callable[[Flags, Floats], float | None], truth: Floats, probabilities: Floats
) -> float | None:
    """Mean of a measure over the labels of (n, labels) arrays; truth is 1, 0, or NaN where nobody read it.

    A label that the measure cannot be taken of is left out.
    """
    if truth.shape != probabilities.shape:
        raise ValueError(f"truth {truth.shape} does not fit probabilities {probabilities.shape}")
    is_known = ~np.isnan(truth)
    return _mean(
        measure(truth[known, label] == 1, probabilities[known, label])
        for label, known in enumerate(is_known.T)
    )


def brier(truth: Classes, probabilities: Floats) -> float | None:
    """Mean squared distance of (n, classes) probabilities from the truth, 0 to 2 (Brier 1950)."""
    if len(truth) == 0:
        return None
    wanted = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def calibration_error(truth: Classes, probabilities: Floats) -> float | None:
    """Expected calibration error of the most probable class (Guo et al. 2017), 10 equal bins."""
    if len(truth) == 0:
        return None
    gaps = [
        abs(b["confidence"] - b["accuracy"]) * b["count"] for b in reliability(truth, probabilities)
    ]
    return float(sum(gaps) / len(truth))


def reliability(truth: Classes, probabilities: Floats) -> list[dict[str, float]]:
    """Per bin of confidence: mean confidence, accuracy and count, for the reliability plot."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    count = np.bincount(bins)
    sums = np.bincount(bins, confidence), np.bincount(bins, is_right)
    filled = np.flatnonzero(count)
    sure, right = (found[filled] / count[filled] for found in sums)
    return [
        {"confidence": float(c), "accuracy": float(r), "count": float(n)}
        for c, r, n in zip(sure, right, count[filled], strict=True)
    ]


def youden_threshold(truth: Classes, scores: Floats) -> float:
    """The threshold of greatest sensitivity + specificity, of (n,) cases of both classes.

    It lies midway between two scores: below the lowest of n positives lie one in n + 1 of all others.
    0.5 where none does better than calling all cases.
    """
    ordered = np.unique(scores)
    gains = [(scores[truth == 1] >= s).mean() + (scores[truth == 0] < s).mean() for s in ordered]
    best = int(np.argmax(gains))
    return float(ordered[best - 1 : best + 1].mean()) if best else 0.5


def _of_classes(
    measure: Callable[[Flags, Floats], float | None], truth: Classes, probabilities: Floats
) -> float | None:
    class_count = probabilities.shape[1]
    wanted = [1] if class_count == 2 else range(class_count)
    return _mean(measure(truth == c, probabilities[:, c]) for c in wanted)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
