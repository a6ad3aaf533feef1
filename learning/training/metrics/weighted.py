"""Figures of many bootstrap draws at once: a draw is how often each row was drawn, not a list of rows.

Weights are (n, draws) float32; a measure takes the rows that it is of, and the weights of all rows, and
gives (draws,) float64 with NaN where a draw cannot give it. A hundred times faster than drawing rows
where subgroups are many and test sets large.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.classification import CALIBRATION_BINS
from learning.training.metrics.figures import (
    MEANS_OF_LABELS,
    SPECIFICITIES,
    Examined,
    boxes_of,
    measures_of,
    named_sensitivity,
)
from learning.training.metrics.intervals import Measure

Rows = NDArray[np.int64]
Weights = NDArray[np.float32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Weighted = Callable[[Rows, Weights], Floats]
BLOCK = 6_000_000  # weights at once: 24 MB


def draws(patients: Sequence[str], rng: np.random.Generator, repeats: int) -> Iterator[Weights]:
    """(n, some) weights, in all `repeats` draws of as many patients as there are."""
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    count = int(group.max()) + 1
    at_once = max(1, min(repeats, BLOCK // len(group)))
    for start in range(0, repeats, at_once):
        size = min(at_once, repeats - start)
        drawn = np.empty((count, size), np.float32)
        for column in range(size):
            drawn[:, column] = np.bincount(rng.integers(count, size=count), minlength=count)
        yield drawn[group]


def weighted_measures(test: Examined) -> dict[str, Weighted]:
    """The figures of `figures.measures_of` that subgroups are asked for, the deciding one first."""
    if len(test) == 0 or not test.is_finite:
        return {name: of_rows(measure) for name, measure in measures_of(test).items()}
    if test.kind in _WEIGHTED:
        return _WEIGHTED[test.kind](test)
    return {name: of_rows(measure) for name, measure in measures_of(test).items()}


def _number(test: Examined) -> dict[str, Weighted]:
    return {"mean_absolute_error": mean(np.abs(test.truth - test.predictions[:, 0]))}


def _segmentation(test: Examined) -> dict[str, Weighted]:
    dice, hd95_mm = np.hsplit(test.predictions, 2)
    return {
        "mean_dice": _mean_of([mean(column) for column in dice.T]),
        "mean_hd95_mm": _mean_of([mean(column) for column in hd95_mm.T]),
    }


def _boxes(test: Examined) -> dict[str, Weighted]:
    return dict(boxes_of(test).weighted())


def _one(test: Examined) -> dict[str, Weighted]:
    truth, said = test.truth, test.predictions
    of_all = {
        "accuracy": mean((said.argmax(axis=1) == truth).astype(np.float64)),
        "calibration_error": calibration_error(truth, said),
    }
    if said.shape[1] != 2:
        classes = range(said.shape[1])
        return {
            "auc": _mean_of([auc(truth == c, said[:, c]) for c in classes]),
            "average_precision": _mean_of([average_precision(truth == c, said[:, c]) for c in classes]),
            "f1": _mean_of([f1(truth == c, said.argmax(axis=1) == c) for c in classes]),
            **of_all,
        }  # fmt: skip
    is_called = said[:, 1] >= (test.thresholds[0] if test.thresholds else 0.5)
    called = is_called.astype(np.float64)
    return {
        "auc": auc(truth == 1, said[:, 1]),
        "average_precision": average_precision(truth == 1, said[:, 1]),
        "f1": f1(truth == 1, is_called),
        "sensitivity": mean(np.where(truth == 1, called, np.nan)),
        "specificity": mean(np.where(truth == 0, 1 - called, np.nan)),
        **_sensitivities(truth == 1, said[:, 1]),
        **of_all,
    }


def _many(test: Examined) -> dict[str, Weighted]:
    """Means over the findings; of each, the cases in which it was looked for."""
    labels = [_label(test, number) for number in range(test.truth.shape[1])]
    return {
        mean_name: _mean_of([of_label[name] for of_label in labels])
        for name, mean_name in MEANS_OF_LABELS.items()
    }


def _label(test: Examined, label: int) -> dict[str, Weighted]:
    truth, scores = test.truth[:, label], test.predictions[:, label]
    is_known, is_positive = np.isfinite(truth), truth == 1
    is_called = scores >= (test.thresholds[label] if test.thresholds else 0.5)
    found = {
        "auc": auc(is_positive, scores),
        "average_precision": average_precision(is_positive, scores),
        "f1": f1(is_positive, is_called),
        **_sensitivities(is_positive, scores),
    }

    def looked_for(of_all: Weighted) -> Weighted:
        return lambda rows, weights: of_all(rows[is_known[rows]], weights)

    return {name: looked_for(of_all) for name, of_all in found.items()}


def _sensitivities(is_positive: Flags, scores: Floats) -> dict[str, Weighted]:
    return {
        named_sensitivity(percent): sensitivity_at(is_positive, scores, percent / 100)
        for percent in SPECIFICITIES
    }


_WEIGHTED: dict[str, Callable[[Examined], dict[str, Weighted]]] = {
    "many": _many, "one": _one, "number": _number, "segmentation": _segmentation, "boxes": _boxes,
}  # fmt: skip


def auc(is_positive: Flags, scores: Floats) -> Weighted:
    """As `ranked.auc`."""
    counted = _counter(is_positive, scores)

    def of(rows: Rows, weights: Weights) -> Floats:
        positives, negatives = counted(rows, weights)
        below = np.cumsum(negatives, axis=0)
        total = below[-1]
        right = (positives * (total - below + negatives / 2)).sum(axis=0)
        return _divided(right, positives.sum(axis=0) * total)

    return _of_some(of)


def average_precision(is_positive: Flags, scores: Floats) -> Weighted:
    """As `ranked.average_precision`."""
    counted = _counter(is_positive, scores)

    def of(rows: Rows, weights: Weights) -> Floats:
        positives, negatives = counted(rows, weights)
        hits = np.cumsum(positives, axis=0)
        calls = np.cumsum(positives + negatives, axis=0)
        precision = hits / np.maximum(calls, 1)
        return _divided((positives * precision).sum(axis=0), hits[-1])

    return _of_some(of)


def sensitivity_at(is_positive: Flags, scores: Floats, specificity: float) -> Weighted:
    """As `ranked.sensitivity_at_specificity`."""
    counted = _counter(is_positive, scores)

    def of(rows: Rows, weights: Weights) -> Floats:
        positives, negatives = counted(rows, weights)
        hits, false_calls = np.cumsum(positives, axis=0), np.cumsum(negatives, axis=0)
        is_allowed = 1 - false_calls / np.maximum(false_calls[-1], 1) >= specificity - 1e-12
        best = np.where(is_allowed, hits, 0).max(axis=0)
        return np.where(false_calls[-1] > 0, _divided(best, hits[-1]), np.nan)

    return _of_some(of)


def f1(is_positive: Flags, is_called: Flags) -> Weighted:
    """As `classification.f1`."""
    both = 2.0 * (is_positive & is_called)
    total = is_positive.astype(np.float64) + is_called

    def of(rows: Rows, weights: Weights) -> Floats:
        return _divided(both[rows] @ weights[rows], total[rows] @ weights[rows])

    return of


def calibration_error(truth: NDArray[np.int64], said: Floats) -> Weighted:
    """As `classification.calibration_error`."""
    confidence = said.max(axis=1)
    gap = confidence - (said.argmax(axis=1) == truth)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)

    def of(rows: Rows, weights: Weights) -> Floats:
        own, place = weights[rows].astype(np.float64), bins[rows]
        gaps = [np.abs(gap[rows][place == b] @ own[place == b]) for b in range(CALIBRATION_BINS)]
        return _divided(np.sum(gaps, axis=0), own.sum(axis=0))

    return of


def _counter(
    is_positive: Flags, scores: Floats
) -> Callable[[Rows, Weights], tuple[Floats, Floats]]:
    """Positives and negatives with each distinct score (distinct, draws), highest score first."""
    _, places = np.unique(-scores, return_inverse=True)

    def counted(rows: Rows, weights: Weights) -> tuple[Floats, Floats]:
        ordered = rows[np.argsort(places[rows], kind="stable")]
        own, is_one = weights[ordered], is_positive[ordered]
        starts = np.flatnonzero(np.diff(places[ordered], prepend=-1))
        positives, negatives = (
            np.add.reduceat(own * flag[:, None].astype(np.float32), starts, axis=0)
            for flag in (is_one, ~is_one)
        )
        return positives.astype(np.float64), negatives.astype(np.float64)

    return counted


def _of_some(of: Weighted) -> Weighted:
    """NaN of no rows at all."""
    return lambda rows, weights: (
        of(rows, weights) if len(rows) else np.full(weights.shape[1], np.nan)
    )


def mean(values: Floats) -> Weighted:
    """Of the finite values."""
    is_known = np.isfinite(values)
    numbers = np.where(is_known, values, 0.0)

    def of(rows: Rows, weights: Weights) -> Floats:
        own = weights[rows]
        return _divided(numbers[rows] @ own, is_known[rows].astype(np.float64) @ own)

    return of


def of_rows(measure: Measure) -> Weighted:
    """Any measure of rows, one draw after the other."""

    def of(rows: Rows, weights: Weights) -> Floats:
        found = np.full(weights.shape[1], np.nan)
        for draw, times in enumerate(weights[rows].astype(np.int64).T):
            drawn = np.repeat(rows, times)
            value = measure(drawn) if len(drawn) else None
            found[draw] = np.nan if value is None else value
        return found

    return of


def _mean_of(measures: Sequence[Weighted]) -> Weighted:
    """The mean over the measures that a draw can give."""

    def of(rows: Rows, weights: Weights) -> Floats:
        found = np.stack([measure(rows, weights) for measure in measures])
        is_known = np.isfinite(found)
        return _divided(np.where(is_known, found, 0.0).sum(axis=0), is_known.sum(axis=0))

    return of


def _divided(above: NDArray[np.generic], below: NDArray[np.generic]) -> Floats:
    """NaN where there is nothing to divide by."""
    divisor = np.asarray(below, np.float64)
    found = np.full(divisor.shape, np.nan)
    np.divide(np.asarray(above, np.float64), divisor, out=found, where=divisor > 0)
    return found
