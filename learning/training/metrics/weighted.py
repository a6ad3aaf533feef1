"""Figures of many bootstrap draws at once: a draw is how often each row was drawn, not a list of rows.

Weights are (n, draws) float32; a measure takes the rows that it is of, and the weights of all rows, and
gives (draws,) float64 with NaN where a draw cannot give it. A hundred times faster than drawing rows
where subgroups are many and test sets large.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.figures import Examined, measures_of
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
    if test.kind == "many":
        return {"mean_auc": _mean_of([_label_auc(test, n) for n in range(test.truth.shape[1])])}
    if test.kind == "one":
        return _one(test)
    if test.kind == "number":
        return {"mean_absolute_error": mean(np.abs(test.truth - test.predictions[:, 0]))}
    if test.kind == "segmentation":
        dice = test.predictions[:, : test.predictions.shape[1] // 2]
        return {"mean_dice": _mean_of([mean(column) for column in dice.T])}
    return {name: of_rows(measure) for name, measure in measures_of(test).items()}


def _one(test: Examined) -> dict[str, Weighted]:
    truth, said = test.truth, test.predictions
    accuracy = mean((said.argmax(axis=1) == truth).astype(np.float64))
    if said.shape[1] != 2:
        each = [auc(truth == c, said[:, c]) for c in range(said.shape[1])]
        return {"auc": _mean_of(each), "accuracy": accuracy}
    called = (said[:, 1] >= (test.thresholds[0] if test.thresholds else 0.5)).astype(np.float64)
    return {
        "auc": auc(truth == 1, said[:, 1]),
        "sensitivity": mean(np.where(truth == 1, called, np.nan)),
        "specificity": mean(np.where(truth == 0, 1 - called, np.nan)),
        "accuracy": accuracy,
    }


def _label_auc(test: Examined, label: int) -> Weighted:
    truth = test.truth[:, label]
    is_known = np.isfinite(truth)
    of_all = auc(truth == 1, test.predictions[:, label])

    def of(rows: Rows, weights: Weights) -> Floats:
        return of_all(rows[is_known[rows]], weights)

    return of


def auc(is_positive: Flags, scores: Floats) -> Weighted:
    """As `ranked.auc`."""
    _, places = np.unique(-scores, return_inverse=True)

    def of(rows: Rows, weights: Weights) -> Floats:
        if len(rows) == 0:
            return np.full(weights.shape[1], np.nan)
        ordered = rows[np.argsort(places[rows], kind="stable")]
        own = weights[ordered]
        is_one = is_positive[ordered]
        starts = np.flatnonzero(np.diff(places[ordered], prepend=-1))
        positives, negatives = (
            np.add.reduceat(own * flag[:, None].astype(np.float32), starts, axis=0)
            for flag in (is_one, ~is_one)
        )
        below = np.cumsum(negatives, axis=0)  # whole numbers below 2^24: exact in float32
        total = below[-1].astype(np.float64)
        right = (positives * (below[-1] - below + negatives / 2)).sum(axis=0, dtype=np.float64)
        return _divided(right, positives.sum(axis=0, dtype=np.float64) * total)

    return of


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
