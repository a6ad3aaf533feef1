"""The quick half of the loop: refits the light head every few labels and renews the worklist's front.

Predict first, train afterwards: before a head learns from new labels, what the former head had said
of them is written down (`Outcome`), so that its figures are honest.
"""

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from annotation.core.locks import advisory_lock
from annotation.labeling.models import Assignment, AssignmentState, Case, CaseState, Selection
from annotation.labeling.services.ranking import publish_front
from learning.acquisition import reasons
from learning.acquisition.names import COLD_STARTERS
from learning.acquisition.pool import Labeled, Pick, Pool
from learning.acquisition.strategies import STRATEGIES, select
from learning.heads.fitting import HeadConfig, fit
from learning.heads.head import Head
from learning.models import HeadPick, HeadVersion, Outcome, Target
from learning.services import embeddings
from learning.services.knowledge import Knowledge, knowledge_of

logger = logging.getLogger(__name__)
FRONT = 100  # places chosen with known chances; the next refit renews them
STOP_SET = 2000  # cases on which successive heads are compared; always the same ones
COLD_START = "typicality"


def refit_due() -> int:
    """Refit every target for which enough cases were labeled since its last head; returns how many."""
    done = 0
    for target in Target.objects.filter(refit_after__gt=0).select_related("project"):
        if _is_due(target):
            try:
                done += refit(target) is not None
            except Exception:  # one target must not stop the others
                logger.exception("refit_failed target=%s", target.pk)
    return done


def _is_due(target: Target) -> bool:
    """Enough new labels, or no front yet."""
    finished = Case.objects.filter(project=target.project, state=CaseState.DONE).count()
    last = target.heads.order_by("-number").values_list("finished_cases", flat=True).first()
    return last is None or finished - last >= target.refit_after


def refit(target: Target, *, seed: int | None = None) -> HeadVersion | None:
    """Fit a head to all labels and put the most informative open cases first.

    None where the project has no encoder yet, or another worker refits this target right now.
    """
    with advisory_lock(f"refit {target.pk}") as is_mine:
        encoder = embeddings.ready_encoder(target.project) if is_mine else None
        if encoder is None:
            return None
        started = time.monotonic()
        finished = Case.objects.filter(project=target.project, state=CaseState.DONE).count()
        known = knowledge_of(target, embeddings.load_space(encoder))
        former = target.heads.order_by("-number").first()
        version = HeadVersion(
            target=target, encoder=encoder, number=former.number + 1 if former else 1,
            classes=known.classes, unit=known.scale.unit, strategy=target.head_strategy,
            finished_cases=finished,
            seed=secrets.randbelow(2**31) if seed is None else seed,
            training_labels=len(known.labeled),
        )  # fmt: skip
        rng = np.random.default_rng(version.seed)
        earlier = _head_of(former, encoder.pk, known.classes)
        head = _fit(known, earlier, rng)
        picks = _front(version, known, head, rng)
        outcomes = _outcomes(target, known, former, earlier)
        version.content = head.to_bytes() if head else b""
        version.metrics = _figures(known, head, earlier)
        version.seconds = time.monotonic() - started
        _publish(version, known, picks, outcomes)
        return version


def _head_of(version: HeadVersion | None, encoder_id: UUID, classes: Sequence[str]) -> Head | None:
    """The version's head, where it speaks of the same vectors and answers."""
    if version is None or not version.content or version.encoder_id != encoder_id:
        return None
    return Head.from_bytes(bytes(version.content)) if version.classes == classes else None


def _fit(known: Knowledge, warm: Head | None, rng: np.random.Generator) -> Head | None:
    """None while there are not two answers to tell apart."""
    labels = known.labels[known.labeled]
    if not known.kind.is_learnable(labels):
        return None
    return fit(
        known.kind.kind, known.space.vectors[known.labeled], labels, class_count=len(known.classes),
        rng=rng, config=HeadConfig(), warm=warm,
    )  # fmt: skip


def _front(
    version: HeadVersion, known: Knowledge, head: Head | None, rng: np.random.Generator
) -> list[Pick]:
    """The first places, as rows of the space; held-out cases stand between them at their own rate.

    Test and validation cases must be labeled too, and the model must not have a say in which.
    """
    pool, held_out = known.pool, known.held_out
    count = min(FRONT, len(pool) + len(held_out))
    share = len(held_out) / max(len(pool) + len(held_out), 1)
    is_honest = rng.random(count) < share
    drawn = rng.permutation(held_out)
    honest = [
        Pick(int(row), 0.0, 1 / (len(held_out) - place), "held_out", {}, reasons.HELD_OUT)
        for place, row in enumerate(drawn[:count])
    ]
    chosen = [
        Pick(int(pool[p.row]), p.score, p.propensity, p.arm, p.components, p.reason)
        for p in _choose(version, known, head, min(count, len(pool)), rng)
    ]
    front: list[Pick] = []
    for wants_honest in is_honest:
        first, second = (honest, chosen) if wants_honest else (chosen, honest)
        source = first or second
        if source:
            front.append(source.pop(0))
    return front


