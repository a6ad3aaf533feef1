"""The balanced error of independent labels, from cases drawn evenly or with known chances.

Of a rare finding "never" is right nearly always; so misses and false alarms count half each, label
by label, and the figure is the mean over the labels of which both answers have been seen.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from learning.estimates.lure import Estimate

Doubles = NDArray[np.float64]
MeanOf = Callable[[Doubles], Estimate | None]
"""Values of the cases (n,) -> their mean over the pool, None where the draws give none."""


def balanced(mean: MeanOf, truth: Doubles, is_wrong: NDArray[np.bool_]) -> Estimate | None:
    """Truth (n, L) of 1, 0 or NaN where nobody looked; None where no label tells.

    An error rate is a ratio of two means; its standard error is that of the linearised ratio
    (Särndal 1992, §5.5), so that labels of one case may depend on each other.
    """
    errors, influences = [], []
    for answers, wrong in zip(truth.T, is_wrong.T, strict=True):
        sides = [_rate(mean, answers == side, wrong) for side in (1, 0)]
        if None not in sides:
            errors.append(np.mean([side[0] for side in sides if side]))
            influences.append(np.mean([side[1] for side in sides if side], axis=0))
    spread = mean(np.mean(influences, axis=0)) if influences else None
    if spread is None:
        return None
    return Estimate(float(np.mean(errors)), spread.standard_error, spread.draws, spread.effective)


def _rate(
    mean: MeanOf, is_meant: NDArray[np.bool_], is_wrong: NDArray[np.bool_]
) -> tuple[float, Doubles] | None:
    """The error rate of the cases that are meant, and what each case changes in it."""
    share, both = mean(is_meant.astype(float)), mean((is_meant & is_wrong).astype(float))
    if share is None or both is None or share.value <= 0:
        return None
    rate = both.value / share.value
    return rate, is_meant * (is_wrong - rate) / share.value
