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
from annotation.labeling.services.projects import current_schema
from learning.acquisition.pool import Rows
from learning.models import Target
from learning.services.embeddings import Space


@dataclass(frozen=True)
class Knowledge:
    """What is known of a target now; rows are those of the space.

    `answers` (n,) are class numbers, -1 where a case has none; the masks (n,) tell the cases apart.
    """

    space: Space
    classes: list[str]
    answers: NDArray[np.int64]
    is_training: NDArray[np.bool_]
    is_test: NDArray[np.bool_]
    is_open: NDArray[np.bool_]

    @property
    def labeled(self) -> Rows:
        return np.flatnonzero(self.is_training & (self.answers >= 0))

    @property
    def pool(self) -> Rows:
        return np.flatnonzero(self.is_training & self.is_open & (self.answers < 0))

    @property
    def held_out(self) -> Rows:
        return np.flatnonzero(~self.is_training & self.is_open & (self.answers < 0))


def knowledge_of(target: Target, space: Space) -> Knowledge:
    """The labels, splits and states of all cases that have a vector."""
    schema = current_schema(target.project)
    question = schema.schema.question(target.question) if schema else None
    classes = list(question.option_keys) if question else []
    number_of = {name: number for number, name in enumerate(classes)}
    found = labeling.find_accepted_answers(target.project, target.question)
    row_of = {case: row for row, case in enumerate(space.cases)}
    answers = np.full(len(space.cases), -1, np.int64)
    for case, answer in found.items():
        if case in row_of and isinstance(answer, str) and answer in number_of:
            answers[row_of[case]] = number_of[answer]
    splits = np.full(len(space.cases), "", dtype="U10")
    is_open = np.zeros(len(space.cases), bool)
    splitter = Splitter(datasets.policy_of(target.project))
    for case, state, patient, study in _cases(target):
        row = row_of.get(case)
        if row is not None:
            splits[row] = splitter.split(splitter.pseudonym(patient, study))
            is_open[row] = state == CaseState.OPEN
    return Knowledge(space, classes, answers, splits == Split.TRAIN, splits == Split.TEST, is_open)


def _cases(target: Target) -> Iterable[tuple[UUID, str, str, str]]:
    return (
        Case.objects.filter(project=target.project)
        .values_list("pk", "state", "study__patient_id", "study__study_instance_uid")
        .iterator(chunk_size=20_000)
    )
