"""What is known of a target's cases now: their vectors, labels, splits, and which can be drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from annotation.datasets.models import Split
from annotation.labeling.accepted import find_accepted_answers
from annotation.labeling.models import Case, CaseState
from annotation.labeling.schemas import Question
from annotation.labeling.selectors import find_begun_cases
from annotation.labeling.services.projects import current_schema
from learning.acquisition.pool import Rows
from learning.heads.kinds import HEAD_KINDS, HeadKind, Labels, Scale
from learning.models import EncoderVersion, Target
from learning.services.cohorts import cohort_of
from learning.services.embeddings import Space


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
    is_drawable: NDArray[np.bool_]  # it can be served, and how was not settled by an earlier read
    patients: NDArray[np.str_]  # (n,) pseudonyms

    @property
    def labeled(self) -> Rows:
        return np.flatnonzero(self.is_training & self.is_known)

    @property
    def pool(self) -> Rows:
        return np.flatnonzero(self.is_training & self.is_drawable & ~self.is_known)

    @property
    def held_out(self) -> Rows:
        return np.flatnonzero(~self.is_training & self.is_drawable & ~self.is_known)


def knowledge_of(target: Target, encoder: EncoderVersion) -> Knowledge:
    """The labels, splits and states of all cases that have a vector of this encoder."""
    cohort = cohort_of(encoder)
    row_of, count = cohort.row_of, len(cohort.space.cases)
    schema = current_schema(target.project)
    question = schema.schema.question(target.question) if schema else None
    classes = list(question.option_keys) if question else []
    kind = HEAD_KINDS[target.kind]
    labels = kind.unlabeled(count, len(classes))
    for case, answer in find_accepted_answers(target.project, target.question).items():
        label = kind.label(answer.value, classes, answer.settled) if case in row_of else None
        if label is not None:
            labels[row_of[case]] = label
    is_drawable = np.ones(count, bool)
    is_drawable[[row_of[case] for case in _cases_not_to_draw(target) if case in row_of]] = False
    return Knowledge(
        encoder.pk, cohort.space, classes, kind, _scale_of(question), labels, kind.is_known(labels),
        cohort.splits == Split.TRAIN, cohort.splits == Split.TEST, is_drawable, cohort.patients,
    )  # fmt: skip


def _scale_of(question: Question | None) -> Scale:
    if question is None:
        return Scale()
    unit = question.unit.label if question.unit else ""
    return Scale(unit, question.minimum, question.maximum)


def _cases_not_to_draw(target: Target) -> Iterable[UUID]:
    """Those done or held by readers, and those that somebody has begun: a draw of them would never count,
    for a case comes back as it was first served.

    Asked for instead of the others, because they are few as long as a ranking matters.
    """
    cases = Case.objects.filter(project=target.project)
    is_drawable = Q(state=CaseState.OPEN, free_slots__gt=0) & ~Q(
        pk__in=find_begun_cases(target.project)
    )
    return cases.exclude(is_drawable).values_list("pk", flat=True)
