"""What is known of a target's cases now: their vectors, labels, splits and states."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling import selectors as labeling
from annotation.labeling.models import Case, CaseState
from annotation.labeling.schemas import Question
from annotation.labeling.services.projects import current_schema
from learning.acquisition.pool import Rows
from learning.heads.kinds import HEAD_KINDS, HeadKind, Labels, Scale
from learning.models import EncoderVersion, Target
from learning.services.embeddings import Space, load_space


@dataclass(frozen=True)
class Knowledge:
    """What is known of a target now; rows are those of the space.

    `labels` are those of the kind, whether known or not; the masks (n,) tell the cases apart.
    """

    encoder_id: UUID
    space: Space
    classes: list[str]
    kind: HeadKind
    scale: Scale
    labels: Labels
    is_known: NDArray[np.bool_]
    is_training: NDArray[np.bool_]
    is_test: NDArray[np.bool_]
    is_open: NDArray[np.bool_]
    patients: NDArray[np.str_]  # (n,) pseudonyms

    @property
    def labeled(self) -> Rows:
        return np.flatnonzero(self.is_training & self.is_known)

    @property
    def pool(self) -> Rows:
        return np.flatnonzero(self.is_training & self.is_open & ~self.is_known)

    @property
    def held_out(self) -> Rows:
        return np.flatnonzero(~self.is_training & self.is_open & ~self.is_known)


def knowledge_of(target: Target, encoder: EncoderVersion) -> Knowledge:
    """The labels, splits and states of all cases that have a vector of this encoder."""
    space = load_space(encoder)
    schema = current_schema(target.project)
    question = schema.schema.question(target.question) if schema else None
    classes = list(question.option_keys) if question else []
    kind = HEAD_KINDS[target.kind]
    row_of = {case: row for row, case in enumerate(space.cases)}
    labels = kind.unlabeled(len(space.cases), len(classes))
    for case, answer in labeling.find_accepted_answers(target.project, target.question).items():
        label = kind.label(answer.value, classes, answer.asked) if case in row_of else None
        if label is not None:
            labels[row_of[case]] = label
    splits = np.full(len(space.cases), "", dtype="U10")
    is_open = np.zeros(len(space.cases), bool)
    patients = np.full(len(space.cases), "", dtype="U64")
    splitter = Splitter(datasets.policy_of(target.project))
    for case, state, patient, study in _cases(target):
        row = row_of.get(case)
        if row is not None:
            patients[row] = splitter.pseudonym(patient, study)
            splits[row] = splitter.split(str(patients[row]))
            is_open[row] = state == CaseState.OPEN
    return Knowledge(
        encoder.pk, space, classes, kind, _scale_of(question), labels, kind.is_known(labels),
        splits == Split.TRAIN, splits == Split.TEST, is_open, patients,
    )  # fmt: skip


def _scale_of(question: Question | None) -> Scale:
    if question is None:
        return Scale()
    unit = question.unit.label if question.unit else ""
    return Scale(unit, question.minimum, question.maximum)


def _cases(target: Target) -> Iterable[tuple[UUID, str, str, str]]:
    return (
        Case.objects.filter(project=target.project)
        .values_list("pk", "state", "study__patient_id", "study__study_instance_uid")
        .iterator(chunk_size=20_000)
    )
