"""The balanced error of independent labels, from cases drawn evenly or with known chances.

Of a rare finding "never" is right nearly always; so misses and false alarms count half each, label
by label, and the figure is the mean over the labels of which both answers have been seen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.estimates.bounds import Bounds, of_mean, student, wilson
from learning.estimates.lure import Estimate

Doubles = NDArray[np.float64]
MeanOf = Callable[[Doubles], Estimate | None]
"""Values of the cases (n,) -> their mean over the pool, None where the draws give none."""


@dataclass(frozen=True)
class _Side:
    """The errors among the cases of one answer to one label."""

    rate: float
    influence: Doubles  # (n,) what each case changes in the rate
    bounds: Bounds


def balanced(mean: MeanOf, truth: Doubles, is_wrong: NDArray[np.bool_]) -> Estimate | None:
    """Truth (n, L) of 1, 0 or NaN where nobody looked; None where no label tells.

    An error rate is a ratio of two means; its standard error is that of the linearised ratio
    (Särndal 1992, §5.5), so that labels of one case may depend on each other. The interval is the wider
    of its own and that of the rates taken as independent, which knows that no error in few cases is no
    proof of none.
    """
    sides: list[_Side] = []
    for answers, wrong in zip(truth.T, is_wrong.T, strict=True):
        missed, false_alarms = (_side(mean, answers == side, wrong) for side in (1, 0))
        if missed and false_alarms:
            sides += [missed, false_alarms]
    spread = mean(np.mean([side.influence for side in sides], axis=0)) if sides else None
    if spread is None:
        return None
    rates = [side.rate for side in sides]
    value = float(np.mean(rates))
    linear = student(value, spread.standard_error, spread.draws)
    apart = of_mean(rates, [side.bounds for side in sides])
    bounds = min(linear[0], apart[0]), max(linear[1], apart[1])
    return Estimate(value, spread.standard_error, spread.draws, spread.effective, bounds)


def _side(mean: MeanOf, is_meant: NDArray[np.bool_], is_wrong: NDArray[np.bool_]) -> _Side | None:
    share, both = mean(is_meant.astype(float)), mean((is_meant & is_wrong).astype(float))
    if share is None or both is None or share.value <= 0:
        return None
    rate = both.value / share.value
    influence = is_meant * (is_wrong - rate) / share.value
    return _Side(rate, influence, wilson(rate, share.value * share.effective))
