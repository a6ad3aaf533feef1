"""Whether a model serves everybody: the figure of every subgroup, and which gaps are more than chance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.intervals import (
    BOOTSTRAPS,
    Estimate,
    Measure,
    estimate_from,
    resamples,
)

LEVEL = 0.05
DRAWS_PER_SUBGROUP = 100  # the smallest p of R draws is 2 / (R + 1): Holm must not make it hopeless


@dataclass(frozen=True)
class Subgroup:
    """The rows that share one value of one attribute, beside all other rows that have the attribute."""

    attribute: str  # "sex"
    value: str  # "F"
    count: int
    estimate: Estimate
    gap: Estimate  # this subgroup - the rest
    p: float | None  # two-sided, after Holm's correction over all subgroups
    is_real: bool  # the gap is more than chance at 5 % over all subgroups together


def by_subgroup(
    measure: Measure,
    attributes: Mapping[str, Sequence[str | None]],
    patients: Sequence[str],
    rng: np.random.Generator,
    repeats: int = BOOTSTRAPS,
) -> list[Subgroup]:
    """Every value of every attribute (one entry per row; None where unknown) by bootstrap over patients.

    All subgroups are measured on the same draws, so that a gap compares rows of the same draw. A subgroup
    without a figure, or with the only value of its attribute, has no p. Raises ValueError where an
    attribute does not have one entry per row.
    """
    for name, values in attributes.items():
        if len(values) != len(patients):
            raise ValueError(f"{name} has {len(values)} entries for {len(patients)} rows")
    named = [
        (name, value, values)
        for name, values in attributes.items()
        for value in sorted({v for v in values if v is not None})
    ]
    seed, count = int(rng.integers(2**63)), max(repeats, DRAWS_PER_SUBGROUP * len(named))
    found = [
        _measure_subgroup(measure, name, value, np.array([v == value for v in values]),
                          np.array([v is not None for v in values]),
                          resamples(patients, np.random.default_rng(seed), count))
        for name, value, values in named
    ]  # fmt: skip
    corrected = holm([subgroup.p for subgroup in found])
    return [
        replace(subgroup, p=p, is_real=p is not None and p < LEVEL)
        for subgroup, p in zip(found, corrected, strict=True)
    ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction; what is None stays None and does not count."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(p * (len(known) - rank), 1.0))
        corrected[place] = largest
    return corrected


def _measure_subgroup(
    measure: Measure, name: str, value: str, is_in: NDArray[np.bool_], is_known: NDArray[np.bool_],
    draws: Iterable[NDArray[np.int64]],
) -> Subgroup:  # fmt: skip
    """One subgroup with its p as it is before the correction."""
    is_rest = is_known & ~is_in
    mine, rest = measure(np.flatnonzero(is_in)), _of(measure, np.flatnonzero(is_rest))
    own: list[float] = []
    gaps: list[float] = []
    for rows in draws if mine is not None else ():
        drawn, other = _of(measure, rows[is_in[rows]]), _of(measure, rows[is_rest[rows]])
        if drawn is not None:
            own.append(drawn)
        if drawn is not None and other is not None:
            gaps.append(drawn - other)
    gap = None if mine is None or rest is None else mine - rest
    return Subgroup(
        attribute=name, value=value, count=int(is_in.sum()), estimate=estimate_from(mine, own),
        gap=estimate_from(gap, gaps), p=None if gap is None else _two_sided(gaps), is_real=False,
    )  # fmt: skip


def _of(measure: Measure, rows: NDArray[np.int64]) -> float | None:
    return measure(rows) if len(rows) else None


def _two_sided(gaps: Sequence[float]) -> float | None:
    """How often a draw lies on the other side of zero, doubled; never below what the draws can show."""
    if not gaps:
        return None
    found = np.asarray(gaps)
    tail = min((found <= 0).sum(), (found >= 0).sum())
    return float(min(2 * (tail + 1) / (len(found) + 1), 1.0))
