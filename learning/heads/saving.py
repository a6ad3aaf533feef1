"""R95: how many labels a strategy needs for a figure, over what chance needs, and how sure that is.

A figure of two hundred test cases wobbles by more than a label changes it, so the place where a
single curve crosses is nearly chance. Three things steady it: the mean over replays, the knowledge
that more labels do not hurt (isotonic regression), and intervals over replays and test cases alike.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Values = NDArray[np.float64]
SHARE = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class Arm:
    """The curves of one strategy: labels (T,), figures (S, T) of S replays.

    `redrawn` (B, S, T) holds the same figures on B bootstrap samples of the test cases; without it
    an interval speaks of the replays alone.
    """

    labels: NDArray[np.int64]
    values: Values
    redrawn: Values | None = None


@dataclass(frozen=True)
class Full:
    """The figures with all labels: (S,), and on the same samples of test cases (B, S)."""

    values: Values
    redrawn: Values | None = None


@dataclass(frozen=True)
class Saving:
    """Labels that a strategy needs for a figure, over what the control needs, with its interval."""

    labels: float
    control_labels: float
    ratio: float
    low: float
    high: float


def labels_to_reach(labels: NDArray[np.int64], values: Values, target: float) -> float:
    """Labels at which the isotonic fit of a curve (T,) reaches `target`; inf if it never does.

    Between two points the logarithm of the labels is interpolated, because figures rise with it.
    """
    rising = isotonic_regression(values).x
    above = np.flatnonzero(rising >= target)
    if not len(above):
        return float("inf")
    place = int(above[0])
    if place == 0:
        return float(labels[0])
    part = (target - rising[place - 1]) / (rising[place] - rising[place - 1])
    low, high = np.log(labels[place - 1 : place + 1])
    return float(np.exp(low + part * (high - low)))


def saving(
    ours: Arm,
    control: Arm,
    full: Full,
    rng: np.random.Generator,
    *,
    share: float = SHARE,
    resamples: int = RESAMPLES,
) -> Saving:
    """R95 over paired replays with its 95 % bootstrap interval.

    Where the control never gets there, its budget is a lower bound, and so the ratio an upper one.
    """
    count = len(full.values)
    labels, control_labels = _both(ours, control, full, np.arange(count), share, None)
    drawn = [
        _both(ours, control, full, rng.integers(count, size=count), share, sample)
        for sample in range(resamples)
    ]
    budget = float(control.labels[-1])
    ratios = [a / min(b, budget) for a, b in drawn]
    low, high = np.quantile(ratios, [0.025, 0.975], method="nearest")
    return Saving(
        labels, control_labels, labels / min(control_labels, budget), float(low), float(high)
    )


def _both(
    ours: Arm,
    control: Arm,
    full: Full,
    replays: NDArray[np.int64],
    share: float,
    sample: int | None,
) -> tuple[float, float]:
    """Labels that both arms need on the mean of some replays, on one sample of the test cases."""
    target = share * float(_of_sample(full.values, full.redrawn, sample)[replays].mean())
    first, second = (
        labels_to_reach(
            arm.labels, _of_sample(arm.values, arm.redrawn, sample)[replays].mean(axis=0), target
        )
        for arm in (ours, control)
    )
    return first, second


def _of_sample(values: Values, redrawn: Values | None, sample: int | None) -> Values:
    if redrawn is None or sample is None:
        return values
    return np.asarray(redrawn[sample % len(redrawn)])
