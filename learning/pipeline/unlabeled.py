"""The images without labels that a round may learn from: open cases of its training patients."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case, CaseState
from learning.column_values import current_rows, with_rows
from learning.models import Round
from learning.pipeline.base import Examples, Kind
from learning.services.seen import note_seen
from learning.training.data import ArrayFile

MOST_IMAGES = 10_000
MOST_BYTES = 4 << 30  # of them, on the disk
NAME = "images-unlabeled"


@dataclass(frozen=True)
class Unlabeled:
    """Inputs whose labels are all missing, and what a round's record says of them."""

    examples: Examples
    sha256: str  # of the inputs

    def __len__(self) -> int:
        return len(self.examples)


def load_unlabeled(round_: Round, kind: Kind, wanted: int, folder: Path) -> Unlabeled:
    """At most so many, drawn by the round's seed.

    They lie in the round's folder beside its checkpoints: a resumed round goes on with the very same, though
    some may have been labeled since.
    """
    record = folder / "unlabeled.json"
    if not record.exists():
        _write(round_, kind, min(wanted, MOST_IMAGES), folder, record)
    kept = json.loads(record.read_text())
    count = len(kept["patients"])
    return Unlabeled(
        Examples(
            ArrayFile(folder / NAME), labels=[None] * count, patients=kept["patients"],
            cases=[UUID(case) for case in kept["cases"]], rows=kept["rows"],
        ),
        kept["sha256"],
    )  # fmt: skip


def _write(round_: Round, kind: Kind, wanted: int, folder: Path, record: Path) -> None:
    patient_of = _training_pool(round_)
    order = np.random.default_rng(round_.seed).permutation(len(patient_of))[:wanted]
    drawn = [list(patient_of)[row] for row in sorted(order.tolist())]
    kept: dict[str, Any] = {"patients": [], "cases": [], "rows": []}
    studies: list[UUID] = []

    def images() -> Iterator[Any]:
        room = MOST_BYTES
        for one, image in _loaded(round_, kind, drawn):
            room -= image.nbytes
            if room < 0:
                return
            studies.append(one.study_id)
            kept["patients"].append(patient_of[one.case_id])
            kept["cases"].append(str(one.case_id))
            if kind.columns:
                kept["rows"].append(one.row)
            yield image

    ArrayFile.write(folder / NAME, images())
    with (folder / NAME).with_suffix(".bin").open("rb") as file:
        kept["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    note_seen(round_, studies)
    partial = record.with_suffix(".part")
    partial.write_text(json.dumps(kept))
    partial.rename(record)


def _training_pool(round_: Round) -> dict[UUID, str]:
    """Open cases and the pseudonyms of their patients, in the order of the studies' UIDs.

    None of a patient who measures this round's models: held out now, or in the frozen dataset, or looking
    like one who is.
    """
    project, dataset = round_.target.project, round_.dataset
    assert dataset is not None  # noqa: S101  for the type checker
    splitter = Splitter(datasets.policy_of(project))
    measuring = {
        splitter.leader(patient)
        for patient in dataset.items.exclude(split=Split.TRAIN).values_list(
            "patient_key", flat=True
        )
    }
    rows = Case.objects.filter(project=project, state=CaseState.OPEN).order_by(
        "study__study_instance_uid"
    )
    found = {}
    for case, patient, uid in rows.values_list(
        "pk", "study__patient_id", "study__study_instance_uid"
    ).iterator(chunk_size=2000):
        pseudonym = splitter.pseudonym(patient, uid)
        is_taught = splitter.split(pseudonym) == Split.TRAIN
        if is_taught and splitter.leader(pseudonym) not in measuring:
            found[case] = pseudonym
    return found


def _loaded(round_: Round, kind: Kind, drawn: list[UUID]) -> Iterator[tuple[Any, Any]]:
    """The inputs that can be used; the others are told of when the pool is predicted."""
    refused: dict[UUID, str] = {}
    cases = list(
        Case.objects.filter(pk__in=drawn)
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
    )
    chosen = with_rows(
        kind.inputs.choose(cases, refused),
        current_rows(round_.target.project, cases, kind.columns), kind.columns, refused,
    )  # fmt: skip

    def report(done: int) -> None:
        jobs.report(round_, step="load", done=done, total=len(chosen))

    return kind.inputs.load(chosen, refused, report)
