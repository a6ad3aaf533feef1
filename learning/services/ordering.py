"""Which models the worklist follows, and where each case stands by them.

A new model's order goes live with its round unless its test shows it to be worse, and a model that is put
back brings its own order along. Where several targets rank the cases of one project, each gets its turn:
a case stands where the target that wants it most has put it.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from annotation.labeling.models import CaseState, Project
from annotation.labeling.selectors import find_unfinished
from annotation.labeling.services.ranking import (
    Placed,
    Ranked,
    lock_order,
    publish_front,
    replace_ranking,
)
from learning.models import (
    HeadPick,
    HeadVersion,
    ModelVersion,
    ModelVersionState,
    Target,
)
from learning.services.unusable import unusable_cases

Floats = NDArray[np.float64]
UNFINISHED = 100  # cases that take turns with what the light heads draw


def follow(version: ModelVersion) -> None:
    """Let the worklist follow this version from now on; the caller holds the target's row.

    One without predictions, such as an imported one, leaves the order as it is until it has looked.
    """
    if not version.predictions.exists():
        return
    version.ordered_at = timezone.now()
    version.save(update_fields=["ordered_at"])
    project = version.target.project
    lock_order(project)
    replace_ranking(project=project, ranked=_best(_order(known) for known in _followed(project)))


def followed_of(target: Target) -> ModelVersion | None:
    """The version of the target that the worklist follows."""
    return _ordering(target.model_versions.all()).first()


def lead(head: HeadVersion) -> None:
    """Put the cases that the head has picked in front, in turn with those of other targets' heads.

    What somebody has begun takes turns with them all: nobody draws it again.
    """
    project = head.target.project
    lock_order(project)
    others = HeadVersion.objects.filter(target__project=project, target__refit_after__gt=0)
    newest = others.exclude(target=head.target_id).order_by("target_id", "-number")
    heads = [head, *newest.distinct("target_id").defer("content")]
    drawn = in_turn([_picked(each) for each in heads])
    publish_front(project=project, front=in_turn([_unfinished(project), drawn]))


def rankings_beside(target: Target) -> list[UUID]:
    """Whose places stay where the target's are worse: of the project's other targets that are followed too.

    With the light heads: a case that one of them has had in front bears its name, whoever gave the place.
    """
    others = [
        ranking_of(version)
        for version in _followed(target.project)
        if version.target_id != target.pk
    ]
    heads = HeadVersion.objects.filter(target__project=target.project_id)
    return [*others, *heads.values_list("pk", flat=True)] if others else []


def ranking_of(version: ModelVersion) -> UUID:
    """By what a case and a read name the version's order."""
    return version.round_id or version.pk


def priorities_of(scores: Floats, among: Floats) -> Floats:
    """(n,) shares, from 0 to 1, of the scores among which these stand that are lower; equals count half."""
    ordered = np.sort(among)
    below, until = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return (below + until) / (2 * max(len(ordered), 1))


def held_out_priorities(count: int, priorities: Floats, rng: np.random.Generator) -> Floats:
    """(count,) of test and validation cases, at random between those of the others.

    They must be labeled too, at their natural rate, and no model may choose which.
    """
    return rng.choice(priorities, count) if len(priorities) else rng.random(count)


def in_turn(fronts: Sequence[Sequence[Placed]]) -> list[Placed]:
    """One of each front after the other; a case that several want stands at the first of its places."""
    found: dict[UUID, Placed] = {}
    for place in chain.from_iterable(zip_longest(*fronts)):
        if place is not None:
            found.setdefault(place.case_id, place)
    return list(found.values())


def _followed(project: Project) -> Iterable[ModelVersion]:
    """The latest of each target."""
    versions = _ordering(ModelVersion.objects.filter(target__project=project))
    return versions.distinct("target_id").select_related("target")


def _ordering(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Of each target the one that is followed first, then those before it."""
    ordered = versions.filter(ordered_at__isnull=False)
    return ordered.order_by("target_id", "-ordered_at", "-number")


def _order(version: ModelVersion) -> list[Ranked]:
    """What it has looked at, and what came since, of which only the model in production has a say."""
    places = _places(version)
    production = version.target.model_versions.filter(state=ModelVersionState.PRODUCTION).first()
    if production is None or production == version:
        return places
    known = version.predictions.values("case")
    arrived = production.predictions.exclude(case__in=known)
    cases = arrived.exclude(case__in=unusable_cases(version)).values_list("case_id", flat=True)
    lacking = set(cases)
    return places + [place for place in _places(production) if place.case_id in lacking]


def _places(version: ModelVersion) -> list[Ranked]:
    """Of the open cases that the version has looked at."""
    seen = version.predictions.filter(case__state=CaseState.OPEN).order_by("case_id")
    rows = list(seen.values_list("case_id", "score", "reason", "words"))
    scores = np.asarray([np.nan if score is None else score for _, score, _, _ in rows])
    is_held_out = np.isnan(scores)
    priorities = priorities_of(scores, scores[~is_held_out])
    priorities[is_held_out] = held_out_priorities(
        int(is_held_out.sum()), priorities[~is_held_out], np.random.default_rng(version.number)
    )
    ranking = ranking_of(version)
    return [
        Ranked(case, ranking, reason, words, priority)
        for (case, _, reason, words), priority in zip(rows, priorities.tolist(), strict=True)
    ]


def _best(orders: Iterable[Sequence[Ranked]]) -> list[Ranked]:
    """Each case at the best of its places."""
    found: dict[UUID, Ranked] = {}
    for place in chain.from_iterable(orders):
        known = found.get(place.case_id)
        if known is None or known.priority < place.priority:
            found[place.case_id] = place
    return list(found.values())


def _unfinished(project: Project) -> list[Placed]:
    """What somebody has begun, which no head draws again, by the ranking and for the reason it was begun."""
    rows = find_unfinished(project).values_list(
        "pk", "ranking_id", "priority_reason", "priority_words"
    )
    return [Placed(*row) for row in rows[:UNFINISHED]]


def _picked(head: HeadVersion) -> list[Placed]:
    """What is still open of the head's picks, best first."""
    picks: Iterable[HeadPick] = head.picks.filter(case__state=CaseState.OPEN).order_by("place")
    return [Placed(pick.case_id, head.pk, pick.reason, pick.words) for pick in picks]
