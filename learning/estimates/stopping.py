"""Whether labeling may stop: five conditions, each with its figure (reference C6). Offers, never forces.

The agreement of successive models alone stops too early on a long tail; only all together do. Where a
manager has set no goal, or tolerates no named error of numbers, that condition is left out; and of the
rounds alone, without a light head, the forecast and the goal are all that can be told.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.estimates.forecast import Forecast
from learning.estimates.lure import Estimate
from learning.estimates.wording import Sentence
from learning.training.metrics.intervals import (
    LEAST_OF_RAREST,
    LEAST_PATIENTS,
    can_be_trusted,
)

STABLE_KAPPA = 0.99
STABLE_ROUNDS = 3
NEXT_SHARE = 0.2  # the forecast looks that far ahead
LEAST_GAIN = 0.005  # half a point
LEAST_AUDITED = 10  # labels; fewer say nothing of an error
AGREEMENT_POINTS = 0.03  # audit and locked test may differ by so much
AGREEMENT_SHARE = 0.05  # of an error in the unit of the answer: as where models are compared


@dataclass(frozen=True)
class Condition:
    """One reason for or against stopping; None where it cannot be told yet."""

    name: str
    holds: bool | None
    sentence: Sentence


@dataclass(frozen=True)
class Stopping:
    """The conditions that apply; stopping is advised when every one holds."""

    conditions: tuple[Condition, ...]

    @property
    def is_advised(self) -> bool:
        return all(condition.holds is True for condition in self.conditions)


@dataclass(frozen=True)
class Goal:
    """What the deciding figure shall reach, and the worse end of its 95 % interval on the locked test."""

    wanted: float
    end: float | None  # None where nothing is measured yet
    patients: int  # of that test; the end is nothing to rely on where they are few
    rests_on: int  # of them, those with the rarest answer
    higher_is_better: bool = True
    unit: str = ""  # of an error

    @property
    def is_reached(self) -> bool | None:
        if self.end is None or not can_be_trusted(self.patients, self.rests_on):
            return None
        return self.end >= self.wanted if self.higher_is_better else self.end <= self.wanted


@dataclass(frozen=True)
class Evidence:
    """What is known of a target; the forecast and the audit are None while they are not known.

    The others are None where they do not apply: the manager has set none, or there is no light head.
    """

    forecast: Forecast | None
    goal: Goal | None = None
    kappas: Sequence[float] | None = (
        None  # of successive models on a fixed stop set, the latest last
    )
    audit: Estimate | None = None  # error of pre-labels in the random audit
    tolerance: float | None = None  # of that error
    counts: Mapping[str, int] | None = None  # labels per class
    minimum: int = 0  # labels that every class shall have
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
    found = (
        _stable(evidence.kappas) if evidence.kappas is not None else None,
        _flat(evidence),
        _reached(evidence.goal) if evidence.goal else None,
        _audited(evidence),
        _seen(evidence.counts, evidence.minimum) if evidence.counts is not None else None,
    )
    return Stopping(tuple(condition for condition in found if condition is not None))


def audit_agreement(
    audit: Estimate, test_error: float, unit: str | None = None, test_standard_error: float = 0.0
) -> Condition:
    """Whether the audit and the locked test tell the same error; if not, the pool has drifted.

    An error in a unit is a mean absolute one, without a unit a rate. Both have their noise: the audit up
    to the end of its interval that lies towards the test.
    """
    low, high = audit.interval
    reach = high - audit.value if test_error > audit.value else audit.value - low
    least = AGREEMENT_POINTS if unit is None else AGREEMENT_SHARE * test_error
    room = max(least, math.hypot(reach, 1.96 * test_standard_error))
    agrees = abs(audit.value - test_error) <= room
    code = "agrees" if agrees else "differs"
    if unit is None:
        said = Sentence(code, audit=100 * audit.value, test=100 * test_error)
    else:
        said = Sentence(f"{code}_of_number", audit=audit.value, test=test_error, unit=unit)
    return Condition("audit_agrees", agrees, said)


def _stable(kappas: Sequence[float]) -> Condition:
    last = list(kappas)[-STABLE_ROUNDS:]
    if len(last) < STABLE_ROUNDS:
        said = Sentence("stable_soon", count=STABLE_ROUNDS - len(last))
        return Condition("stable", None, said)
    said = Sentence("stable", kappa=min(last), rounds=STABLE_ROUNDS, wanted=STABLE_KAPPA)
    return Condition("stable", min(last) >= STABLE_KAPPA, said)


def _flat(evidence: Evidence) -> Condition:
    if evidence.forecast is None:
        return Condition("forecast", None, Sentence("forecast_soon"))
    more = max(round(NEXT_SHARE * evidence.forecast.labels), 1)
    # The upper end of the band: a gain that is merely uncertain is no reason to stop.
    _, _, high = evidence.forecast.gain(more)
    return Condition("forecast", high < LEAST_GAIN, evidence.forecast.sentence(more))


def _reached(goal: Goal) -> Condition:
    if goal.end is None or goal.is_reached is None:
        return Condition("target", None, _why_unknown(goal))
    if goal.higher_is_better:
        said = Sentence("goal", end=goal.end, wanted=goal.wanted)
    else:
        said = Sentence("goal_of_error", end=goal.end, wanted=goal.wanted, unit=goal.unit)
    return Condition("target", goal.is_reached, said)


def _why_unknown(goal: Goal) -> Sentence:
    if 0 < goal.patients < LEAST_PATIENTS:
        return Sentence(
            "goal_few", patients=goal.patients, least=LEAST_PATIENTS, wanted=goal.wanted
        )
    if goal.end is not None and goal.rests_on < LEAST_OF_RAREST:
        return Sentence(
            "goal_rare", patients=goal.rests_on, least=LEAST_OF_RAREST, wanted=goal.wanted
        )
    return Sentence("goal_soon", wanted=goal.wanted)


def _audited(evidence: Evidence) -> Condition | None:
    if evidence.tolerance is None:
        return None
    if evidence.audit is None or evidence.audit.draws < LEAST_AUDITED:
        return Condition("audit", None, Sentence("audit_soon"))
    upper, count, most = evidence.audit.interval[1], evidence.audit.draws, evidence.tolerance
    if evidence.unit is None:
        said = Sentence("audit", upper=100 * upper, count=count, tolerated=100 * most)
    else:
        said = Sentence(
            "audit_of_number", upper=upper, count=count, tolerated=most, unit=evidence.unit
        )
    return Condition("audit", upper <= most, said)


def _seen(counts: Mapping[str, int], minimum: int) -> Condition:
    if not counts:
        return Condition("classes", None, Sentence("classes_soon"))
    scarce = {n: k for n, k in sorted(counts.items()) if k < minimum}
    if not scarce:
        return Condition("classes", True, Sentence("classes", minimum=minimum))
    said = Sentence("classes_scarce", minimum=minimum, scarce=scarce)
    return Condition("classes", False, said)
