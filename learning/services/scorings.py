"""Lets the production model of a target look at the open cases that it has not seen: those that arrived
since its round, and the whole pool where it was imported or put back.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Func, Q, UUIDField
from django.utils import timezone

from annotation.accounts.models import User
from annotation.archive import selectors as archive
from annotation.core import audit, jobs, wording
from annotation.core.locks import wait_for_locks
from annotation.core.tasks import ring
from annotation.labeling.models import Case, CaseState
from annotation.labeling.services.asked import Asked
from annotation.labeling.services.deletion import hold_cases
from annotation.labeling.services.ranking import Ranked, publish_ranking
from learning.models import ModelVersion, ModelVersionState, Prediction, Scoring, Target
from learning.services import asking, ordering
from learning.services.locking import lock_versions
from learning.services.suggestions import suggest_more
from learning.services.unusable import forget_outdated, unusable_cases

logger = logging.getLogger(__name__)
PART = 256  # cases that a worker takes at once: a minute of radiographs on a CPU


@dataclass(frozen=True)
class Progress:
    """Of the request that is under way, and why the last part failed, if it did."""

    version: ModelVersion
    done: int  # cases
    total: int  # 0: nothing is under way
    error: str

    @property
    def error_words(self) -> wording.Words:
        """The error in no language; {} where it is only a sentence."""
        return wording.words_of_error(self.error)


@transaction.atomic
def request_missing(version: ModelVersion, *, retries: bool = True) -> list[Scoring]:
    """Queue what the version has not looked at, in parts; nothing where it is at it already.

    With `retries` also parts that failed or were cancelled before. One request after the other: of two
    at once the second finds the parts of the first.
    """
    lock_versions(version.target_id)
    if version.scorings.filter(state__in=jobs.UNFINISHED).exists():
        return []
    forget_outdated(version)
    batch = uuid4()
    made = Scoring.objects.bulk_create(
        Scoring(model_version=version, batch=batch, case_ids=cases)
        for cases in _parts(_missing(version, retries), settings.SCORING_SHARD_CASES or PART)
    )
    for part in made:
        ring_scoring(part)
    return made


def request_due() -> int:
    """For every model in production that no round is about to replace; returns how many parts.

    A round that is paused may stay so for weeks: what arrives meanwhile is looked at.
    """
    made = 0
    production = ModelVersion.objects.filter(state=ModelVersionState.PRODUCTION)
    for version in production.select_related("target", "round"):
        under_way = version.target.rounds.filter(state__in=jobs.UNFINISHED)
        if under_way.exclude(jobs.PAUSED).exists():
            continue
        try:
            made += len(request_missing(version, retries=False))
        except Exception:  # one target must not stop the others
            logger.exception("scoring_request_failed version=%s", version.pk)
    return made


@transaction.atomic
def request_by_hand(*, actor: User, target: Target) -> list[Scoring]:
    """Look at everything that is missing again; nothing without a model in production."""
    version = target.model_versions.filter(state=ModelVersionState.PRODUCTION).first()
    made = request_missing(version) if version else []
    if version and made:
        audit.record(
            actor=actor, action="scoring_requested", target=version, project_id=target.project_id,
            cases=sum(len(part.case_ids) for part in made),
        )  # fmt: skip
    return made


@transaction.atomic
def cancel(*, actor: User, target: Target) -> None:
    """Stop all parts; what they have found stays."""
    unfinished = list(
        Scoring.objects.filter(
            model_version__target=target, state__in=jobs.UNFINISHED
        ).order_by("created_at", "pk")
    )  # fmt: skip
    if not unfinished:
        return
    for part in unfinished:
        jobs.request_cancel(part)
    audit.record(
        actor=actor, action="scoring_cancelled", target=target, project_id=target.project_id
    )


def progress_of(target: Target) -> Progress | None:
    """How far the production model is, and why a part of the last request failed; None without one."""
    version = target.model_versions.filter(state=ModelVersionState.PRODUCTION).first()
    if version is None:
        return None
    last = version.scorings.order_by("-created_at").values_list("batch", flat=True).first()
    if last is None:
        return Progress(version, 0, 0, "")
    done = total = 0
    error, is_under_way = "", False
    rows = version.scorings.filter(batch=last).order_by("created_at", "pk")
    for state, count, reported, why in rows.values_list(
        "state", "case_ids__len", "progress__done", "error"
    ):
        is_unfinished = state in jobs.UNFINISHED
        is_under_way = is_under_way or is_unfinished
        total += count
        done += (reported or 0) if is_unfinished else count
        error = error or why
    return Progress(version, done, total, error) if is_under_way else Progress(version, 0, 0, error)


@transaction.atomic
def keep(
    *, part: Scoring, predictions: Sequence[Prediction], ranked: Sequence[Ranked],
    excluded: dict[str, str], asked: Sequence[Asked | None] = (), error: str = "",
) -> None:  # fmt: skip
    """Keep what was found of a part, at once; order and suggestions only of a model still in production.

    With an error the part has failed for the cases that are neither foreseen nor excluded. Raises
    JobFenced where another worker has the part now.
    """
    wait_for_locks()
    if Scoring.ownership(part).select_for_update().first() is None:
        raise jobs.JobFenced(str(part.pk))
    lock_versions(part.model_version.target_id)
    version = ModelVersion.objects.get(pk=part.model_version_id)
    there = hold_cases(part.case_ids)
    Prediction.objects.bulk_create(
        [prediction for prediction in predictions if prediction.case_id in there],
        batch_size=2000, ignore_conflicts=True,
    )  # fmt: skip
    Scoring.ownership(part).update(
        excluded=excluded, state=jobs.JobState.FAILED if error else jobs.JobState.COMPLETED,
        error=error[:4000], finished_at=timezone.now(), lease_expires_at=None,
    )  # fmt: skip
    if version.state == ModelVersionState.PRODUCTION:
        _place(version, [place for place in ranked if place.case_id in there])
        suggest_more(version, list(there))
        asking.ask(version.target, [one for one in asked if one and one.case_id in there])


def _place(version: ModelVersion, ranked: Sequence[Ranked]) -> None:
    """Give the cases their places, but for those of which the target's followed version knows better.

    One that orders for the first time takes over once it has looked at everything.
    """
    followed = ordering.followed_of(version.target)
    if followed and followed != version:
        cases = [place.case_id for place in ranked]
        known = set(
            followed.predictions.filter(case__in=cases).values_list("case_id", flat=True)
        )  # fmt: skip
        ranked = [place for place in ranked if place.case_id not in known]
    publish_ranking(
        project=version.target.project, ranked=ranked,
        beside=ordering.rankings_beside(version.target),
    )  # fmt: skip
    is_at_it = version.scorings.filter(state__in=jobs.UNFINISHED).exists()
    if version.ordered_at is None and not is_at_it:
        ordering.follow(version)


def keep_excluded(
    *, version: ModelVersion, excluded: Mapping[UUID, str], since: datetime | None
) -> None:
    """Remember which open cases a round that began then found its version unable to use, so that none is
    tried again before more of it has come."""
    is_open = Q(project=version.target.project_id, state=CaseState.OPEN)
    open_ones = Case.objects.filter(is_open, pk__in=list(excluded)).order_by("pk")
    cases = list(open_ones.values_list("pk", flat=True))
    if cases:
        Scoring.objects.create(
            model_version=version, batch=uuid4(), case_ids=cases,
            excluded={str(case): excluded[case] for case in cases},
            state=jobs.JobState.COMPLETED, started_at=since, finished_at=timezone.now(),
        )  # fmt: skip


def ring_scoring(part: Scoring) -> None:
    from learning.tasks import score_arrivals

    ring(score_arrivals, str(part.pk))


def _missing(version: ModelVersion, retries: bool) -> Iterator[UUID]:
    """Open cases without a prediction, but for those that the version is known to be unable to use.

    The database compares: a project of 100,000 cases is asked for its new ones every minute.
    """
    unseen = (
        Case.objects.filter(project=version.target.project_id, state=CaseState.OPEN)
        .exclude(predictions__model_version=version)
        .exclude(pk__in=unusable_cases(version))
        .exclude(archive.is_arriving("study"))
    )
    if not retries:
        ended = version.scorings.filter(state__in=(jobs.JobState.FAILED, jobs.JobState.CANCELLED))
        tried = ended.annotate(
            case=Func(F("case_ids"), function="unnest", output_field=UUIDField())
        )
        unseen = unseen.exclude(pk__in=tried.values("case"))
    in_order = unseen.order_by("study__study_instance_uid").values_list("pk", flat=True)
    return in_order.iterator(chunk_size=20_000)


def _parts(cases: Iterator[UUID], size: int) -> Iterator[list[UUID]]:
    while part := list(islice(cases, size)):
        yield part


def scores_of(version: ModelVersion, at_most: int = 5000) -> list[float]:
    """Of its latest predictions in the pool."""
    scored: Any = version.predictions.filter(score__isnull=False).order_by("-pk")
    return list(scored.values_list("score", flat=True)[:at_most])
