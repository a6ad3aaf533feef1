"""How good a classifier is, with 95 % intervals by bootstrap over patients. Pure NumPy."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]
BOOTSTRAPS = 1000
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; None where the data cannot give one."""

    value: float | None
    low: float | None
    high: float | None


def auc(is_positive: NDArray[np.bool_], scores: Floats) -> float | None:
    """Area under the ROC curve by ranks, ties counted half (Hanley & McNeil 1982)."""
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if positives == 0 or negatives == 0:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_rank[inverse][is_positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def mean_auc(truth: Classes, probabilities: Floats) -> float | None:
    """Binary: of class 1. More classes: the mean of each against the rest, where both occur."""
    class_count = probabilities.shape[1]
    wanted = [1] if class_count == 2 else range(class_count)
    found = [auc(truth == c, probabilities[:, c]) for c in wanted]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def sensitivity(truth: Classes, is_called: NDArray[np.bool_]) -> float | None:
    """Share of class 1 that is called."""
    return float(is_called[truth == 1].mean()) if (truth == 1).any() else None


def specificity(truth: Classes, is_called: NDArray[np.bool_]) -> float | None:
    """Share of class 0 that is not called."""
    return float((~is_called[truth == 0]).mean()) if (truth == 0).any() else None


def calibration_error(truth: Classes, probabilities: Floats) -> float | None:
    """Expected calibration error of the most probable class (Guo et al. 2017), 10 equal bins."""
    if len(truth) == 0:
        return None
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - is_right[bins == b].mean()) * (bins == b).mean()
        for b in range(CALIBRATION_BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def reliability(truth: Classes, probabilities: Floats) -> list[dict[str, float]]:
    """Per bin of confidence: mean confidence, accuracy and count, for the reliability plot."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        {
            "confidence": float(confidence[bins == b].mean()),
            "accuracy": float(is_right[bins == b].mean()),
            "count": float((bins == b).sum()),
        }
        for b in range(CALIBRATION_BINS)
        if (bins == b).any()
    ]


def accuracy(truth: Classes, probabilities: Floats) -> float | None:
    return float((probabilities.argmax(axis=1) == truth).mean()) if len(truth) else None


def youden_threshold(truth: Classes, scores: Floats) -> float:
    """The threshold of greatest sensitivity + specificity; 0.5 where a class is missing."""
    if (truth == 1).sum() == 0 or (truth == 0).sum() == 0:
        return 0.5
    ordered = np.unique(scores)
    candidates = np.concatenate([ordered, (ordered[1:] + ordered[:-1]) / 2])
    gains = [(scores[truth == 1] >= c).mean() + (scores[truth == 0] < c).mean() for c in candidates]
    return float(candidates[int(np.argmax(gains))])


def bootstrap(
    measure: Callable[[NDArray[np.int64]], float | None],
    patients: Sequence[str],
    rng: np.random.Generator,
    repeats: int = BOOTSTRAPS,
) -> Estimate:
    """The measure on all rows, with the 2.5th and 97.5th percentile over resampled patients."""
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    members = [np.flatnonzero(group == g) for g in range(group.max() + 1)] if len(group) else []
    value = measure(np.arange(len(group)))
    draws = []
    for _ in range(repeats if value is not None else 0):
        picked = rng.integers(len(members), size=len(members))
        drawn = measure(np.concatenate([members[p] for p in picked]))
        if drawn is not None:
            draws.append(drawn)
    if not draws:
        return Estimate(value, None, None)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def evaluate(
    truth: Classes,
    probabilities: Floats,
    patients: Sequence[str],
    *,
    threshold: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """All figures of a test set as JSON: {"n", "per_class", "auc": {value, low, high}, …}."""
    if len(truth) == 0:
        return {"n": 0}
    called = probabilities[:, 1] >= threshold
    measures: dict[str, Callable[[NDArray[np.int64]], float | None]] = {
        "auc": lambda i: mean_auc(truth[i], probabilities[i]),
        "accuracy": lambda i: accuracy(truth[i], probabilities[i]),
        "calibration_error": lambda i: calibration_error(truth[i], probabilities[i]),
    }
    if probabilities.shape[1] == 2:
        measures["sensitivity"] = lambda i: sensitivity(truth[i], called[i])
        measures["specificity"] = lambda i: specificity(truth[i], called[i])
    figures = {name: asdict(bootstrap(m, patients, rng)) for name, m in measures.items()}
    return {
        "n": len(truth),
        "per_class": np.bincount(truth, minlength=probabilities.shape[1]).tolist(),
        "threshold": threshold,
        "reliability": reliability(truth, probabilities),
        **figures,
    }
