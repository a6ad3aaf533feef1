"""A read from first draft to revision: autosave, submit, reopen, review."""

import hashlib
import json
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Value
from django.utils import timezone

from annotation.accounts.models import User
from annotation.archive import selectors as archive
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput, StaleVersion, StudyChanged
from annotation.labeling.models import (
    Annotation,
    AnnotationState,
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Project,
    Review,
    Revision,
    Verdict,
)
from annotation.labeling.schemas import problems_of
from annotation.labeling.services.asked import asked_of
from annotation.labeling.services.claiming import (
    claim_case,
    count_activity,
    lock_with_those_held_by,
    release,
)
from annotation.labeling.services.masks import problems_of_maps
from annotation.labeling.services.places import foreign_places
from annotation.labeling.services.projects import current_schema
from annotation.labeling.services.suggestions import (
    foreign_suggestions,
    keep_first_impression,
    outcomes_of,
)

MAX_CONTENT_BYTES = 16 * 2**20


def open_annotation(*, reader: User, case: Case) -> Annotation:
    """The reader's annotation of the case, begun under the current schema where there is none."""
    schema = current_schema(case.project)
    if schema is None:
        raise Conflict("The project has no questions yet.")
    begun = {
        "schema": schema, "draft": {"answers": {}},
        "asked": partial(asked_of, case),  # looked up for a read that is begun alone
    }  # fmt: skip
    annotation, _ = Annotation.objects.get_or_create(case=case, reader=reader, defaults=begun)
    return annotation


@transaction.atomic
def save_draft(*, annotation: Annotation, content: Any, version: int) -> Annotation:
    """Autosave: works without a lease too, because nothing a reader drew may be lost.

    Raises StaleVersion with the newer draft, InvalidInput for malformed content.
    """
    _check(annotation, content, is_complete=False)
    saved = Annotation.objects.filter(
        pk=annotation.pk, state=AnnotationState.DRAFT, draft_version=version
    ).update(draft=content, draft_version=F("draft_version") + 1, draft_saved_at=timezone.now())
    annotation.refresh_from_db(fields=["state", "draft", "draft_version", "draft_saved_at"])
    if not saved:
        _refuse_save(annotation, version)
    return annotation


@transaction.atomic
def submit(
    *,
    actor: User,
    annotation: Annotation,
    content: Any,
    version: int,
    active_seconds: float = 0,
    study_revision: int | None = None,
) -> Revision:
    """Turn the content into the next immutable revision and close the reader's assignment.

    `active_seconds`: those since the last heartbeat. `study_revision`: of the study as it was looked at.

    Raises StaleVersion, StudyChanged, InvalidInput (unanswered questions), LeaseLost.
    """
    count_activity(reader=actor, case=annotation.case, active_seconds=active_seconds)
    locked = (
        Annotation.objects.select_for_update(of=("self",))
        .select_related("case__project")
        .get(pk=annotation.pk)
    )
    if locked.state != AnnotationState.DRAFT or locked.draft_version != version:
        _refuse_save(locked, version)
    _require_seen(locked, study_revision)
    _check(locked, content, is_complete=True)
    assignment = claim_case(reader=actor, case=locked.case)
    revision = new_revision(locked, content)
    accepted = not locked.case.project.requires_review
    locked.state = AnnotationState.ACCEPTED if accepted else AnnotationState.SUBMITTED
    locked.draft, locked.draft_version = content, version + 1
    locked.submitted_at = timezone.now()
    locked.accepted_at = locked.submitted_at if accepted else None
    locked.save()
    Assignment.objects.filter(pk=assignment.pk).update(
        state=AssignmentState.SUBMITTED, ended_at=locked.submitted_at
    )
    close_case_if_read(locked.case)
    audit.record(
        actor=actor, action="read_submitted", target=locked,
        project_id=locked.case.project_id, revision=revision.number,
        suggestions=outcomes_of(content),
    )  # fmt: skip
    return revision


@transaction.atomic
def reopen(*, actor: User, annotation: Annotation) -> Annotation:
    """Undo a submission: the read is a draft again, its revision stays in the history.

    A lease that the reader holds on another case meanwhile is given back.
    """
    locked = (
        Annotation.objects.select_for_update(of=("self",))
        .select_related("case__project")
        .get(pk=annotation.pk)
    )
    if locked.state == AnnotationState.DRAFT:
        raise Conflict("The read is open already.")
    if Review.objects.filter(revision__annotation=locked).exists() and (
        locked.state == AnnotationState.ACCEPTED
    ):
        raise Conflict("A reviewer has approved this read; ask for it to be returned.")
    project = locked.case.project
    lock_with_those_held_by(actor, locked.case)
    for other in Assignment.objects.filter(
        project=project, reader=actor, state=AssignmentState.ACTIVE
    ):
        release(assignment=other)
    _back_to_draft(locked)
    now = timezone.now()
    Assignment.objects.filter(
        case=locked.case, reader=locked.reader, state=AssignmentState.SUBMITTED
    ).update(
        state=AssignmentState.ACTIVE, ended_at=None, heartbeat_at=now,
        expires_at=now + timedelta(seconds=project.lease_seconds),
    )  # fmt: skip
    audit.record(actor=actor, action="read_reopened", target=locked, project_id=project.pk)
    return locked


