"""The quick half of the loop: refits the light head every few labels and renews the worklist's front.

Predict first, train afterwards: before a head learns from new labels, what the former head had said
of them is written down (`Outcome`), so that its figures are honest.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from django.db import transaction

from annotation.core.locks import advisory_lock, wait_for_locks
from annotation.labeling import selectors as labeling
from annotation.labeling.models import Case, CaseState
from learning.acquisition import reasons
from learning.acquisition.names import COLD_STARTERS
from learning.acquisition.pool import Labeled, Pick, Pool, of_classes
from learning.acquisition.strategies import STRATEGIES, select
from learning.heads.fitting import HeadConfig, fit
from learning.heads.head import Head
from learning.models import HeadPick, HeadVersion, Outcome, Target
from learning.services import embeddings, ordering
from learning.services.foreseen import (
    LABEL_FIELDS,
    head_of,
    outcomes_of_changed_labels,
    outcomes_of_new_labels,
)
from learning.services.knowledge import Knowledge, knowledge_of
from learning.services.locking import lock_versions
from learning.training.metrics import intervals

logger = logging.getLogger(__name__)
FRONT = 100  # places chosen with known chances; the next refit renews them
DRAWS = 200  # of the test patients, for the intervals: a refit must not wait for more
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
    """Enough labels came, were corrected, or went (more readers per case open all cases again), or there is
    no front yet.
    """
    last = target.heads.order_by("-number").defer("content").first()
    if last is None:
        return True
    finished = Case.objects.filter(project=target.project, state=CaseState.DONE).count()
    new = labeling.count_cases_accepted_since(target.project, last.began_at)
    return max(abs(finished - last.finished_cases), new) >= target.refit_after


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
        known = knowledge_of(target, encoder)
        former = target.heads.order_by("-number").first()
        version = HeadVersion(
            target=target, encoder=encoder, number=former.number + 1 if former else 1,
            classes=known.classes, unit=known.scale.unit, strategy=target.head_strategy,
            finished_cases=finished,
            seed=secrets.randbelow(2**31) if seed is None else seed,
            training_labels=len(known.labeled),
        )  # fmt: skip
        rng = np.random.default_rng(version.seed)
        earlier = head_of(former, encoder.pk, known.classes)
        head = _fit(known, earlier, rng)
        picks = _front(version, known, head, rng)
        outcomes = outcomes_of_new_labels(target, known, former)
        changed = outcomes_of_changed_labels(target, known)
        version.content = head.to_bytes() if head else b""
        version.metrics = _figures(known, head, earlier, version.seed)
        _publish(version, known, picks, outcomes, changed, started)
        return version


def _fit(known: Knowledge, warm: Head | None, rng: np.random.Generator) -> Head | None:
    """None while there are not two answers to tell apart."""
    labels = known.labels[known.labeled]
    if not known.kind.is_learnable(labels):
        return None
    return fit(
        known.kind.kind, known.space.vectors[known.labeled], labels, class_count=len(known.classes),
        rng=rng, config=HeadConfig(), warm=warm, patients=known.patients[known.labeled],
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
    # Nor is one that nobody was asked of yet: the head is not unsure of it, it knows nothing.
    asked = known.kind.asked(known.labels[known.labeled], known.classes)
    pool, labeled = of_classes(pool, labeled, asked)
    return select(STRATEGIES[name], pool, labeled, count, rng)


def _figures(known: Knowledge, head: Head | None, former: Head | None, seed: int) -> dict[str, Any]:
    """On the test patients labeled so far, and how far the head answers as the former one did."""
    figures = _test_figures(known, head, seed)
    if head and former:
        vectors = known.space.vectors[:STOP_SET]
        before, after = (known.kind.said(each, vectors) for each in (former, head))
        figures["kappa"] = known.kind.agreement(before, after)
    figures["per_class"] = known.kind.counts(known.labels[known.labeled], len(known.classes))
    return figures


def _test_figures(known: Knowledge, head: Head | None, seed: int) -> dict[str, Any]:
    """Those of the kind with their intervals; of more than two classes or labels the mean of each."""
    rows = np.flatnonzero(known.is_test & known.is_known)
    if head is None or not len(rows):
        return {"n": len(rows)}
    labels, said = known.labels[rows], known.kind.said(head, known.space.vectors[rows])
    found = intervals.bootstrap_figures(
        lambda some: known.kind.figures(labels[some], said[some]),
        list(known.patients[rows]), np.random.default_rng(seed), DRAWS,
    )  # fmt: skip
    told = {name: estimate for name, estimate in found.items() if estimate.value is not None}
    return {
        "n": len(rows),
        "patients": len(set(known.patients[rows])),
        "rests_on": known.kind.rests_on(labels, said, known.patients[rows]),
        **{name: estimate.value for name, estimate in told.items()},
        "intervals": {name: asdict(estimate) for name, estimate in told.items()},
    }


@transaction.atomic
def _publish(
    version: HeadVersion, known: Knowledge, picks: Sequence[Pick], outcomes: Sequence[Outcome],
    changed: Sequence[Outcome], started: float,
) -> None:  # fmt: skip
    """Head, reasons, outcomes and the new front: all of it or nothing."""
    wait_for_locks()
    lock_versions(version.target_id)
    version.pool_size = len(known.pool)
    version.seconds = time.monotonic() - started  # with the wait: `began_at` is told by it
    version.save(force_insert=True)
    Outcome.objects.bulk_create(outcomes, batch_size=1000)
    Outcome.objects.bulk_update(changed, LABEL_FIELDS, batch_size=1000)
    HeadPick.objects.bulk_create(
        HeadPick(
            head=version, case_id=known.space.cases[pick.row], place=place, score=pick.score,
            propensity=pick.propensity, arm=pick.arm, components=dict(pick.components),
            reason=pick.reason[:200],
            words=reasons.words_of(pick.reason, version.target.question),
        )
        for place, pick in enumerate(picks)
    )  # fmt: skip
    ordering.lead(version)
