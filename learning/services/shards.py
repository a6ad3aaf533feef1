"""Divides the pool of a round among the workers of its queue, and gathers what they found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.core.tasks import ring
from learning.models import Round, Shard

MOST_HELPERS = 32  # messages that a round sends; a worker takes more than one shard by a message
Json = dict[str, Any]


class ShardFailed(DomainError):
    """A part of the pool killed every worker that took it."""


@dataclass(frozen=True)
class Part:
    """Cases that are predicted in one go, in their order."""

    case_ids: Sequence[UUID]
    is_held_out: bool


@transaction.atomic
def divide(*, round_: Round, scorer: Json, parts: Sequence[Part]) -> None:
    """Make the round's shards and call helpers; a resumed round with the same network keeps its own."""
    if Round.ownership(round_).select_for_update().first() is None:
        raise jobs.JobFenced(str(round_.pk))
    is_same = all(
        round_.scorer.get(name) == scorer[name] for name in ("weights_sha256", "thresholds")
    )
    if is_same:
        return
    Shard.objects.filter(round=round_).delete()
    Round.ownership(round_).update(scorer=scorer)
    round_.scorer = scorer
    Shard.objects.bulk_create(
        Shard(round=round_, number=number, is_held_out=p.is_held_out, case_ids=list(p.case_ids))
        for number, p in enumerate(parts, 1)
    )
    ring_helpers(round_.pk, min(len(parts) - 1, MOST_HELPERS))


def claim_next(round_id: Any) -> Shard | None:
    """The first shard that nobody has, of a round that is being run; None where there is none now."""
    with transaction.atomic():
        found = (
            Shard.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(_is_free(), round=round_id, round__state=jobs.JobState.RUNNING)
            .exclude(Q(round__cancel_requested=True) | Q(round__pause_requested=True))
            .order_by("number")
            .first()
        )
        return jobs.claim(Shard, found.pk) if found else None


def tell(shard: Shard, done: int) -> None:
    """Renew the lease; raises JobFenced where the shard is another's, JobCancelled or JobPaused with
    its round.
    """
    jobs.report(shard, done=done)
    wanted = Round.objects.filter(
        pk=shard.round_id, state__in=jobs.UNFINISHED, cancel_requested=False
    )
    if not wanted.exists():
        raise jobs.JobCancelled(f"the round of shard {shard.pk}")
    if not wanted.filter(state=jobs.JobState.RUNNING, pause_requested=False).exists():
        raise jobs.JobPaused(f"the round of shard {shard.pk}")


def keep(*, shard: Shard, found: list[Json], excluded: dict[str, str]) -> None:
    """What the network says of the shard's cases. Raises JobFenced where another has it now."""
    changed = Shard.ownership(shard).update(
        found=found, excluded=excluded, state=jobs.JobState.COMPLETED,
        finished_at=timezone.now(), lease_expires_at=None,
    )  # fmt: skip
    if not changed:
        raise jobs.JobFenced(f"Shard {shard.pk} attempt {shard.attempt}")


def give_back(*, shard: Shard, error: str = "") -> None:
    """Leave the shard to another worker: this one cannot do it, or the round is paused."""
    Shard.ownership(shard).update(
        state=jobs.JobState.PENDING, lease_expires_at=None, progress={}, error=error[:4000],
        attempt=F("attempt") - 1,  # no death: it must not count towards giving the shard up
    )  # fmt: skip


def are_all_done(round_: Round) -> bool:
    """Raises ShardFailed where one never will be."""
    left = list(
        Shard.objects.filter(round=round_)
        .exclude(state=jobs.JobState.COMPLETED)
        .values_list("number", "state", "error")
    )
    for number, state, error in left:
        if state == jobs.JobState.FAILED:
            raise ShardFailed(f"Part {number} of the pool cannot be predicted: {error}")
    return not left


def each_of(round_: Round) -> Iterator[Shard]:
    """The round's shards in order, one in memory at a time: what is drawn in all of them may be gigabytes."""
    return Shard.objects.filter(round=round_).order_by("number").iterator(chunk_size=1)


def count_scored(round_: Round) -> tuple[int, int]:
    """How many cases all workers together have predicted, and how many there are."""
    done = total = 0
    rows = Shard.objects.filter(round=round_).values_list(
        "state", "case_ids__len", "progress__done"
    )
    for state, cases, reported in rows:
        total += cases
        done += cases if state == jobs.JobState.COMPLETED else (reported or 0)
    return done, total


def waiting() -> QuerySet[Round]:
    """Running rounds with shards that nobody has: their messages may be lost, or a worker died."""
    jobs.end_hopeless(Shard)
    old = timezone.now() - timedelta(seconds=5)
    free = Shard.objects.filter(_is_free(), created_at__lt=old).values("round")
    return Round.objects.filter(state=jobs.JobState.RUNNING, pk__in=free)


def clear_ended() -> None:
    """Remove what was predicted for rounds that ended without it."""
    unfinished = Round.objects.filter(state__in=jobs.UNFINISHED)
    Shard.objects.exclude(round__in=unfinished).delete()


def ring_helpers(round_id: Any, count: int = 1) -> None:
    from learning.tasks import score_shards

    for _ in range(count):
        ring(score_shards, str(round_id))


def _is_free() -> Q:
    lapsed = Q(state=jobs.JobState.RUNNING, lease_expires_at__lt=timezone.now())
    return Q(state=jobs.JobState.PENDING) | lapsed
