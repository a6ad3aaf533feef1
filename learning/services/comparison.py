"""Two model versions on the patients that both were tested on: what a promotion rests on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db.models import TextChoices

from learning.kinds import figure_of
from learning.models import ModelVersion
from learning.services.test_results import NotTested, Results, results_of
from learning.training.metrics.figures import DECIDING, Examined, measures_of
from learning.training.metrics.intervals import Estimate, compare

SEED = 0  # a comparison shall not change from one look to the next
MARGIN = 0.05  # of a figure between 0 and 1: five points are what a reader might notice
MARGINS = {"mean_dice": 0.02}
RELATIVE_MARGIN = 0.05  # of an error in the unit of the answer: a share of production's own
UNKNOWN = Estimate(None, None, None)


class Verdict(TextChoices):
    """What the locked test set says of a version beside the one in production."""

    FIRST = "first"  # nothing is in production
    BETTER = "better"
    NOT_WORSE = "not_worse"  # by no more than the margin
    WORSE = "worse"
    NOT_SHOWN = "not_shown"  # the interval is too wide to tell
    PRODUCTION_UNTESTED = "production_untested"  # this one has been measured, that one never
    UNTESTED = "untested"  # no patient was tested by both
    NOT_COMPARABLE = "not_comparable"  # they answer different questions
    NOT_FINITE = "not_finite"  # its network has diverged and answers nothing


ENOUGH = frozenset({Verdict.FIRST, Verdict.BETTER, Verdict.NOT_WORSE, Verdict.PRODUCTION_UNTESTED})


@dataclass(frozen=True)
class Evidence:
    """How a version compares with the one in production, so that higher is better for it."""

    verdict: Verdict
    against: int | None = None  # number of the version it was compared with
    metric: str = ""
    difference: Estimate = UNKNOWN
    margin: float | None = None
    n: int = 0  # cases that both were tested on
    patients: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether the version may replace production by itself."""
        return self.verdict in ENOUGH

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare_versions(candidate: ModelVersion, production: ModelVersion | None) -> Evidence:
    """The candidate against production by paired bootstrap over the patients of both test sets.

    What is true is what the candidate was tested against: labels may have been corrected since.
    """
    against = production.number if production else None
    if candidate.metrics.get("absent_because") == "not_finite":
        return Evidence(Verdict.NOT_FINITE, against)
    if production is None:
        return Evidence(Verdict.FIRST)
    try:
        new, old = results_of(candidate), results_of(production)
    except NotTested:
        return _by_interval(candidate, production)
    if (new.examined.kind, new.examined.classes) != (old.examined.kind, old.examined.classes):
        return Evidence(Verdict.NOT_COMPARABLE, production.number)
    if len(old.cases) == 0 and _is_measured(new):
        return Evidence(Verdict.PRODUCTION_UNTESTED, production.number)
    return _paired(new, old, production.number)


def _by_interval(candidate: ModelVersion, production: ModelVersion) -> Evidence:
    """Where no case has a figure of its own (boxes): whether the figure of the whole test set reaches
    the lower end of production's interval."""
    name = figure_of(candidate.target.kind, candidate.input)
    new, old = (v.metrics.get(name) or {} for v in (candidate, production))
    if new.get("value") is None:
        return Evidence(Verdict.UNTESTED, production.number, name)
    if old.get("low") is None:
        return Evidence(Verdict.PRODUCTION_UNTESTED, production.number, name)
    is_reached = new["value"] >= old["low"]
    return Evidence(
        Verdict.NOT_WORSE if is_reached else Verdict.NOT_SHOWN, production.number, name,
        Estimate(new["value"] - old["value"], None, None),
        n=candidate.metrics.get("n", 0),
    )  # fmt: skip


def _is_measured(results: Results) -> bool:
    examined = results.examined.labeled()
    measure = measures_of(examined)[DECIDING[examined.kind][0]]
    return measure(np.arange(len(examined))) is not None


def _paired(new: Results, old: Results, against: int) -> Evidence:
    """Both restricted to their common cases."""
    place_of = {case: place for place, case in enumerate(old.cases)}
    rows = [row for row, case in enumerate(new.cases) if case in place_of]
    mine = _rows_of(new.examined, rows)
    theirs = _with_predictions(mine, old.examined, [place_of[new.cases[row]] for row in rows])
    mine, theirs = mine.labeled(), theirs.labeled()
    name, higher_is_better = DECIDING[mine.kind]
    if len(mine) == 0:
        return Evidence(Verdict.UNTESTED, against, name)
    candidate, production = measures_of(mine)[name], measures_of(theirs)[name]
    margin = _margin(name, higher_is_better, production(np.arange(len(mine))))
    found = compare(
        candidate, production, mine.patients, np.random.default_rng(SEED), margin=margin,
        higher_is_better=higher_is_better,
    )  # fmt: skip
    return Evidence(
        verdict=_verdict(found.difference, found.is_better, found.is_not_worse),
        against=against,
        metric=name,
        difference=found.difference,
        margin=margin,
        n=len(mine),
        patients=len(set(mine.patients)),
    )


def _verdict(difference: Estimate, is_better: bool, is_not_worse: bool) -> Verdict:
    if is_better:
        return Verdict.BETTER
    if is_not_worse:
        return Verdict.NOT_WORSE
    if difference.high is not None and difference.high < 0:
        return Verdict.WORSE
    return Verdict.NOT_SHOWN


def _margin(name: str, is_share: bool, production: float | None) -> float:
    return MARGINS.get(name, MARGIN) if is_share else RELATIVE_MARGIN * (production or 0.0)


def _rows_of(examined: Examined, rows: Sequence[int]) -> Examined:
    return Examined(
        examined.kind, examined.truth[rows], examined.predictions[rows],
        [examined.patients[row] for row in rows], examined.classes, examined.thresholds,
    )  # fmt: skip


def _with_predictions(mine: Examined, other: Examined, rows: Sequence[int]) -> Examined:
    return Examined(
        mine.kind, mine.truth, other.predictions[rows], mine.patients, other.classes,
        other.thresholds,
    )  # fmt: skip
