"""95 % intervals by bootstrap over patients: of one figure, and of the difference between two models."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Measure = Callable[[Rows], float | None]  # of rows of the test set; None where they cannot give it
Figures = Callable[[Rows], Mapping[str, float | None]]  # the same by name
BOOTSTRAPS = 1000
MOST_REPEATED = 5  # patients, of whom there are 126 draws
INTERVAL = (2.5, 97.5)
# With fewer, intervals by bootstrap are too narrow to trust, and of patients who are all answered rightly
# they have no width: on 10 a model that is ten points worse seems within five in 28 trials of 100.
LEAST_PATIENTS = 30
# And so many with the rarest answer, structure or event that a figure rests on: of 100 patients with 1, 2, 3,
# 5 positives a model that is ten points worse seems within five in 32, 13, 11, 6 trials of 100.
LEAST_OF_RAREST = 15


def can_be_trusted(patients: int, rests_on: int) -> bool:
    """Whether intervals are of enough patients, and the figure rests on enough of them (`support`)."""
    return patients >= LEAST_PATIENTS and rests_on >= LEAST_OF_RAREST


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; None where the data cannot give one."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """How much better a candidate is than production, and whether it may replace it."""

    difference: Estimate  # candidate - production, so that higher is better
    is_not_worse: bool  # the lower bound lies above -margin
    is_better: bool  # the lower bound lies above 0


def bootstrap(
    measure: Measure,
    patients: Sequence[str],
    rng: np.random.Generator,
    repeats: int = BOOTSTRAPS,
) -> Estimate:
    """The measure on all rows, with the 2.5th and 97.5th percentile over resampled patients.

    One patient gives no interval: every draw would be the same.
    """
    return bootstrap_all({"it": measure}, patients, rng, repeats)["it"]


def bootstrap_all(
    measures: Mapping[str, Measure],
    patients: Sequence[str],
    rng: np.random.Generator,
    repeats: int = BOOTSTRAPS,
) -> dict[str, Estimate]:
    """`bootstrap` of several measures on the same draws; one without a value costs no draw."""
    everybody = np.arange(len(patients))
    values = {name: measure(everybody) for name, measure in measures.items()}
    wanted = {name: measure for name, measure in measures.items() if values[name] is not None}
    draws: dict[str, list[float]] = {name: [] for name in measures}
    if wanted and len(set(patients)) > 1:
        of = _of_each_draw(lambda rows: {name: wanted[name](rows) for name in wanted}, patients)
        for rows in resamples(patients, rng, repeats):
            for name, found in of(rows).items():
                if found is not None:
                    draws[name].append(found)
    return {name: estimate_from(values[name], draws[name]) for name in measures}


def at_the_edge(estimate: Estimate, count: int) -> Estimate:
    """Of a share that is 0 or 1 in every draw, with the exact bound for so many patients that it rests on.

    The bootstrap of patients who are all answered rightly has no width, whoever else would come.
    """
    value = estimate.value
    if value not in (0.0, 1.0) or (estimate.low, estimate.high) != (value, value):
        return estimate
    reach: float = (INTERVAL[0] / 100) ** (1 / max(count, 1))  # Clopper and Pearson 1934
    return Estimate(value, reach, 1.0) if value else Estimate(value, 0.0, 1.0 - reach)


def _of_each_draw(figures: Figures, patients: Sequence[str]) -> Figures:
    """The figures of a draw, taken once of those that come again and again: of few patients there are few."""
    if len(set(patients)) > MOST_REPEATED:
        return figures
    known: dict[bytes, Mapping[str, float | None]] = {}

    def of(rows: Rows) -> Mapping[str, float | None]:
        drawn = np.sort(rows).tobytes()
        if drawn not in known:
            known[drawn] = figures(rows)
        return known[drawn]

    return of


def bootstrap_figures(
    figures: Figures,
    patients: Sequence[str],
    rng: np.random.Generator,
    repeats: int = BOOTSTRAPS,
) -> dict[str, Estimate]:
    """`bootstrap_all` where one call gives all figures, always under the same names."""
    values = figures(np.arange(len(patients)))
    draws: dict[str, list[float]] = {name: [] for name in values}
    if len(set(patients)) > 1:
        of = _of_each_draw(figures, patients)
        for rows in resamples(patients, rng, repeats):
            for name, value in of(rows).items():
                if value is not None:
                    draws[name].append(value)
    return {name: estimate_from(value, draws[name]) for name, value in values.items()}


def compare(
    candidate: Measure,
    production: Measure,
    patients: Sequence[str],
    rng: np.random.Generator,
    *,
    margin: float,
    higher_is_better: bool = True,
    repeats: int = BOOTSTRAPS,
) -> Comparison:
    """Paired bootstrap on one locked set: both models are measured on the same drawn patients.

    `is_not_worse` is a test of non-inferiority at 2.5 % (one-sided); where the data cannot give an
    interval, nothing is claimed. Raises ValueError for a negative margin.
    """
    if margin < 0:
        raise ValueError(f"the margin must not be negative: {margin}")
    sign = 1.0 if higher_is_better else -1.0

    def gain(rows: Rows) -> float | None:
        new, old = candidate(rows), production(rows)
        return None if new is None or old is None else sign * (new - old)

    found = bootstrap(gain, patients, rng, repeats)
    if found.low is None:
        return Comparison(found, False, False)
    return Comparison(found, found.low > -margin, found.low > 0)


def resamples(patients: Sequence[str], rng: np.random.Generator, repeats: int) -> Iterator[Rows]:
    """Rows of as many patients as there are, drawn with replacement; all rows of each drawn."""
    if len(patients) == 0:
        return
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    by_patient, counts = np.argsort(group, kind="stable"), np.bincount(group)
    starts = np.cumsum(counts) - counts
    for _ in range(repeats):
        picked = rng.integers(len(counts), size=len(counts))
        sizes = counts[picked]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield by_patient[np.repeat(starts[picked], sizes) + within]


def estimate_from(value: float | None, draws: Sequence[float]) -> Estimate:
    """The value with the percentiles of its draws; no interval without them."""
    if value is None or not draws:
        return Estimate(value, None, None)
    low, high = np.percentile(draws, INTERVAL)
    return Estimate(value, float(low), float(high))