@transaction.atomic
def review(
    *, reviewer: User, annotation: Annotation, version: int, verdict: Verdict, comment: str
) -> Review:
    """Approve the newest revision, or return it to its reader's worklist with a comment.

    Raises StaleVersion where the read was handed in again since it had this version: nobody approves
    what they have not seen.
    """
    locked = (
        Annotation.objects.select_for_update(of=("self",))
        .select_related("case__project")
        .get(pk=annotation.pk)
    )
    if locked.state != AnnotationState.SUBMITTED:
        raise Conflict("Only a submitted read that waits for review can be reviewed.")
    if locked.draft_version != version:
        raise _stale(locked, version)
    if locked.reader_id == reviewer.pk:
        raise Conflict("Nobody reviews their own read.")
    Case.objects.select_for_update(no_key=True).get(pk=locked.case_id)
    newest = locked.revisions.order_by("-number")[0]
    created = Review.objects.create(
        revision=newest, reviewer=reviewer, verdict=verdict, comment=comment
    )
    if verdict == Verdict.APPROVE:
        locked.state, locked.accepted_at = AnnotationState.ACCEPTED, timezone.now()
        locked.save()
        close_case_if_read(locked.case)
    else:
        _back_to_draft(locked)
        _free_slot_of(locked)
    audit.record(
        actor=reviewer, action="read_reviewed", target=locked,
        project_id=locked.case.project_id, verdict=verdict,
    )  # fmt: skip
    return created


def close_case_if_read(case: Case) -> None:
    """A case is done once as many readers as asked for have handed in a read that stands.

    Call it with the case's row locked: the number of readers is read after that lock, so that a
    change of the project's settings at the same moment cannot be overlooked.
    """
    accepted = Annotation.objects.filter(case=case, state=AnnotationState.ACCEPTED).count()
    of_project = Value(accepted) - OuterRef("extra_readers")
    Case.objects.filter(
        pk=case.pk, project__in=Project.objects.filter(readers_per_case__lte=of_project)
    ).update(state=CaseState.DONE)


def content_sha256(content: Any) -> str:
    """The hash of the canonical JSON of an annotation's content, the same before and after storing it."""
    stored = json.loads(json.dumps(content), parse_float=_as_stored)
    canonical = json.dumps(stored, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _as_stored(literal: str) -> float | int:
    """A number as jsonb, which keeps decimals, gives it back: -0.0 as 0.0, and 1e+16 as an integer."""
    return int(Decimal(literal)) if "e+" in literal else float(literal) + 0.0


def _back_to_draft(locked: Annotation) -> None:
    locked.state, locked.submitted_at, locked.accepted_at = AnnotationState.DRAFT, None, None
    locked.draft_version += 1
    locked.save()
    Case.objects.filter(pk=locked.case_id).update(state=CaseState.OPEN)


def _free_slot_of(locked: Annotation) -> None:
    ended = Assignment.objects.filter(
        case=locked.case, reader=locked.reader, state=AssignmentState.SUBMITTED
    ).update(state=AssignmentState.RELEASED, ended_at=timezone.now())
    if ended:
        Case.objects.filter(pk=locked.case_id).update(free_slots=F("free_slots") + 1)


def new_revision(annotation: Annotation, content: Any) -> Revision:
    last = annotation.revisions.order_by("-number").first()
    return Revision.objects.create(
        annotation=annotation,
        number=last.number + 1 if last else 1,
        schema=annotation.schema,
        content=content,
        sha256=content_sha256(content),
        active_seconds=annotation.active_seconds,
        asked=annotation.asked,
    )


def _check(annotation: Annotation, content: Any, *, is_complete: bool) -> None:
    if len(json.dumps(content)) > MAX_CONTENT_BYTES:
        raise InvalidInput("The annotation is too large.", field="content")
    schema = annotation.schema.schema
    problems = problems_of(schema, content, is_complete=is_complete)
    problems = problems or foreign_places(study_id=annotation.case.study_id, content=content)
    problems = problems or problems_of_maps(schema=schema, content=content, before=annotation.draft)
    problems = problems or foreign_suggestions(
        case_id=annotation.case_id, content=content, before=annotation.draft
    )
    if problems:
        raise InvalidInput("The annotation does not fit its questions.", fields=problems)
    keep_first_impression(annotation=annotation, content=content)


def _require_seen(annotation: Annotation, study_revision: int | None) -> None:
    """Who saw a part of the study says nothing of the whole. Raises StudyChanged."""
    case = annotation.case
    if study_revision is not None:
        has_more = archive.revision_of(case.study_id) > study_revision
    else:
        served = case.assignments.filter(reader=annotation.reader_id).order_by("created_at").last()
        has_more = served is not None and _has_changed(case, served.created_at)
    if has_more:
        raise StudyChanged(
            "More of this study has arrived since it was opened: look at it, then hand in again."
        )


def _has_changed(case: Case, since: datetime) -> bool:
    return Case.objects.filter(archive.has_changed("study", since), pk=case.pk).exists()


def _refuse_save(annotation: Annotation, version: int) -> None:
    if annotation.state != AnnotationState.DRAFT:
        raise Conflict(
            "The read has been submitted; reopen it to change it.", state=annotation.state
        )
    raise _stale(annotation, version)


def _stale(annotation: Annotation, version: int) -> StaleVersion:
    return StaleVersion(
        f"Version {version} is not the newest.",
        current={"version": annotation.draft_version, "content": annotation.draft},
    )
