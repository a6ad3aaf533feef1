"""Whether a model version serves everybody: its figure in every group that is large enough."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.core.errors import InvalidInput
from learning.models import ModelVersion
from learning.services.attributes import NAMED, attribute_of, in_order, values_by_attribute
from learning.services.test_results import results_of
from learning.training.metrics.figures import SMALLER_IS_BETTER
from learning.training.metrics.subgroups import Subgroup, by_subgroup
from learning.training.metrics.weighted import weighted_measures

SEED = 0  # the same test set shall give the same intervals at every look
# Cells of fewer than eleven people are suppressed in published health statistics (CMS; EMA policy 0070
# asks for a risk below 0.09, which is one in eleven): a figure of few is a statement about each of them.
MIN_PATIENTS = 11
LARGE = 20_000  # cases from which on fewer draws must do
REPEATS, REPEATS_OF_LARGE = 1000, 300
MOST_ATTRIBUTES = 6


@dataclass(frozen=True)
class GroupFigure:
    """One group large enough to be shown."""

    group: Subgroup
    patients: int
    is_worse: bool  # the gap is real and to the group's disadvantage


@dataclass(frozen=True)
class Hidden:
    """What is not shown of one attribute."""

    attribute: str
    groups: int  # with fewer than MIN_PATIENTS patients
    cases: int  # in them
    unknown: int  # cases whose header has no value


@dataclass(frozen=True)
class Report:
    """The figure of every group of the attributes asked for, and what stays untold."""

    figure: str
    figures: list[str]  # that can be asked for
    n: int
    groups: list[GroupFigure]
    hidden: list[Hidden]


def subgroups_of(version: ModelVersion, names: Sequence[str] = (), figure: str = "") -> Report:
    """By attributes (all of NAMED unless told) and figure (the deciding one unless told).

    A group has a p only where its figure and that of the rest are of MIN_PATIENTS with the rarest answer
    each. Holm's correction runs over all groups of one report. Raises InvalidInput naming the field,
    NotTested.
    """
    chosen = list(dict.fromkeys(names)) or list(NAMED)
    if len(chosen) > MOST_ATTRIBUTES:
        raise InvalidInput(f"At most {MOST_ATTRIBUTES} at once.", field="attribute")
    attributes = [attribute_of(name) for name in chosen]
    results = results_of(version).labeled()
    examined = results.examined
    measures = weighted_measures(examined)
    name = figure or examined.deciding[0]
    if name not in measures:
        raise InvalidInput(f"One of {', '.join(measures)}.", field="figure")
    values = values_by_attribute(results.cases, attributes)
    shown = {key: _large_enough(column, examined.patients) for key, column in values.items()}
    support = examined.support(name)
    found = by_subgroup(
        measures[name], shown, examined.patients, np.random.default_rng(SEED),
        repeats=REPEATS if len(examined) <= LARGE else REPEATS_OF_LARGE,
        can_test=lambda rows: support.rests_on(rows) >= MIN_PATIENTS,
    )  # fmt: skip
    of = {attribute.name: attribute for attribute in attributes}
    found.sort(key=lambda g: (chosen.index(g.attribute), in_order(of[g.attribute], g.value)))
    return Report(
        figure=name,
        figures=list(measures),
        n=len(examined),
        groups=[_shown(group, shown[group.attribute], examined.patients, name) for group in found],
        hidden=[_hidden(key, values[key], shown[key]) for key in values],
    )


def _large_enough(values: Sequence[str | None], patients: Sequence[str]) -> list[str | None]:
    """Values of fewer than MIN_PATIENTS patients become None: they are not in anybody's rest either.

    Otherwise the gap of two groups, one shown and one not, would tell the other's figure.
    """
    kept = {
        value for value, count in _patients_of(values, patients).items() if count >= MIN_PATIENTS
    }
    return [value if value in kept else None for value in values]


def _patients_of(values: Sequence[str | None], patients: Sequence[str]) -> dict[str, int]:
    seen: dict[str, set[str]] = defaultdict(set)
    for value, patient in zip(values, patients, strict=True):
        if value is not None:
            seen[value].add(patient)
    return {value: len(found) for value, found in seen.items()}


def _shown(
    group: Subgroup, values: Sequence[str | None], patients: Sequence[str], figure: str
) -> GroupFigure:
    gap = group.gap.value or 0.0
    is_against = gap > 0 if figure in SMALLER_IS_BETTER else gap < 0
    count = len({p for p, value in zip(patients, values, strict=True) if value == group.value})
    return GroupFigure(group, count, group.is_real and is_against)


def _hidden(name: str, values: Sequence[str | None], shown: Sequence[str | None]) -> Hidden:
    withheld = [v for v, kept in zip(values, shown, strict=True) if v is not None and kept is None]
    return Hidden(name, len(set(withheld)), len(withheld), sum(v is None for v in values))
