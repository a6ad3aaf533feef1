"""95 % intervals of means and rates that hold for few cases too, and where no error was seen.

Without SciPy, which the web process does not load.
"""

import math
from collections.abc import Sequence

Bounds = tuple[float, float]
Z = 1.96
# By degrees of freedom from 1.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def student(mean: float, standard_error: float, count: int) -> Bounds:
    """Of a mean of numbers: with few of them their spread is uncertain too."""
    reach = _student_quantile(max(count - 1, 1)) * standard_error
    return mean - reach, mean + reach


def wilson(rate: float, count: float) -> Bounds:
    """Of a rate among so many cases, or effective ones (Wilson 1927): no error in 3 is no proof of none."""
    rate = min(max(rate, 0.0), 1.0)
    shrunk = 1 + Z**2 / count
    middle = (rate + Z**2 / (2 * count)) / shrunk
    reach = Z / shrunk * math.sqrt(rate * (1 - rate) / count + Z**2 / (4 * count**2))
    return middle - reach, middle + reach


def of_mean(rates: Sequence[float], bounds: Sequence[Bounds]) -> Bounds:
    """Of the mean of independent rates, from their own intervals (MOVER, Zou & Donner 2008)."""
    mean = sum(rates) / len(rates)
    below, above = (
        math.hypot(*(bound[side] - rate for rate, bound in zip(rates, bounds, strict=True)))
        for side in (0, 1)
    )
    return mean - below / len(rates), mean + above / len(rates)


def _student_quantile(freedom: int) -> float:
    """Of 97.5 %; beyond the table by its expansion (Abramowitz & Stegun 1964, 26.7.5)."""
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    first, second = (Z**3 + Z) / 4, (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    return Z + first / freedom + second / freedom**2
