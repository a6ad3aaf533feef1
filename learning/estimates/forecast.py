"""What more labels will bring: a power law a - b n^-c through the learning curve, with a band."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.estimates.wording import Sentence

Doubles = NDArray[np.float64]
MIN_POINTS = 4  # three parameters and one point to be wrong about
EXPONENTS = np.linspace(0.1, 2.0, 39)
RESAMPLES = 200
# How many times the labels of the point before a point must have. Closer ones have learned nearly the same
# labels and meet the same test set: their errors are alike. By a head every 5 labels the band, which takes
# them for independent, held the truth in 59 % of replays at 300 labels and 43 % at 600; so in 80 and 89 %.
STEP = 1.2


class NotEnoughPoints(ValueError):
    """The learning curve is too short for a forecast."""


@dataclass(frozen=True)
class PowerLaw:
    """value(n) = plateau - fall * n ** -exponent."""

    plateau: float
    fall: float
    exponent: float

    def at(self, labels: float) -> float:
        return float(self.plateau - self.fall * labels**-self.exponent)


@dataclass(frozen=True)
class Forecast:
    """The curve and its bootstrap copies."""

    curve: PowerLaw
    copies: tuple[PowerLaw, ...]
    labels: int  # where the curve ends today
    figure: str = ""  # named where it is not the usual one: estimates.wording

    def gain(self, more: int) -> tuple[float, float, float]:
        """Expected gain of `more` labels, and its 90 % band: (gain, low, high)."""
        gains = [law.at(self.labels + more) - law.at(self.labels) for law in self.copies]
        low, high = np.quantile(gains, [0.05, 0.95])
        expected = self.curve.at(self.labels + more) - self.curve.at(self.labels)
        return expected, float(low), float(high)

    def band(self, more: int) -> tuple[float, float, float]:
        """The figure expected with `more` labels than today, and its 90 % band: (value, low, high)."""
        values = [law.at(self.labels + more) for law in self.copies]
        low, high = np.quantile(values, [0.05, 0.95])
        return self.curve.at(self.labels + more), float(low), float(high)

    def sentence(self, more: int) -> Sentence:
        """For people, in points of a hundred: "200 more labels: +0.8 to +1.6 points"."""
        _, low, high = self.gain(more)
        code = f"forecast_{self.figure}" if self.figure else "forecast"
        return Sentence(code, more=more, low=100 * low, high=100 * high)

    def labels_to_reach(self, value: float) -> float:
        """Labels in all at which the curve reaches a value; inf beyond its plateau."""
        if value <= self.curve.at(self.labels):
            return float(self.labels)
        if value >= self.curve.plateau or self.curve.fall <= 0:
            return float("inf")
        return float(((self.curve.plateau - value) / self.curve.fall) ** (-1 / self.curve.exponent))


def rows_apart(labels: Doubles) -> NDArray[np.int64]:
    """Of a curve (labels (k,), oldest first) the rows, rising, whose errors may count as independent.

    From the latest one back, each next one with so few labels that the kept one has STEP times as many.
    """
    kept: list[int] = []
    for row in range(len(labels) - 1, -1, -1):
        if not kept or labels[row] * STEP <= labels[kept[-1]]:
            kept.append(row)
    return np.asarray(kept[::-1], np.int64)


def forecast(labels: Doubles, values: Doubles, rng: np.random.Generator) -> Forecast:
    """Fit the curve (labels (k,) > 0 rising, values (k,) in 0..1). Raises NotEnoughPoints.

    The band resamples residuals as independent ones (`rows_apart`). Below about 100 labels it is wrong
    by 2 to 3 points and low by 1 to 2 (reference C6): good for a budget, not for a decision alone.
    """
    if len(labels) != len(values) or len(np.unique(labels)) < MIN_POINTS:
        raise NotEnoughPoints(f"a forecast needs {MIN_POINTS} rounds with different label counts")
    if not (np.isfinite(values).all() and np.isfinite(labels).all() and (labels > 0).all()):
        raise NotEnoughPoints("a forecast needs finite figures at positive label counts")
    curve = _fit(labels, values)
    fitted = np.array([curve.at(n) for n in labels])
    # Residuals of a curve with three parameters are too small by that much.
    spread = np.sqrt(len(labels) / max(len(labels) - 3, 1))
    residuals = (values - fitted) * spread
    copies = tuple(
        _fit(labels, fitted + rng.choice(residuals, len(residuals))) for _ in range(RESAMPLES)
    )
    return Forecast(curve, copies, int(labels.max()))


def _fit(labels: Doubles, values: Doubles) -> PowerLaw:
    """For every exponent the rest is a weighted line; later points, of more labels, count more."""
    weight = labels / labels.sum()
    x = labels ** -EXPONENTS[:, None]  # (exponents, k)
    mean_x, mean_y = x @ weight, float(values @ weight)
    moved = x - mean_x[:, None]
    spread = np.maximum((moved**2) @ weight, 1e-30)
    # More labels do not hurt, and no figure exceeds 1: else the line through (0, 1).
    fall = np.maximum(-(moved * (values - mean_y)) @ weight / spread, 0)
    above = mean_y + fall * mean_x > 1
    through_one = np.maximum((x * (1 - values)) @ weight / ((x**2) @ weight), 0)
    fall = np.where(above, through_one, fall)
    plateau = np.where(above, 1.0, mean_y + fall * mean_x)
    errors = ((values - (plateau[:, None] - fall[:, None] * x)) ** 2) @ weight
    best = int(errors.argmin())
    return PowerLaw(float(plateau[best]), float(fall[best]), float(EXPONENTS[best]))
