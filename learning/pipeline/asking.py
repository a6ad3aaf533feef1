"""Before a model has a say: slices at equal distances, so that the first labels are few slices of many
volumes.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from uuid import UUID

import numpy as np

from annotation.archive.stacks import Frame
from annotation.core.locks import advisory_lock
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case
from annotation.labeling.services.asked import Asked
from learning.acquisition.slices import SlicePick, spread_slices
from learning.models import Target
from learning.services import asking
from learning.training.inputs import InputSpec
from learning.training.preparation import UnusableInput
from learning.volumes import ChosenSeries, SpecifiedInputs

PART = 200  # cases whose series are looked up at once
LONGEST_S = 300.0  # well below what a task may take


def asked_for(target: Target, chosen: ChosenSeries, picks: Sequence[SlicePick]) -> Asked:
    """The picks as frames of the first channel's series. Raises UnusableInput."""
    [series, *_] = chosen.series.values()
    frames: Sequence[Frame] = chosen.grid().frames
    slices = [
        {"slice": frames[pick.slice].key, "arm": pick.arm, "propensity": pick.propensity}
        for pick in picks
    ]
    return Asked(chosen.case_id, target.options["layer"], series.series_instance_uid, slices)


def generator_of(chosen: ChosenSeries) -> np.random.Generator:
    """Of what is drawn for a series: the same in every worker, project and replay."""
    [series, *_] = chosen.series.values()
    digest = hashlib.sha256(series.series_instance_uid.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def ask_for_spread_slices(target: Target) -> int:
    """Ask for slices of every open case of which the target has said nothing; returns of how many.

    Of held-out cases, which measure the model, and of those without a usable series the whole is to
    be drawn. One worker at a time; of a large project the clock rings for the rest.
    """
    count, until = 0, time.monotonic() + LONGEST_S
    with advisory_lock(f"ask {target.pk}") as is_mine:
        for cases in _parts(target) if is_mine else ():
            asked = _spread(target, cases)
            asking.ask(target, [asked.get(case.pk) or _whole(target, case) for case in cases])
            count += len(asked)
            if time.monotonic() > until:
                break
    return count


def _parts(target: Target) -> Iterator[list[Case]]:
    """Each part is asked for before the next is looked up, so that a killed worker's successor goes on."""
    cases = asking.waiting(target).select_related("study", "project").defer("study__dicom_json")
    while part := list(cases.order_by("pk")[:PART]):
        yield part


def _spread(target: Target, cases: Sequence[Case]) -> dict[UUID, Asked]:
    splitter = Splitter(datasets.policy_of(target.project))
    pool = [one for one in cases if splitter.split(splitter.patient_key(one)) == Split.TRAIN]
    found = {}
    for chosen in SpecifiedInputs(InputSpec.from_json(target.input)).choose(pool, {}):
        try:
            total = len(chosen.grid().frames)
            picks = spread_slices(total, target.options["slices"], generator_of(chosen))
            found[chosen.case_id] = asked_for(target, chosen, picks)
        except UnusableInput:
            continue
    return found


def _whole(target: Target, case: Case) -> Asked:
    return Asked(case.pk, target.options["layer"], "", [])
