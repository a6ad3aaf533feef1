"""Starts rounds by policy or by hand, pauses and stops them."""

import functools
import itertools
import os
import secrets
import subprocess
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core import audit, jobs
from annotation.core.errors import Conflict
from annotation.core.tasks import ring
from learning.acquisition.names import strategy_with
from learning.models import Round, Target, Trigger
from learning.services.retraining import FRUITLESS, advice_of

# After a failed or cancelled round; after a second one twice as long.
RETRY_AFTER = timedelta(minutes=10)
MOST_DOUBLINGS = 8  # 21 h at most


@transaction.atomic
def request_round(
    *, target: Target, trigger: Trigger, actor: User | None = None, seed: int | None = None
) -> Round:
    """Queue a round; a target has at most one unfinished round, paused or not. Raises Conflict."""
    last = Round.objects.filter(target=target).aggregate(n=Max("number"))["n"] or 0
    try:
        with transaction.atomic():
            created = Round.objects.create(
                target=target,
                number=last + 1,
                trigger=trigger,
                requested_by=actor,
                input=target.input,
                # One of before may have none: the recipe gives it dropout unless told otherwise.
                strategy=strategy_with(
                    target.config.get("dropout", 1.0), target.strategy, target.kind
                ),
                seed=secrets.randbelow(2**31) if seed is None else seed,
                config=target.config,
                start=target.start,
                code_revision=code_revision(),
            )
    except IntegrityError:
        raise _conflict_of(target) from None
    audit.record(
        actor=actor, action="round_requested", target=created,
        project_id=target.project_id, number=created.number,
    )  # fmt: skip
    ring_round(created)
    return created


def _conflict_of(target: Target) -> Conflict:
    unfinished = target.rounds.filter(state__in=jobs.UNFINISHED).first()
    if unfinished is not None and unfinished.is_paused:
        return Conflict(f"Round {unfinished.number} is paused; resume it or cancel it first.")
    return Conflict("A round of this target is under way already.")


def ring_round(round_: Round) -> None:
    from learning.tasks import run_round

    ring(run_round, str(round_.pk))


def due() -> list[Target]:
    """Targets whose policy asks for a round now: the reads grew by a fifth, or surprised the light head."""
    found = []
    for target in Target.objects.filter(retrain_after__gt=0).select_related("project"):
        last = target.rounds.order_by("-number").first()
        if last is not None and not last.is_finished:
            continue
        if not _is_resting(target) and advice_of(target).is_due:
            found.append(target)
    return found


def _is_resting(target: Target) -> bool:
    """Whether the last rounds failed or were cancelled, and the next waits: each time twice as long."""
    latest = target.rounds.order_by("-number").values_list("state", "finished_at")[:MOST_DOUBLINGS]
    fruitless = list(itertools.takewhile(lambda one: one[0] in FRUITLESS, latest))
    if not fruitless:
        return False
    ended = fruitless[0][1]
    return ended is not None and timezone.now() < ended + RETRY_AFTER * 2 ** (len(fruitless) - 1)


def start_due() -> int:
    """Queue a round for every due target; another scheduler may be faster, which is fine."""
    started = 0
    for target in due():
        try:
            request_round(target=target, trigger=Trigger.POLICY)
            started += 1
        except Conflict:
            continue
    return started


@transaction.atomic
def cancel(*, actor: User, round_: Round) -> None:
    """Stop the round; the old ranking stays in place."""
    if round_.is_finished:
        raise Conflict("The round has ended already.", state=round_.state)
    jobs.request_cancel(round_)
    audit.record(
        actor=actor, action="round_cancelled", target=round_, project_id=round_.target.project_id
    )


@transaction.atomic
def pause(*, actor: User, round_: Round) -> None:
    """Free the worker at its next report; checkpoint and predictions stay for a resume."""
    if not jobs.request_pause(round_):
        raise Conflict("The round has ended or is paused already.", state=round_.state)
    audit.record(
        actor=actor, action="round_paused", target=round_, project_id=round_.target.project_id
    )


@transaction.atomic
def resume(*, actor: User, round_: Round) -> None:
    """Go on from the checkpoint."""
    if not jobs.resume(round_):
        raise Conflict("The round is not paused.", state=round_.state)
    audit.record(
        actor=actor, action="round_resumed", target=round_, project_id=round_.target.project_id
    )
    ring_round(round_)


@functools.cache
def code_revision() -> str:
    """The commit this process runs, for the record of every round."""
    given = os.environ.get("FIRSTREAD_REVISION")
    if given:
        return given[:64]
    try:
        answer = subprocess.run(
            ["git", "-C", str(settings.BASE_DIR), "rev-parse", "HEAD"],
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()[:64]
