"""Two model versions on the patients that both were tested on: what a promotion rests on."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import TextChoices

from annotation.datasets.selectors import frozen_revisions
from annotation.labeling.services.projects import current_schema
from learning.kinds import DRAWN, figure_of, is_on_series
from learning.models import ModelVersion, TargetKind
from learning.services.test_results import NotTested, Results, results_of
from learning.training.inputs import InputSpec
from learning.training.metrics.figures import measures_of
from learning.training.metrics.intervals import (
    Comparison,
    Estimate,
    Rows,
    can_be_trusted,
    compare,
)

SEED = 0  # a comparison shall not change from one look to the next
MARGIN = 0.05  # of a figure between 0 and 1: five points are what a reader might notice
MARGINS = {"mean_dice": 0.02}
RELATIVE_MARGIN = 0.05  # of an error in the unit of the answer: a share of production's own
UNKNOWN = Estimate(None, None, None)


class Verdict(TextChoices):
    """What the locked test set says of a version beside the one in production."""

    FIRST = "first"  # nothing is in production
    BETTER = "better"
    NOT_WORSE = "not_worse"  # by no more than the margin, and not shown to be worse at all
    WORSE = "worse"  # shown, by however little
    NOT_SHOWN = "not_shown"  # the interval is too wide to tell, or of too few patients
    PRODUCTION_UNTESTED = "production_untested"  # this one has been measured, that one never
    UNTESTED = "untested"  # no patient was tested by both
    NOT_COMPARABLE = "not_comparable"  # they answer different questions, or about other images
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
    rests_on: int | None = None  # of them, those with the rarest answer; None where nobody counted

    @property
    def is_enough(self) -> bool:
        """Whether the version may replace production by itself."""
        return self.verdict in ENOUGH

    @property
    def may_order(self) -> bool:
        """Whether the worklist may follow the version, in production or not."""
        return self.verdict not in (Verdict.WORSE, Verdict.NOT_FINITE)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare_versions(candidate: ModelVersion, production: ModelVersion | None) -> Evidence:
    """The candidate against production by paired bootstrap over the patients of both test sets.

    Production's holds what later rounds have measured of it, so that more patients come in with each round.
    What is true is what the candidate was tested against: labels may have been corrected since. Answers
    are held against that anew; of drawings only the measured overlap is kept, so that cases count only
    where both were measured by the same reads.
    """
    against = production.number if production else None
    if candidate.metrics.get("absent_because") == "not_finite":
        return Evidence(Verdict.NOT_FINITE, against)
    if production is None:
        return Evidence(Verdict.FIRST)
    try:
        new, old = results_of(candidate), results_of(production, with_later=True)
    except NotTested:
        return _without_results(candidate, production)
    if (_asked(new), _looked_at(candidate)) != (_asked(old), _looked_at(production)):
        return Evidence(Verdict.NOT_COMPARABLE, production.number)
    if len(old.cases) == 0 and _is_measured(new):
        return Evidence(Verdict.PRODUCTION_UNTESTED, production.number)
    apart = _read_again(candidate, production, new.cases)
    return _paired(new, old, apart, production.number)


def _without_results(candidate: ModelVersion, production: ModelVersion) -> Evidence:
    """Where one has no result of any case (imported, or from before they were kept) nothing is shown,
    unless production was trained here and never measured: what was imported may be far better."""
    name = figure_of(candidate.target.kind, candidate.input)
    new, old = ((v.metrics.get(name) or {}).get("value") for v in (candidate, production))
    is_first_measured = new is not None and old is None and production.round_id is not None
    return Evidence(
        Verdict.PRODUCTION_UNTESTED if is_first_measured else Verdict.UNTESTED,
        production.number, name,
    )  # fmt: skip


def _asked(results: Results) -> tuple[Any, ...]:
    return results.examined.kind, results.examined.classes, results.examined.overlaps


def _looked_at(version: ModelVersion) -> tuple[Any, ...]:
    """What the truth of its test cases lies on; nothing where that is said of the study.

    Of boxes no spacing: their overlaps are the same in every one.
    """
    target, current = version.target, current_schema(version.target.project)
    is_on_image = target.kind in DRAWN or is_on_series(
        target.question, current.schema if current else None
    )
    if not version.input or not is_on_image:
        return ()
    spec = InputSpec.from_json(version.input)
    grid = (spec.spatial, spec.spacing_mm) if target.kind == TargetKind.SEGMENTATION else ()
    return spec.channels[0].rule, *grid


def _is_measured(results: Results) -> bool:
    examined = results.examined.labeled()
    measure = measures_of(examined)[examined.deciding[0]]
    return measure(np.arange(len(examined))) is not None


def _read_again(
    candidate: ModelVersion, production: ModelVersion, cases: Collection[UUID]
) -> set[UUID]:
    """Those of the cases whose drawings are by other reads in the dataset of the one than of the other."""
    if candidate.target.kind not in DRAWN:
        return set()
    mine, theirs = _reads_of(candidate, cases), _reads_of(production, cases)
    return {case for case in cases if mine.get(case) != theirs.get(case)}


def _reads_of(version: ModelVersion, cases: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The revisions by which each of the cases was measured: those of the round that did it."""
    later = version.test_results.exclude(later_round=None).filter(case__in=cases)
    measured: dict[UUID | None, set[UUID]] = defaultdict(set)
    for case, dataset in later.values_list("case_id", "later_round__dataset_id"):
        measured[dataset].add(case)
    own = version.round.dataset_id if version.round else None
    measured[own].update(set(cases).difference(*measured.values()))
    found: dict[UUID, set[UUID]] = {}
    for dataset_id, of_it in measured.items():
        found |= frozen_revisions(dataset_id, of_it)
    return found


