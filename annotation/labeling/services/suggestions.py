"""Takes a model's opinions from the learning engine, for readers whose project shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from annotation.core.errors import InvalidInput
from annotation.labeling.models import Annotation, Project, Suggestion
from annotation.labeling.schemas import Options

BATCH = 2000


@dataclass(frozen=True)
class Offered:
    """What is suggested for one case: {answers?, probabilities?, regions?, masks?}."""

    case_id: UUID
    content: dict[str, Any]


@transaction.atomic
def offer_suggestions(
    *, project: Project, origin: str, source: str, offered: Iterable[Offered]
) -> int:
    """Replace what this origin suggests in the project, at once; returns for how many cases."""
    Suggestion.objects.filter(case__project=project, origin=origin, is_current=True).update(
        is_current=False
    )
    rows = (
        Suggestion(case_id=one.case_id, origin=origin, source=source, content=one.content)
        for one in offered
    )
    count = 0
    while batch := list(islice(rows, BATCH)):  # a pool may hold more cases than memory
        count += len(Suggestion.objects.bulk_create(batch))
    return count


def are_revealed(*, options: Options, annotation: Annotation) -> bool:
    """Whether this reader may see suggestions now."""
    if options.suggestions == "after_first_impression":
        return "first_impression" in annotation.draft
    return options.suggestions == "shown"


def keep_first_impression(*, before: dict[str, Any], content: dict[str, Any]) -> None:
    """Raises InvalidInput where a committed first impression is changed or taken back.

    Suggestions may have been revealed since: the impression would no longer be a first one.
    """
    committed = before.get("first_impression")
    if committed is not None and content.get("first_impression") != committed:
        problem = {"first_impression": "cannot be changed any more"}
        raise InvalidInput("The first impression stands.", fields=problem)
