"""Reads of the labeling workflow that more than one caller needs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Aggregate, Count, F, FloatField, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotation.accounts.models import User
from annotation.archive import selectors as archive
from annotation.archive.models import Study
from annotation.core.rows import fetch_all
from annotation.labeling.models import (
    Annotation,
    AnnotationState,
    AssignmentState,
    Case,
    CaseState,
    ClinicalTable,
    Identifier,
    LabelSchema,
    Mark,
    Project,
    Suggestion,
)
from annotation.labeling.outgrown import find_outgrown_cases

MAX_PRIORS = 5
WORKLIST_ORDER = (F("front").desc(), F("priority").desc(), F("shuffle_key"))
CONTENTS = """
SELECT content FROM labeling_revision
UNION ALL SELECT draft FROM labeling_annotation
UNION ALL SELECT content FROM labeling_suggestion
"""
MASKS = """
WITH named (content) AS ({contents}), said (content) AS (
    SELECT content FROM named UNION ALL SELECT content -> 'first_impression' FROM named
)
SELECT jsonb_path_query(content, '$.masks[*].sha256') #>> '{{}}' FROM said
UNION
SELECT jsonb_path_query(content, '$.masks[*].slices.*') #>> '{{}}' FROM said
"""

OF_CASES = """
from labeling_case cases join archive_study study on study.id = cases.study_id
join labeling_clinicalrow line on line.table_id = %(table)s and line.key = study.{column}
"""
STUDY_COLUMNS: dict[str, str] = {
    Identifier.STUDY_INSTANCE_UID: "study_instance_uid",
    Identifier.ACCESSION_NUMBER: "accession_number",
    Identifier.PATIENT_ID: "patient_id",
}
CLINICAL_VALUES = {
    identifier: f"select cases.id, line.values {OF_CASES.format(column=column)}"
    " where cases.project_id = %(project)s and cases.id = any(%(cases)s::uuid[])"
    for identifier, column in STUDY_COLUMNS.items()
}
CLINICAL_MATCHES = {
    identifier: "select count(distinct cases.id), count(distinct line.id)"
    f" {OF_CASES.format(column=column)} where cases.project_id = %(project)s"
    for identifier, column in STUDY_COLUMNS.items()
}
CLINICAL_COUNTS = {
    identifier: "select entry.key, count(*)"
    f" {OF_CASES.format(column=column)} cross join jsonb_object_keys(line.values) as entry(key)"
    " where cases.project_id = %(project)s group by entry.key"
    for identifier, column in STUDY_COLUMNS.items()
}


class Median(Aggregate):
    """PostgreSQL's continuous median."""

    function = "PERCENTILE_CONT"
    name = "median"
    output_field = FloatField()
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True)
class ReaderProgress:
    reader_id: str
    username: str
    submitted: int
    accepted: int
    median_active_seconds: float | None


@dataclass(frozen=True)
class DayProgress:
    day: date
    submitted: int


@dataclass(frozen=True)
class Progress:
    """Where a project stands, counted now."""

    total: int
    done: int
    in_progress: int
    left: int
    waiting_for_review: int
    outgrown: int  # finished, and more images have come since
    median_active_seconds: float | None
    per_reader: list[ReaderProgress]
    per_day: list[DayProgress]


def find_cases(project: Project) -> QuerySet[Case]:
    """The project's cases with what a list shows, in worklist order."""
    reads = Q(annotations__state__in=[AnnotationState.SUBMITTED, AnnotationState.ACCEPTED])
    return (
        Case.objects.filter(project=project)
        .select_related("study")
        .annotate(read_count=Count("annotations", filter=reads))
        .order_by(*WORKLIST_ORDER)
    )


def find_schema(*, reader: User, case: Case) -> LabelSchema | None:
    """What the reader's read of the case was begun with, or would be begun with now."""
    begun = LabelSchema.objects.filter(annotations__reader=reader, annotations__case=case)
    return begun.first() or case.project.schemas.order_by("-version").first()


def find_marks(project: Project) -> QuerySet[Mark]:
    """What readers noted on the project's cases, newest first."""
    return (
        Mark.objects.filter(case__project=project)
        .select_related("reader", "case__study")
        .prefetch_related("case__handovers__reader")
        .order_by("-created_at", "pk")
    )


