"""Gives reads back whose studies have outgrown them, so that somebody reads what is there now."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core import audit
from annotation.labeling.models import (
    Annotation,
    AnnotationState,
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Project,
)
from annotation.labeling.outgrown import find_outgrown_reads


@transaction.atomic
def return_outgrown_reads(*, actor: User, project: Project) -> int:
    """Make them drafts again, which their readers are served first; how many. Nothing drawn is lost.

    Each gives its slot back, and none is kept: where another reader is faster, or its own is gone, that one
    reads the case.
    """
    locked = find_outgrown_reads(project).select_for_update(of=("self",)).order_by("pk")
    reads = dict(locked.values_list("pk", "case_id"))
    if not reads:
        return 0
    _reopen(set(reads.values()), _served(list(reads)))
    Annotation.objects.filter(pk__in=reads).update(
        state=AnnotationState.DRAFT, draft_version=F("draft_version") + 1,
        submitted_at=None, accepted_at=None,
    )  # fmt: skip
    audit.record(
        actor=actor, action="outgrown_reads_returned", target=project, project_id=project.pk,
        reads=len(reads),
    )  # fmt: skip
    return len(reads)


def _served(reads: Sequence[UUID]) -> QuerySet[Assignment]:
    """Under which the reads were handed in."""
    return Assignment.objects.filter(
        state=AssignmentState.SUBMITTED,
        case__annotations__in=reads,
        case__annotations__reader=F("reader"),
    )


def _reopen(cases: set[UUID], served: QuerySet[Assignment]) -> None:
    """The cases, with a free slot for each of these assignments, which end."""
    found = Case.objects.filter(pk__in=cases)
    list(found.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    ended = served.filter(case=OuterRef("pk")).order_by().values("case").annotate(n=Count("pk"))
    found.update(
        state=CaseState.OPEN, free_slots=F("free_slots") + Coalesce(Subquery(ended.values("n")), 0)
    )
    served.update(state=AssignmentState.RELEASED, ended_at=timezone.now())