def _choose(
    version: HeadVersion, known: Knowledge, head: Head | None, count: int, rng: np.random.Generator
) -> list[Pick]:
    name, finding = version.strategy, version.target.finding
    vectors = known.space.vectors[known.pool]
    labeled = Labeled(known.space.vectors[known.labeled], known.labels[known.labeled])
    if head is None:
        knows_how = STRATEGIES[name].is_random or name in COLD_STARTERS
        name = name if knows_how else COLD_START
        return select(STRATEGIES[name], Pool(embeddings=vectors), labeled, count, rng)
    pool = known.kind.pool(head, vectors, known.classes, known.scale)
    # An option that the schema no longer has is looked for no more.
    pool = replace(pool, finding=known.classes.index(finding) if finding in known.classes else None)
    return select(STRATEGIES[name], pool, labeled, count, rng)


def _outcomes(
    target: Target, known: Knowledge, former: HeadVersion | None, head: Head | None
) -> list[Outcome]:
    """What the former head says of the training cases whose labels are new."""
    seen = set(Outcome.objects.filter(target=target).values_list("case_id", flat=True))
    rows = [row for row in known.labeled if known.space.cases[row] not in seen]
    foreseen: Sequence[Any] = [None] * len(rows)
    if head and rows:
        foreseen = known.kind.said(head, known.space.vectors[rows]).tolist()
    served = _served([known.space.cases[row] for row in rows], former)
    found = []
    for row, said in zip(rows, foreseen, strict=True):
        case = known.space.cases[row]
        draw = served.get(case, Served(Selection.INITIAL))
        found.append(
            Outcome(
                target=target,
                case_id=case,
                head=former if said else None,
                said=said,
                **known.kind.kept(known.labels[row], known.classes),
                **asdict(draw),
            )
        )
    return found


@dataclass(frozen=True)
class Served:
    """How a case came to be read: its arm, and where it stood in the front with which chance."""

    selection: str
    place: int | None = None
    propensity: float | None = None
    pool_size: int | None = None


def _served(cases: Sequence[UUID], former: HeadVersion | None) -> Mapping[UUID, Served]:
    """By case. A chance counts only where the head that predicted also drew the case.

    With another head's front the labels drawn before it may have taught the one that predicts.
    """
    assignments = Assignment.objects.filter(
        case__in=cases, state=AssignmentState.SUBMITTED
    ).order_by("-created_at")
    picks = {pick.case_id: pick for pick in HeadPick.objects.filter(head=former, case__in=cases)}
    found: dict[UUID, Served] = {}
    for case, selection, ranking in assignments.values_list("case_id", "selection", "ranking_id"):
        found[case] = Served(selection)
        pick = picks.get(case)
        if former and pick and ranking == former.pk and selection == Selection.RANKED:
            found[case] = Served(selection, pick.place, pick.propensity, former.pool_size)
    return found


def _figures(known: Knowledge, head: Head | None, former: Head | None) -> dict[str, Any]:
    """On the test patients labeled so far, and how far the head answers as the former one did."""
    figures = _test_figures(known, head)
    if head and former:
        vectors = known.space.vectors[:STOP_SET]
        before, after = (known.kind.said(each, vectors) for each in (former, head))
        figures["kappa"] = known.kind.agreement(before, after)
    figures["per_class"] = known.kind.counts(known.labels[known.labeled], len(known.classes))
    return figures


def _test_figures(known: Knowledge, head: Head | None) -> dict[str, Any]:
    """Those of the kind; of more than two classes or labels the mean of each."""
    rows = np.flatnonzero(known.is_test & known.is_known)
    if head is None or not len(rows):
        return {"n": len(rows)}
    said = known.kind.said(head, known.space.vectors[rows])
    found = known.kind.figures(known.labels[rows], said)
    return {"n": len(rows)} | {name: value for name, value in found.items() if value is not None}


@transaction.atomic
def _publish(
    version: HeadVersion, known: Knowledge, picks: Sequence[Pick], outcomes: Sequence[Outcome]
) -> None:
    """Head, reasons, outcomes and the new front: all of it or nothing."""
    Target.objects.select_for_update(no_key=True).get(pk=version.target_id)
    version.pool_size = len(known.pool)
    version.save(force_insert=True)
    Outcome.objects.bulk_create(outcomes, batch_size=1000)
    HeadPick.objects.bulk_create(
        HeadPick(
            head=version, case_id=known.space.cases[pick.row], place=place, score=pick.score,
            propensity=pick.propensity, arm=pick.arm, components=dict(pick.components),
            reason=pick.reason[:200],
        )
        for place, pick in enumerate(picks)
    )  # fmt: skip
    publish_front(
        project=version.target.project,
        ranking_id=version.pk,
        cases=[known.space.cases[pick.row] for pick in picks],
        reasons=[pick.reason for pick in picks],
        words=[reasons.words_of(pick.reason) for pick in picks],
    )