def _paired(new: Results, old: Results, apart: Collection[UUID], against: int) -> Evidence:
    """Both restricted to their common cases but those that stand apart."""
    rows, others = _common(new, old, apart)
    mine = new.examined.rows(rows)
    theirs = replace(
        mine, predictions=old.examined.predictions[others], thresholds=old.examined.thresholds
    )
    mine, theirs = mine.labeled(), theirs.labeled()
    name, higher_is_better = mine.deciding
    if len(mine) == 0:
        return Evidence(Verdict.UNTESTED, against, name)
    candidate, production = measures_of(mine)[name], measures_of(theirs)[name]
    margin = _margin(name, higher_is_better, production(np.arange(len(mine))))
    found = compare(
        candidate, production, mine.patients, np.random.default_rng(SEED), margin=margin,
        higher_is_better=higher_is_better,
    )  # fmt: skip
    patients, rests_on = len(set(mine.patients)), min(mine.rests_on, theirs.rests_on)
    return Evidence(
        verdict=_verdict(found) if can_be_trusted(patients, rests_on) else Verdict.NOT_SHOWN,
        against=against,
        metric=name,
        difference=found.difference,
        margin=margin,
        n=len(mine),
        patients=patients,
        rests_on=rests_on,
    )


def _verdict(found: Comparison) -> Verdict:
    if found.is_better:
        return Verdict.BETTER
    # Before the margin: each loss within it would be forgiven anew, against what the last one left.
    if found.difference.high is not None and found.difference.high < 0:
        return Verdict.WORSE
    return Verdict.NOT_WORSE if found.is_not_worse else Verdict.NOT_SHOWN


def _margin(name: str, is_share: bool, production: float | None) -> float:
    return MARGINS.get(name, MARGIN) if is_share else RELATIVE_MARGIN * (production or 0.0)


def _common(new: Results, old: Results, apart: Collection[UUID]) -> tuple[Rows, Rows]:
    """The rows in each of their common cases but some.

    Of boxes it is kept whether each detection hit, by the objects of its time, and how many those were: a
    case that has another number of any label now counts for neither.
    """
    place_of = {case: place for place, case in enumerate(old.cases) if case not in apart}
    pairs = [(row, place_of[case]) for row, case in enumerate(new.cases) if case in place_of]
    if new.examined.kind == "boxes":
        mine, theirs = new.examined.truth, old.examined.truth
        pairs = [(row, place) for row, place in pairs if (mine[row] == theirs[place]).all()]
    found = np.asarray(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