def find_review_queue(project: Project) -> QuerySet[Annotation]:
    """Submitted reads that wait for a reviewer, oldest first."""
    return (
        Annotation.objects.filter(case__project=project, state=AnnotationState.SUBMITTED)
        .select_related("reader", "case__study", "case__project", "schema")
        .order_by("submitted_at")
    )


def find_reads(case: Case) -> QuerySet[Annotation]:
    """Everybody's read of the case, begun or handed in, oldest first."""
    return (
        Annotation.objects.filter(case=case)
        .select_related("reader", "schema")
        .order_by("created_at", "pk")
    )


def find_priors(case: Case) -> list[Study]:
    """Older studies of the same patient that are cases of the project too, newest first."""
    study = case.study
    if not study.patient_id or study.study_date is None:
        return []
    older = Q(study_date__lt=study.study_date)
    if study.study_time:
        older |= Q(study_date=study.study_date, study_time__lt=study.study_time) & ~Q(study_time="")
    return list(
        Study.objects.filter(older, cases__project=case.project_id, patient_id=study.patient_id)
        .exclude(pk=study.pk)
        .order_by("-study_date", "-study_time", "pk")[:MAX_PRIORS]
    )


def find_suggestions(case: Case) -> QuerySet[Suggestion]:
    """What models say of the case now, one opinion per origin."""
    return Suggestion.objects.filter(case=case, is_current=True).order_by("created_at", "pk")


def find_suggestions_so_far(case: Case) -> QuerySet[Suggestion]:
    """The same with those that newer ones have replaced.

    Nothing of an origin that suggests nothing now: what was withdrawn must have no say any more.
    """
    origins = find_suggestions(case).order_by().values("origin")
    return Suggestion.objects.filter(case=case, origin__in=origins)


def describe_studies(studies: Sequence[Study], *, hides_patient: bool) -> list[dict[str, Any]]:
    """The studies as the viewer needs them: image series and their instances in slice order."""
    found = archive.find_image_series_of(studies)
    return [_described(study, found[study.pk], hides_patient) for study in studies]


def _described(
    study: Study, images: Sequence[archive.ImageSeries], hides_patient: bool
) -> dict[str, Any]:
    patient = ("patient_id", "patient_sex", "patient_age")
    return {
        "study_instance_uid": study.study_instance_uid,
        "study_date": study.study_date,
        "study_description": study.study_description,
        **{name: "" if hides_patient else getattr(study, name) for name in patient},
        "series": [
            {
                "series_instance_uid": found.series.series_instance_uid,
                "modality": found.series.modality,
                "series_number": found.series.series_number,
                "series_description": found.series.series_description,
                "body_part_examined": found.series.body_part_examined,
                "laterality": found.series.laterality,
                "orientation": found.plane,
                "not_a_volume": found.not_a_volume,
                "is_prepared": found.is_prepared,
                "instances": [
                    {"sop_instance_uid": uid, "number_of_frames": frames}
                    for uid, frames in found.frames.items()
                ],
                "frame_order": found.frame_order,
            }
            for found in images
        ],
    }


def progress_of(project: Project) -> Progress:
    """Counts over all cases, in a fixed number of queries."""
    now = timezone.now()
    cases = Case.objects.filter(project=project)
    states = cases.aggregate(total=Count("pk"), done=Count("pk", filter=Q(state=CaseState.DONE)))
    held = (
        cases.filter(
            Q(assignments__state=AssignmentState.ACTIVE, assignments__expires_at__gt=now)
            | Q(annotations__state__in=[AnnotationState.SUBMITTED, AnnotationState.ACCEPTED])
        )
        .filter(state=CaseState.OPEN)
        .distinct()
        .count()
    )
    reads = Annotation.objects.filter(case__project=project).exclude(submitted_at=None)
    timed = reads.filter(active_seconds__gt=0)
    return Progress(
        total=states["total"],
        done=states["done"],
        in_progress=held,
        left=states["total"] - states["done"] - held,
        waiting_for_review=reads.filter(state=AnnotationState.SUBMITTED).count(),
        outgrown=find_outgrown_cases(project).count(),
        median_active_seconds=timed.aggregate(m=Median("active_seconds"))["m"],
        per_reader=_per_reader(reads),
        per_day=[
            DayProgress(row["day"], row["n"])
            for row in reads.annotate(day=TruncDate("submitted_at"))
            .values("day")
            .annotate(n=Count("pk"))
            .order_by("day")
        ],
    )


