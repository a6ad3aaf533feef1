"""Skips, flags and requests for a second opinion."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.errors import Conflict, LeaseLost, NotFound
from annotation.labeling.models import (
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Mark,
    MarkKind,
)
from annotation.labeling.services.claiming import count_kept_slots, release
from annotation.labeling.services.reading import close_case_if_read


@transaction.atomic
def skip(*, assignment: Assignment, reason: str) -> Mark:
    """Give the case back and have it served to this reader no more. Raises LeaseLost."""
    case = Case.objects.select_for_update(no_key=True).get(pk=assignment.case_id)
    live = Assignment.objects.select_for_update().get(pk=assignment.pk)
    if live.state != AssignmentState.ACTIVE:
        raise LeaseLost("Your lease on this case has ended; your draft is kept.")
    mark, _ = _set(assignment.reader, case, MarkKind.SKIP, reason, action="case_skipped")
    release(assignment=live)
    return mark


@transaction.atomic
def mark_case(*, reader: User, case: Case, kind: MarkKind, reason: str) -> Mark:
    """Set the reader's mark, or change its reason; a new wish for a second opinion opens a slot."""
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    mark, is_new = _set(reader, locked, kind, reason, action="case_marked")
    if is_new and kind == MarkKind.SECOND_OPINION:
        Case.objects.filter(pk=case.pk).update(
            extra_readers=F("extra_readers") + 1,
            free_slots=F("free_slots") + 1,
            state=CaseState.OPEN,
        )
    return mark


@transaction.atomic
def remove_mark(*, actor: User, mark: Mark) -> None:
    """Take a mark back. Raises Conflict once somebody gives the second opinion."""
    if mark.kind == MarkKind.SECOND_OPINION:
        _close_extra_slot(Case.objects.select_for_update(no_key=True).get(pk=mark.case_id))
    deleted, _ = Mark.objects.filter(pk=mark.pk).delete()
    if not deleted:  # somebody was faster: the transaction undoes the rest
        raise NotFound
    audit.record(
        actor=actor, action="mark_removed", target=mark, project_id=mark.case.project_id,
        kind=mark.kind, case_id=str(mark.case_id),
    )  # fmt: skip


@transaction.atomic
def settle_mark(*, actor: User, mark: Mark, is_resolved: bool) -> Mark:
    """Note that a mark was dealt with, or that it was not after all; who did first stands."""
    locked = Mark.objects.select_for_update(of=("self",)).filter(pk=mark.pk).first()
    if locked is None:
        raise NotFound
    if (locked.resolved_at is not None) == is_resolved:
        return mark
    mark.resolved_at = timezone.now() if is_resolved else None
    mark.resolved_by = actor if is_resolved else None
    mark.save(update_fields=["resolved_at", "resolved_by"])
    audit.record(
        actor=actor, action="mark_resolved" if is_resolved else "mark_reopened", target=mark,
        project_id=mark.case.project_id, kind=mark.kind, case_id=str(mark.case_id),
    )  # fmt: skip
    return mark


def _set(
    reader: User, case: Case, kind: MarkKind, reason: str, *, action: str
) -> tuple[Mark, bool]:
    mark, is_new = Mark.objects.update_or_create(
        case=case,
        reader=reader,
        kind=kind,
        defaults={"reason": reason, "resolved_at": None, "resolved_by": None},
    )
    audit.record(
        actor=reader, action=action, target=mark, project_id=case.project_id, kind=kind,
        case_id=str(case.pk),
    )  # fmt: skip
    return mark, is_new


def _close_extra_slot(case: Case) -> None:
    """Take one slot away; one that is kept for a certain reader is not free."""
    if case.free_slots <= count_kept_slots(case):
        raise Conflict("Another reader has taken the case already.")
    Case.objects.filter(pk=case.pk).update(
        extra_readers=F("extra_readers") - 1, free_slots=F("free_slots") - 1
    )
    close_case_if_read(case)
