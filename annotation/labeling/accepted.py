"""The ground truth as it stands: the newest revision of every accepted read."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from annotation.labeling.agreement import consensus, disputed
from annotation.labeling.models import AnnotationState, CaseState, LabelSchema, Project, Revision
from annotation.labeling.outgrown import find_outgrown_cases
from annotation.labeling.schemas import fitting_answers


def find_accepted_revisions(project: Project) -> QuerySet[Revision]:
    """Of every accepted read the newest revision, whether the case is finished or not."""
    return (
        Revision.objects.filter(
            annotation__case__project=project, annotation__state=AnnotationState.ACCEPTED
        )
        .order_by("annotation_id", "-number")
        .distinct("annotation_id")
        .select_related("annotation__case__study")
    )


def find_freezable_revisions(project: Project) -> QuerySet[Revision]:
    """Those of the finished cases, which a dataset takes; of none whose study has outgrown a read."""
    accepted = find_accepted_revisions(project).filter(annotation__case__state=CaseState.DONE)
    return accepted.exclude(annotation__case__in=find_outgrown_cases(project))


@dataclass(frozen=True)
class AcceptedRead:
    """What a dataset takes over of an accepted read, and of the study that was read."""

    case_id: UUID
    study_id: UUID
    patient_id: str
    study_instance_uid: str
    revision_id: UUID
    sha256: str  # of the whole content
    answers: dict[str, Any]  # to the study's questions


def iterate_accepted_reads(project: Project) -> Iterator[AcceptedRead]:
    """The freezable ones, one read at a time and without its drawings: of a hundred thousand reads those
    do not fit into memory."""
    rows = find_freezable_revisions(project).values_list(
        "annotation__case_id", "annotation__case__study_id",
        "annotation__case__study__patient_id", "annotation__case__study__study_instance_uid",
        "pk", "sha256", F("content__answers"),
    )  # fmt: skip
    for case, study, patient, uid, revision, sha256, answers in rows.iterator(chunk_size=2000):
        yield AcceptedRead(case, study, patient, uid, revision, sha256, answers or {})


@dataclass(frozen=True)
class AgreedAnswer:
    """What the readers of a case agree on, and the options of which that says anything."""

    value: Any
    settled: frozenset[str]  # each of them could choose these, and most say the same of each


def find_accepted_answers(project: Project, question: str) -> dict[UUID, AgreedAnswer]:
    """The agreed answer to one question on the study, of every finished case, by case.

    Without the rest of the reads, which may hold thousands of points, but for the answers that decide
    whether it is asked. Cases whose readers do not agree are left out.
    """
    schemas = list(project.schemas.order_by("-version"))
    if not schemas:
        return {}
    newest = schemas[0].schema
    gates = sorted(newest.gates_of(question))
    deciding = replace(
        newest, questions=tuple(q for q in newest.questions if q.key in {question, *gates})
    )
    options = {schema.pk: _options_of(schema, question) for schema in schemas}
    reads: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    asked: dict[UUID, frozenset[str]] = {}
    rows = find_freezable_revisions(project).values_list(
        "annotation__case_id", "schema_id",
        *(F(f"content__answers__{key}") for key in (question, *gates)),
    )  # fmt: skip
    for case_id, schema_id, answer, *others in rows:
        said = dict(zip(gates, others, strict=True))
        reads[case_id].append({**fitting_answers(deciding, {"answers": said}), question: answer})
        asked[case_id] = asked.get(case_id, options[schema_id]) & options[schema_id]
    found = {}
    for case_id, of_case in reads.items():
        answer = consensus(deciding, of_case)[question]
        if answer is not None:
            open_options = disputed(deciding, of_case).get(question, frozenset())
            found[case_id] = AgreedAnswer(answer, asked[case_id] - open_options)
    return found


def _options_of(schema: LabelSchema, question: str) -> frozenset[str]:
    found = schema.schema.question(question)
    return frozenset(found.option_keys) if found else frozenset()
