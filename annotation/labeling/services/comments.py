"""Remarks of members on a case."""

from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput, NotAllowed
from annotation.labeling.models import Case, Comment
from annotation.labeling.schemas import Places
from annotation.labeling.services.places import problems_of_places

MAX_COMMENTS = 500  # of one case; more is a conversation for another place


@transaction.atomic
def write_comment(*, author: User, case: Case, text: str, place: dict[str, Any] | None) -> Comment:
    """A new remark. Raises InvalidInput for a place outside the case's study."""
    if place is not None:
        places = Places()
        places.add_instance("place.sop_instance_uid", place["sop_instance_uid"], place["frame"])
        problems = problems_of_places(study_id=case.study_id, places=places)
        if problems:
            raise InvalidInput("The place is not in this study.", fields=problems)
    if Comment.objects.filter(case=case).count() >= MAX_COMMENTS:
        raise Conflict(f"A case has room for {MAX_COMMENTS} comments.")
    comment = Comment.objects.create(case=case, author=author, text=text, place=place)
    _record(author, "comment_written", comment)
    return comment


@transaction.atomic
def change_comment(*, actor: User, comment: Comment, **changes: Any) -> Comment:
    """Change the text, or say that it is resolved: authors only."""
    _require_author(actor, comment)
    for name in ("text", "is_resolved"):
        if name in changes:
            setattr(comment, name, changes[name])
    comment.save(update_fields=["text", "is_resolved"])
    _record(actor, "comment_changed", comment)
    return comment


@transaction.atomic
def delete_comment(*, actor: User, comment: Comment) -> None:
    """Take a remark back: authors only."""
    _require_author(actor, comment)
    _record(actor, "comment_deleted", comment)
    comment.delete()


def _require_author(actor: User, comment: Comment) -> None:
    if comment.author_id != actor.pk:
        raise NotAllowed("Only its author may change a comment.")


def _record(actor: User, action: str, comment: Comment) -> None:
    audit.record(
        actor=actor, action=action, target=comment, project_id=comment.case.project_id,
        case_id=str(comment.case_id),
    )  # fmt: skip
