"""The error of a model from labels that were not drawn evenly (LURE, Farquhar 2021).

Strictly prequential: a loss counts only if the model that made the prediction had not been trained
on that label. `Draw` carries the counts to hold that to, and `lure` refuses a violation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from learning.estimates.bounds import Bounds, student, wilson

MIN_DRAWS = 2  # a variance needs two


class InvalidDraws(ValueError):
    """Draws that no unbiased estimate follows from; names the draw."""


@dataclass(frozen=True)
class Draw:
    """One label: what the model lost on it, and the chance with which it had been drawn.

    `known_labels` is how many draws the predicting model had been trained on; it must not exceed
    the number of draws before this one.
    """

    loss: float
    propensity: float
    known_labels: int


@dataclass(frozen=True)
class Estimate:
    """A mean over the pool with its standard error and the number of effective draws."""

    value: float
    standard_error: float
    draws: int
    effective: float  # Kish: (sum w)^2 / sum w^2; far below `draws` means heavy tails
    bounds: Bounds | None = None  # where those of a mean of numbers do not fit

    @property
    def interval(self) -> Bounds:
        """95 %; no loss lies below 0, however wide the doubt."""
        low, high = self.bounds or self._of_numbers()
        return max(low, 0.0), high

    def _of_numbers(self) -> Bounds:
        """Of as many numbers as the draws are worth: where few weigh much, their spread has not been met."""
        doubt = self.standard_error * math.sqrt(self.draws / self.effective)
        return student(self.value, doubt, int(self.effective))


def as_rate(estimate: Estimate) -> Estimate:
    """The same of losses that are 0 or 1: Wilson's interval over as many cases as the draws are worth."""
    spread, doubt = estimate.value * (1 - estimate.value), estimate.standard_error**2
    is_told = spread > 0 and doubt > 0  # losses that are all alike tell no spread
    # Draws of unlike chances are never worth more: few that weigh much may not have met the errors yet.
    worth = min(spread / doubt, estimate.effective) if is_told else estimate.effective
    return replace(estimate, bounds=wilson(estimate.value, worth))


def weights(propensities: NDArray[np.float64], pool_size: int) -> NDArray[np.float64]:
    """v_m = 1 + (N - M)/(N - m) (1/((N - m + 1) q_m) - 1) for m = 1..M: (M,)."""
    count = len(propensities)
    m = np.arange(1, count + 1)
    left = np.maximum(pool_size - m, 1)  # at m = N the factor N - M is zero already
    importance = 1 / ((pool_size - m + 1) * propensities)
    return np.asarray(1 + (pool_size - count) / left * (importance - 1))


def lure(draws: Sequence[Draw], pool_size: int) -> Estimate:
    """The mean loss over the pool of N cases that the draws were made from, in drawing order.

    Raises InvalidDraws.
    """
    _check(draws, pool_size)
    losses = np.array([draw.loss for draw in draws])
    factor = weights(np.array([draw.propensity for draw in draws]), pool_size)
    weighted = factor * losses
    value = float(weighted.mean())
    # Labels of a whole pool leave nothing to chance: the finite population's factor.
    share = 1 - len(draws) / pool_size
    error = float(np.sqrt(weighted.var(ddof=1) / len(draws) * share))
    effective = float(factor.sum() ** 2 / max((factor**2).sum(), 1e-12))
    return Estimate(value, error, len(draws), effective)


def pooled(rounds: Sequence[Estimate]) -> Estimate:
    """Several rounds' estimates together, by their draws: one round's tails are too heavy."""
    if not rounds:
        raise InvalidDraws("no rounds to pool")
    share = np.array([r.draws for r in rounds], np.float64)
    share /= share.sum()
    return Estimate(
        float(share @ [r.value for r in rounds]),
        float(np.sqrt(share**2 @ np.square([r.standard_error for r in rounds]))),
        sum(r.draws for r in rounds),
        float(sum(r.effective for r in rounds)),
    )


def _check(draws: Sequence[Draw], pool_size: int) -> None:
    if not MIN_DRAWS <= len(draws) <= pool_size:
        raise InvalidDraws(f"{len(draws)} draws of a pool of {pool_size} give no estimate")
    for number, draw in enumerate(draws):
        if not (np.isfinite(draw.loss) and 0 < draw.propensity <= 1 + 1e-9):
            raise InvalidDraws(f"draw {number} has loss {draw.loss}, propensity {draw.propensity}")
        if draw.known_labels > number:
            raise InvalidDraws(
                f"draw {number} was predicted by a model trained on {draw.known_labels} draws:"
                " an estimate must not use labels that the model has seen"
            )
