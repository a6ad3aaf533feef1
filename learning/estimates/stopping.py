"""Whether labeling may stop: five conditions, each with its figure (reference C6). Offers, never forces.

The agreement of successive models alone stops too early on a long tail; only all five together do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.estimates.forecast import Forecast
from learning.estimates.lure import Estimate

STABLE_KAPPA = 0.99
STABLE_ROUNDS = 3
NEXT_SHARE = 0.2  # the forecast looks that far ahead
LEAST_GAIN = 0.005  # half a point
AGREEMENT_POINTS = 0.03  # audit and locked test may differ by so much
AGREEMENT_SHARE = 0.05  # of an error in the unit of the answer: as where models are compared


@dataclass(frozen=True)
class Condition:
    """One reason for or against stopping; None where it cannot be told yet."""

    name: str
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Stopping:
    """All conditions; stopping is advised when every one holds."""

    conditions: tuple[Condition, ...]

    @property
    def is_advised(self) -> bool:
        return all(condition.holds is True for condition in self.conditions)


@dataclass(frozen=True)
class Evidence:
    """What is known of a target; None where it is not known yet."""

    kappas: Sequence[float]  # of successive models on a fixed stop set, the latest last
    forecast: Forecast | None
    target: float | None  # what the figure shall reach
    figure_low: float | None  # lower end of its 95 % interval on locked validation
    audit: Estimate | None  # error of pre-labels in the random audit
    tolerance: float | None  # of that error; nobody says one of numbers
    counts: Mapping[str, int]  # labels per class
    minimum: int  # labels that every class shall have
    unit: str | None = None  # of the error; None where it is a rate


def kappa(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Cohen's kappa of two models' answers (n,) on the same cases; 1 where both say one thing only."""
    if before.shape != after.shape or before.ndim != 1 or len(before) == 0:
        raise ValueError(f"answers {before.shape} and {after.shape} are not of the same cases")
    classes = np.union1d(before, after)
    observed = float((before == after).mean())
    chance = float(sum((before == c).mean() * (after == c).mean() for c in classes))
    return 1.0 if chance >= 1 else (observed - chance) / (1 - chance)


def concordance(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Lin's concordance (1989) of two models' numbers (n,), the limit of quadratic kappa; as `kappa`."""
    if before.shape != after.shape or before.ndim != 1 or len(before) == 0:
        raise ValueError(f"numbers {before.shape} and {after.shape} are not of the same cases")
    apart = float(np.square(before - after).mean())
    by_chance = float(before.var() + after.var() + (before.mean() - after.mean()) ** 2)
    return 1.0 if by_chance <= 0 else 1 - apart / by_chance


def stopping(evidence: Evidence) -> Stopping:
    """The advice with its reasons, in a fixed order."""
    return Stopping(
        (
            _stable(evidence),
            _flat(evidence),
            _reached(evidence),
            _audited(evidence),
            _seen(evidence),
        )
    )


def audit_agreement(audit: Estimate, test_error: float, unit: str | None = None) -> Condition:
    """Whether the audit and the locked test tell the same error; if not, the pool has drifted.

    An error in a unit is a mean absolute one, without a unit a rate.
    """
    gap = audit.value - test_error
    least = AGREEMENT_POINTS if unit is None else AGREEMENT_SHARE * test_error
    room = max(least, 1.96 * audit.standard_error)
    said = f"audit error {_error(audit.value, unit)}, locked test {_error(test_error, unit)}"
    if abs(gap) <= room:
        return Condition("audit_agrees", True, f"Audit and locked test agree: {said}")
    return Condition("audit_agrees", False, f"Audit and locked test differ, look for drift: {said}")


def _stable(evidence: Evidence) -> Condition:
    last = list(evidence.kappas)[-STABLE_ROUNDS:]
    if len(last) < STABLE_ROUNDS:
        need = STABLE_ROUNDS - len(last)
        return Condition("stable", None, f"{need} more rounds show whether the answers are stable")
    holds = min(last) >= STABLE_KAPPA
    return Condition(
        "stable", holds,
        f"Agreement of successive models: {min(last):.3f} at least in the last {STABLE_ROUNDS}"
        f" rounds ({STABLE_KAPPA} wanted)",
    )  # fmt: skip


def _flat(evidence: Evidence) -> Condition:
    if evidence.forecast is None:
        return Condition("forecast", None, "Too few rounds for a forecast")
    more = max(round(NEXT_SHARE * evidence.forecast.labels), 1)
    # The upper end of the band: a gain that is merely uncertain is no reason to stop.
    _, _, high = evidence.forecast.gain(more)
    return Condition("forecast", high < LEAST_GAIN, evidence.forecast.sentence(more))


def _reached(evidence: Evidence) -> Condition:
    if evidence.target is None or evidence.figure_low is None:
        return Condition("target", None, "No target is set, or nothing validated yet")
    return Condition(
        "target", evidence.figure_low >= evidence.target,
        f"95 % sure of {evidence.figure_low:.3f} on validation ({evidence.target:.3f} wanted)",
    )  # fmt: skip


def _audited(evidence: Evidence) -> Condition:
    if evidence.audit is None:
        return Condition("audit", None, "No audited labels yet")
    upper, unit = evidence.audit.interval[1], evidence.unit
    said = f"Error of suggestions at most {_error(upper, unit)} by {evidence.audit.draws} audited labels"
    if evidence.tolerance is None:
        return Condition("audit", None, f"{said} (judge yourself whether that suffices)")
    return Condition(
        "audit",
        upper <= evidence.tolerance,
        f"{said} ({_error(evidence.tolerance, unit)} tolerated)",
    )


def _seen(evidence: Evidence) -> Condition:
    if not evidence.counts:
        return Condition("classes", None, "No classes counted yet")
    scarce = {n: k for n, k in evidence.counts.items() if k < evidence.minimum}
    if not scarce:
        return Condition("classes", True, f"Every answer has {evidence.minimum} labels or more")
    named = ", ".join(f"{name} {count}" for name, count in sorted(scarce.items()))
    return Condition("classes", False, f"Too few labels ({evidence.minimum} wanted): {named}")


def _error(value: float, unit: str | None) -> str:
    return f"{100 * value:.1f} %" if unit is None else f"{value:.3g} {unit}".rstrip()
