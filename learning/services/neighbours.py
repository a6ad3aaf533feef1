"""The labeled training cases that look most like a case, with what their readers agreed on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from pgvector.django import CosineDistance

from annotation.accounts.models import User
from annotation.archive import selectors as archive
from annotation.core import audit
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling import access
from annotation.labeling.agreement import consensus
from annotation.labeling.models import Annotation, AnnotationState, Case, CaseState, Revision
from annotation.labeling.services import projects
from learning.access import ExplainedCase
from learning.models import Embedding
from learning.services.embeddings import ready_encoder

SHOWN = 6
LOOKED_AT = 24  # held-out cases among the nearest are passed over


@dataclass(frozen=True)
class Neighbour:
    """A labeled case; `distance` is 1 - cosine: 0 looks the same."""

    case_id: UUID
    study_instance_uid: str
    series_instance_uid: str  # that stands for it in a picture; empty where none can be drawn
    distance: float
    answers: dict[str, Any]


@transaction.atomic
def show_neighbours(*, user: User, explained: ExplainedCase) -> list[Neighbour]:
    """The nearest labeled cases, nearest first, noted as shown to this person."""
    near = _nearest(user, explained.case)
    answers = _answers_of([case for case, _ in near])
    pictures = archive.find_training_instances([case.study_id for case, _ in near])
    found = [
        Neighbour(
            case.pk,
            case.study.study_instance_uid,
            pictures[case.study_id].series.series_instance_uid if case.study_id in pictures else "",
            distance,
            answers[case.pk],
        )
        for case, distance in near
    ]
    if found:
        audit.record(
            actor=user, action="neighbours_shown", target=explained.read or explained.case,
            project_id=explained.case.project_id, cases=[str(one.case_id) for one in found],
        )  # fmt: skip
    return found


def _nearest(user: User, case: Case) -> list[tuple[Case, float]]:
    """Finished training cases of the same project, without those that this person still reads."""
    encoder = ready_encoder(case.project)
    own = Embedding.objects.filter(encoder=encoder, case=case, vector__isnull=False).first()
    if own is None:
        return []
    begun = Annotation.objects.filter(reader=user, state=AnnotationState.DRAFT).values("case")
    visible = access.cases_visible_to(user).filter(project=case.project_id, state=CaseState.DONE)
    rows = (
        Embedding.objects.filter(encoder=encoder, vector__isnull=False, case__in=visible)
        .exclude(case=case)
        .exclude(case__in=begun)
        .select_related("case__study")
        .defer("case__study__dicom_json")
        .annotate(distance=CosineDistance("vector", own.vector))
        .order_by("distance")[:LOOKED_AT]
    )
    splitter = Splitter(datasets.policy_of(case.project))
    with transaction.atomic(), connection.cursor() as cursor:
        # The index holds all projects: without this it may give up before it meets ours.
        cursor.execute("set local hnsw.iterative_scan = strict_order")
        found = [(row.case, float(row.distance)) for row in rows]
    kept = [
        (near, distance)
        for near, distance in found
        if splitter.split(splitter.patient_key(near)) == Split.TRAIN
    ]
    return kept[:SHOWN]


def _answers_of(cases: Sequence[Case]) -> dict[UUID, dict[str, Any]]:
    """What the readers of each case agreed on, without free text, which may name a patient."""
    schema = projects.current_schema(cases[0].project) if cases else None
    if schema is None:
        return {case.pk: {} for case in cases}
    reads: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    newest = (
        Revision.objects.filter(
            annotation__case__in=cases, annotation__state=AnnotationState.ACCEPTED
        )
        .order_by("annotation_id", "-number")
        .distinct("annotation_id")
        .values_list("annotation__case_id", "content__answers")
    )
    for case_id, answers in newest:
        reads[case_id].append(answers or {})
    told = [question.key for question in schema.schema.study_questions if question.kind != "text"]
    found = {}
    for case in cases:
        agreed = consensus(schema.schema, reads[case.pk])
        found[case.pk] = {key: agreed[key] for key in told if agreed[key] is not None}
    return found
