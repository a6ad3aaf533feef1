"""Whether a model serves everybody: the figure of every subgroup, and which gaps are more than chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.intervals import BOOTSTRAPS, Estimate, estimate_from
from learning.training.metrics.weighted import Floats, Rows, Weighted, draws

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
    measure: Weighted,
    attributes: Mapping[str, Sequence[str | None]],
    patients: Sequence[str],
    rng: np.random.Generator,
    repeats: int = BOOTSTRAPS,
    *,
    can_test: Callable[[Rows], bool] = lambda _rows: True,
) -> list[Subgroup]:
    """Every value of every attribute (one entry per row; None where unknown) by bootstrap over patients.

    All subgroups are measured on the same draws, so that a gap compares rows of the same draw. A subgroup
    without a figure, or with the only value of its attribute, has no p; nor one where its rows or the rest
    are not enough to test: a single positive makes every draw without it none. Raises ValueError where an
    attribute does not have one entry per row.
    """
    for name, values in attributes.items():
        if len(values) != len(patients):
            raise ValueError(f"{name} has {len(values)} entries for {len(patients)} rows")
    groups = [
        _Group.of(name, value, values)
        for name, values in attributes.items()
        for value in sorted({v for v in values if v is not None})
    ]
    if not groups:
        return []
    once = np.ones((len(patients), 1), np.float32)
    whole = [_measured(measure, group, once) for group in groups]
    parts: list[list[tuple[Floats, Floats]]] = [[] for _ in groups]
    if len(set(patients)) > 1:
        for weights in draws(patients, rng, max(repeats, DRAWS_PER_SUBGROUP * len(groups))):
            for place, group in enumerate(groups):
                if np.isfinite(whole[place][0][0]):
                    parts[place].append(_measured(measure, group, weights))
    found = [
        _subgroup(*pieces, has_p=can_test(pieces[0].mine) and can_test(pieces[0].others))
        for pieces in zip(groups, whole, parts, strict=True)
    ]
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


@dataclass(frozen=True)
class _Group:
    """The rows of one value, and those of its attribute's other values."""

    attribute: str
    value: str
    mine: Rows
    others: Rows

    @classmethod
    def of(cls, attribute: str, value: str, values: Sequence[str | None]) -> "_Group":
        is_mine = np.array([v == value for v in values])
        is_known = np.array([v is not None for v in values])
        return cls(attribute, value, np.flatnonzero(is_mine), np.flatnonzero(is_known & ~is_mine))


def _measured(
    measure: Weighted, group: _Group, weights: NDArray[np.float32]
) -> tuple[Floats, Floats]:
    """(draws,) of the group and of the rest; NaN where there is none."""
    return measure(group.mine, weights), measure(group.others, weights)


def _subgroup(
    group: _Group,
    whole: tuple[Floats, Floats],
    parts: Sequence[tuple[Floats, Floats]],
    *,
    has_p: bool,
) -> Subgroup:
    """With its p as it is before the correction."""
    mine, rest = (float(figure[0]) for figure in whole)
    own = np.concatenate([part[0] for part in parts] or [np.zeros(0)])
    gaps = own - np.concatenate([part[1] for part in parts] or [np.zeros(0)])
    gap = _known(mine - rest)
    return Subgroup(
        attribute=group.attribute,
        value=group.value,
        count=len(group.mine),
        estimate=estimate_from(_known(mine), _finite(own)),
        gap=estimate_from(gap, _finite(gaps)),
        p=_two_sided(_finite(gaps)) if has_p and gap is not None else None,
        is_real=False,
    )


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _finite(values: Floats) -> list[float]:
    return [float(value) for value in values[np.isfinite(values)]]


def _two_sided(gaps: Sequence[float]) -> float | None:
    """How often a draw lies on the other side of zero, doubled; never below what the draws can show."""
    if not gaps:
        return None
    found = np.asarray(gaps)
    tail = min((found <= 0).sum(), (found >= 0).sum())
    return float(min(2 * (tail + 1) / (len(found) + 1), 1.0))
