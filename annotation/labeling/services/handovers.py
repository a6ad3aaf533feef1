"""Gives a case to a certain reader, whoever the worklist would have chosen."""

from uuid import UUID

from django.db import transaction
from django.db.models import F

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput, NotFound
from annotation.labeling.models import (
    Annotation,
    AnnotationState,
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Handover,
    Mark,
    MarkKind,
    Membership,
)
from annotation.labeling.services.claiming import count_kept_slots
from annotation.labeling.services.reading import close_case_if_read


@transaction.atomic
def give_case(*, actor: User, case: Case, reader_id: UUID) -> Handover:
    """Keep a slot of the case for this member, one more where none is free; served before all else.

    Raises InvalidInput for somebody outside the project, Conflict where they hold or read it.
    """
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    if not Membership.objects.filter(project=locked.project_id, user=reader_id).exists():
        raise InvalidInput("The reader is no member of the project.", field="reader_id")
    _refuse_reader(locked, reader_id)
    handover, is_new = Handover.objects.get_or_create(case=locked, reader_id=reader_id)
    Mark.objects.filter(case=locked, reader=reader_id, kind=MarkKind.SKIP).delete()
    if count_kept_slots(locked) > locked.free_slots:
        _open_extra_slot(locked)
        Handover.objects.filter(pk=handover.pk).update(has_opened_slot=True)
    if is_new:
        audit.record(
            actor=actor, action="case_given", target=locked, project_id=locked.project_id,
            reader_id=str(reader_id),
        )  # fmt: skip
    return handover


@transaction.atomic
def withdraw_case(*, actor: User, handover: Handover) -> None:
    """The case is anybody's again; a slot that was opened for its reader and is free is closed."""
    locked = Case.objects.select_for_update(no_key=True).get(pk=handover.case_id)
    deleted, _ = Handover.objects.filter(pk=handover.pk).delete()
    if not deleted:  # somebody was faster
        raise NotFound
    if handover.has_opened_slot and locked.free_slots > count_kept_slots(locked):
        Case.objects.filter(pk=locked.pk).update(
            extra_readers=F("extra_readers") - 1, free_slots=F("free_slots") - 1
        )
    close_case_if_read(locked)
    audit.record(
        actor=actor, action="case_withdrawn", target=locked, project_id=locked.project_id,
        reader_id=str(handover.reader_id),
    )  # fmt: skip


def _refuse_reader(case: Case, reader_id: UUID) -> None:
    has_read = Annotation.objects.filter(case=case, reader=reader_id).exclude(
        state=AnnotationState.DRAFT
    )
    holds = Assignment.objects.filter(case=case, reader=reader_id, state=AssignmentState.ACTIVE)
    if has_read.exists():
        raise Conflict("This reader has read the case already.")
    if holds.exists():
        raise Conflict("This reader has the case open now.")


def _open_extra_slot(case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(
        extra_readers=F("extra_readers") + 1,
        free_slots=F("free_slots") + 1,
        state=CaseState.OPEN,
    )
