"""Enters reads that were made elsewhere: known labels and masks, as revisions like any other."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core.errors import InvalidInput
from annotation.labeling.models import (
    Annotation,
    AnnotationState,
    Assignment,
    AssignmentState,
    Case,
    Selection,
)
from annotation.labeling.schemas import problems_of
from annotation.labeling.services.masks import problems_of_maps
from annotation.labeling.services.places import foreign_places
from annotation.labeling.services.projects import current_schema
from annotation.labeling.services.reading import (
    close_case_if_read,
    content_sha256,
    new_revision,
)


@transaction.atomic
def import_read(*, reader: User, case: Case, content: Any) -> Annotation:
    """An accepted read of the case with this content; repeating it changes nothing."""
    schema = current_schema(case.project)
    if schema is None:
        raise InvalidInput("The project has no questions yet.")
    problems = problems_of(schema.schema, content, is_complete=True)
    problems = problems or foreign_places(study_id=case.study_id, content=content)
    problems = problems or problems_of_maps(schema=schema.schema, content=content, before={})
    if problems:
        raise InvalidInput("The read does not fit the questions.", fields=problems)
    # In the order of a submission: the read, its case, the lease.
    Annotation.objects.get_or_create(case=case, reader=reader, defaults={"schema": schema})
    annotation = Annotation.objects.select_for_update().get(case=case, reader=reader)
    if _is_same(annotation, content):
        return annotation
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    if annotation.state == AnnotationState.DRAFT:
        _take_slot(locked, reader)
    annotation.schema = schema
    new_revision(annotation, content)
    annotation.state, annotation.draft = AnnotationState.ACCEPTED, content
    annotation.draft_version += 1
    annotation.submitted_at = annotation.accepted_at = timezone.now()
    annotation.save()
    close_case_if_read(locked)
    return annotation


def _is_same(annotation: Annotation, content: Any) -> bool:
    newest = annotation.revisions.order_by("-number").first()
    return newest is not None and newest.sha256 == content_sha256(content)


def _take_slot(case: Case, reader: User) -> None:
    """End the reader's lease as submitted; without one, take a slot and record that it was read."""
    now = timezone.now()
    ended = Assignment.objects.filter(
        case=case, reader=reader, state=AssignmentState.ACTIVE
    ).update(state=AssignmentState.SUBMITTED, ended_at=now)
    if ended:
        return
    Case.objects.filter(pk=case.pk, free_slots__gt=0).update(free_slots=F("free_slots") - 1)
    Assignment.objects.create(
        project_id=case.project_id, case=case, reader=reader, state=AssignmentState.SUBMITTED,
        selection=Selection.INITIAL, expires_at=now, heartbeat_at=now, ended_at=now,
    )  # fmt: skip
