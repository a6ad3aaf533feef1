"""Takes a model's opinions from the learning engine, for readers whose project shows them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from annotation.core.errors import InvalidInput
from annotation.labeling.models import Annotation, AnnotationState, Project, Suggestion
from annotation.labeling.schemas import Options, fitting_proposal, missing_in_impression
from annotation.labeling.services.claiming import is_audit
from annotation.labeling.services.places import foreign_places

BATCH = 2000
TAKEN = ("accepted", "edited")


@dataclass(frozen=True)
class Proposal:
    """A suggestion as the reader of an annotation can take it over."""

    id: UUID
    source: str
    created_at: datetime
    content: dict[str, Any]


def fitting_suggestions(
    annotation: Annotation, suggestions: Iterable[Suggestion]
) -> list[Proposal]:
    """Those of which something fits the schema that the read answers, and what of them does.

    What does not fit would keep the whole draft from being saved.
    """
    schema = annotation.schema.schema
    fitted = [(one, fitting_proposal(schema, one.content)) for one in suggestions]
    return [
        Proposal(one.pk, one.source, one.created_at, content)
        for one, content in fitted
        if any(content.values()) or not any(one.content.values())  # that nothing is there, fits
    ]


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


@transaction.atomic
def offer_more_suggestions(
    *, project: Project, origin: str, source: str, offered: Sequence[Offered]
) -> int:
    """The same for these cases alone: what the origin suggests for others stays."""
    cases = [one.case_id for one in offered]
    Suggestion.objects.filter(
        case__project=project, case__in=cases, origin=origin, is_current=True
    ).update(is_current=False)
    Suggestion.objects.bulk_create(
        (
            Suggestion(case_id=one.case_id, origin=origin, source=source, content=one.content)
            for one in offered
        ),
        batch_size=BATCH,
    )
    return len(cases)


def withdraw_suggestions(cases: Collection[UUID]) -> None:
    """Suggest nothing for these cases any more: what they are read for forbids it."""
    Suggestion.objects.filter(case__in=cases, is_current=True).update(is_current=False)


def are_revealed(*, options: Options, annotation: Annotation) -> bool:
    """Whether this reader may see suggestions now."""
    if options.suggestions == "off" or is_withheld(annotation):
        return False
    if options.suggestions == "after_first_impression":
        return "first_impression" in annotation.draft
    return options.suggestions == "shown"


def is_withheld(annotation: Annotation) -> bool:
    """Whether nothing of any model may sway this read: one of an audit, whoever drew it, not handed in."""
    return annotation.state == AnnotationState.DRAFT and is_audit(annotation.case_id)


def keep_first_impression(*, annotation: Annotation, content: dict[str, Any]) -> None:
    """Raises InvalidInput where a committed first impression is changed or taken back, or where a new
    one leaves out an answer that the schema requires of the study, or names another study.

    Suggestions may have been revealed since: the impression would no longer be a first one.
    """
    committed = annotation.draft.get("first_impression")
    impression = content.get("first_impression")
    if committed is not None and impression != committed:
        problem = {"first_impression": "cannot be changed any more"}
        raise InvalidInput("The first impression stands.", fields=problem)
    if impression is None or committed is not None:
        return
    problems = missing_in_impression(annotation.schema.schema, impression)
    problems = problems or foreign_places(study_id=annotation.case.study_id, content=impression)
    if problems:
        fields = {f"first_impression.{path}": problem for path, problem in problems.items()}
        raise InvalidInput("The first impression is not complete.", fields=fields)


def foreign_suggestions(
    *, case_id: UUID, content: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, str]:
    """Problems by path with suggestions that valid content names and this case never got.

    Those that `before`, the content saved last, names were looked up when it was saved.
    """
    known = {use["id"] for use in before.get("suggestions", [])}
    named = {
        use["id"]: f"suggestions[{number}].id"
        for number, use in enumerate(content.get("suggestions", []))
        if use["id"] not in known
    }
    if not named:
        return {}
    found = Suggestion.objects.filter(case=case_id, pk__in=named).values_list("pk", flat=True)
    return {
        path: "is no suggestion on this case"
        for pk, path in named.items()
        if pk not in {str(one) for one in found}
    }


def outcomes_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What became of each suggestion that a read names, and whether the reader changed it since."""
    uses = content.get("suggestions", [])
    offered = Suggestion.objects.in_bulk([use["id"] for use in uses]) if uses else {}
    return [
        {
            "id": use["id"],
            "action": use["action"],
            "is_changed": use["action"] in TAKEN
            and not _holds(content, offered[UUID(use["id"])].content),
        }
        for use in uses
    ]


def _holds(content: Mapping[str, Any], offered: Mapping[str, Any]) -> bool:
    """Whether all that was offered is still in the content as it was."""
    regions = {region["id"]: region for region in content.get("regions", [])}
    slices = _slices_in(content)
    of_series = _answers_by_series(content)
    return (
        _has_answers_of(content, offered)
        and _answers_by_series(offered).items() <= of_series.items()
        and all(_is_kept(one, regions.get(one["id"])) for one in offered.get("regions", []))
        and _slices_in(offered).items() <= slices.items()
    )


def _answers_by_series(content: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Each answer on a series, as JSON, by the series' UID and the question."""
    return {
        (entry["series_instance_uid"], key): json.dumps(answer, sort_keys=True)
        for entry in content.get("scoped", [])
        if "series_instance_uid" in entry
        for key, answer in entry["answers"].items()
    }


def _is_kept(offered: Mapping[str, Any], region: Mapping[str, Any] | None) -> bool:
    """Whether it is there as it was offered; what is answered beyond that is no change."""
    return (
        region is not None
        and region["label"] == offered["label"]
        and region["pixels"] == offered["pixels"]
        and _has_answers_of(region, offered)
    )


def _has_answers_of(answered: Mapping[str, Any], offered: Mapping[str, Any]) -> bool:
    answers = answered.get("answers", {})
    return all(answers.get(key) == value for key, value in offered.get("answers", {}).items())


def _slices_in(content: Mapping[str, Any]) -> dict[tuple[int, str], str]:
    """SHA-256 by layer and place."""
    return {
        (mask["layer"], place): sha256
        for mask in content.get("masks", [])
        for place, sha256 in mask.get("slices", {}).items()
        if "layer" in mask
    }