def _per_reader(reads: QuerySet[Annotation]) -> list[ReaderProgress]:
    rows = (
        reads.values("reader_id", "reader__username")
        .annotate(
            submitted=Count("pk"),
            accepted=Count("pk", filter=Q(state=AnnotationState.ACCEPTED)),
            median=Median("active_seconds", filter=Q(active_seconds__gt=0)),
        )
        .order_by("-submitted", "reader__username")
    )
    return [
        ReaderProgress(
            str(row["reader_id"]), row["reader__username"], row["submitted"], row["accepted"],
            row["median"],
        )
        for row in rows
    ]  # fmt: skip


def find_begun_cases(project: Project) -> QuerySet[Annotation, UUID]:
    """The ids of cases that somebody has begun to read, or has read."""
    return Annotation.objects.filter(case__project=project).values_list("case_id", flat=True)


def find_unfinished(project: Project) -> QuerySet[Case]:
    """Open cases that somebody has begun, in worklist order: those with a free slot, and those in front."""
    waiting = Case.objects.filter(
        Q(free_slots__gt=0) | Q(front__gt=0), project=project, state=CaseState.OPEN
    )
    return waiting.filter(pk__in=find_begun_cases(project)).order_by(*WORKLIST_ORDER)


def count_accepted_since(project: Project, moment: Any) -> int:
    """The reads that datasets hold; since a moment those of the cases that got an accepted one after it.

    A case of several readers teaches nothing before its last read, and then by all of them.
    """
    accepted = Annotation.objects.filter(case__project=project, state=AnnotationState.ACCEPTED)
    of_finished = accepted.filter(case__state=CaseState.DONE).exclude(
        case__in=find_outgrown_cases(project)
    )
    if moment is None:
        return of_finished.count()
    return of_finished.filter(
        case__in=accepted.filter(accepted_at__gt=moment).values("case")
    ).count()


def count_cases_accepted_since(project: Project, moment: datetime) -> int:
    """The finished cases with a read that was accepted after the moment: the first time, or corrected."""
    accepted = Annotation.objects.filter(
        case__project=project, case__state=CaseState.DONE, state=AnnotationState.ACCEPTED
    )
    return accepted.filter(accepted_at__gt=moment).values("case").distinct().count()


def mask_addresses() -> set[str]:
    """The SHA-256 of every mask that a draft, a revision or a suggestion names.

    Also those that the read's first impression alone names still.
    """
    return addresses_in(CONTENTS)


def addresses_in(contents: str) -> set[str]:
    """The same of what a query for contents, in one column, finds."""
    with connection.cursor() as cursor:
        cursor.execute(MASKS.format(contents=contents))
        return {row[0] for row in cursor.fetchall()}


@dataclass(frozen=True)
class ClinicalCounts:
    """How far a clinical table reaches: cases with any value, by column, and lines of no case."""

    cases: int
    by_column: dict[str, int]
    lines: int
    unmatched_lines: int


def find_clinical_values(project: Project, cases: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The values of the table's line for each case that has one."""
    table = ClinicalTable.objects.filter(project=project).first()
    if table is None:
        return {}
    statement = CLINICAL_VALUES[table.identifier]
    parameters = {"table": table.pk, "project": project.pk, "cases": list(cases)}
    found = fetch_all(statement, parameters)
    return {case: json.loads(values) for case, values in found}


def count_clinical_values(table: ClinicalTable) -> ClinicalCounts:
    parameters = {"table": table.pk, "project": table.project_id}
    [(cases, matched)] = fetch_all(CLINICAL_MATCHES[table.identifier], parameters)
    by_column: dict[str, int] = dict(fetch_all(CLINICAL_COUNTS[table.identifier], parameters))
    lines = table.rows.count()
    return ClinicalCounts(cases, by_column, lines, lines - matched)
