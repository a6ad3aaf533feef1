"""Serves the next case under a lease, in one SQL statement, to no more readers than asked for."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core.errors import Conflict, LeaseLost
from annotation.labeling.models import (
    Annotation,
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Project,
    Selection,
)
from annotation.labeling.services.projects import current_schema, is_ranked, least_audits
from annotation.labeling.worklist import (
    BEGUN_BY_ME,
    BY_BEGINNING,
    BY_RANK,
    CLAIMABLE,
    DRAWABLE,
    GIVEN_TO_ME,
    KEPT_SLOTS,
    values_of,
)

# The row lock guards `free_slots`: a concurrent claim skips the row or re-reads its new value. However
# often a case comes back to a reader, it stays as it was first served: audits that are put aside must not
# leave the sample, and what was read beside suggestions must not enter it.
CLAIM = """
WITH picked AS (
    SELECT c.id FROM labeling_case c
    WHERE {claimable} AND c.shuffle_key >= %(from_key)s {among}
      AND c.free_slots > ({kept})
    ORDER BY {order}
    LIMIT 1
    FOR NO KEY UPDATE OF c {locked}
), taken AS (
    UPDATE labeling_case c SET free_slots = c.free_slots - 1
    FROM picked WHERE c.id = picked.id
    RETURNING c.id, c.priority, c.ranking_id, c.priority_reason, c.priority_words
), arm AS (
    SELECT taken.*,
           CASE WHEN %(selection)s = 'given' THEN 'given'
                WHEN taken.ranking_id IS NULL AND (%(selection)s = 'ranked' OR NOT EXISTS (
                    SELECT 1 FROM labeling_case r
                    WHERE r.project_id = %(project)s AND r.ranking_id IS NOT NULL)) THEN 'initial'
                ELSE %(selection)s END AS selection
    FROM taken
), earlier AS (
    SELECT s.* FROM labeling_assignment s JOIN taken ON taken.id = s.case_id
    WHERE s.reader_id = %(reader)s AND %(selection)s <> 'given'
    ORDER BY s.created_at LIMIT 1
), served AS (
    SELECT case_id, selection, propensity, reason, reason_words, priority, ranking_id FROM earlier
    UNION ALL
    SELECT id, selection,
           CASE WHEN selection = 'control' THEN %(propensity)s::float8 END,
           CASE WHEN selection = 'control' THEN %(audit)s ELSE priority_reason END,
           CASE WHEN selection = 'control' THEN %(audit_words)s::jsonb ELSE priority_words END,
           priority, ranking_id
    FROM arm WHERE NOT EXISTS (SELECT 1 FROM earlier)
)
INSERT INTO labeling_assignment
    (id, created_at, project_id, case_id, reader_id, state, selection, propensity, reason,
     reason_words, priority, ranking_id, expires_at, heartbeat_at)
SELECT gen_random_uuid(), now(), %(project)s, case_id, %(reader)s, 'active', selection, propensity,
       reason, reason_words, priority, ranking_id, now() + %(lease)s, now()
FROM served
RETURNING id
"""
AUDIT = "Random audit: keeps our accuracy honest"
AUDIT_WORDS = {"code": "audit"}  # what another language needs to say it


def _statement(*, order: str, locked: str, among: str = "") -> str:
    return CLAIM.format(
        claimable=CLAIMABLE, kept=KEPT_SLOTS, order=order, locked=locked, among=among
    )


GIVEN = _statement(order=BY_RANK, locked="SKIP LOCKED", among=GIVEN_TO_ME)
# Whoever publishes a ranking locks cases: what was begun is waited for, or another case would pass it.
MINE = _statement(order=BY_BEGINNING, locked="", among=BEGUN_BY_ME)
AT_RANDOM = _statement(order="c.shuffle_key", locked="SKIP LOCKED", among=DRAWABLE)
BY_PRIORITY = _statement(order=BY_RANK, locked="SKIP LOCKED")
# Every open case is locked while a ranking is published: wait for it instead of saying "empty".
PATIENTLY = _statement(order=BY_RANK, locked="")
COUNT_DRAWABLE = "SELECT count(*) FROM labeling_case c WHERE {claimable} {drawable}"
COUNT_KEPT = "SELECT ({kept}) FROM labeling_case c WHERE c.id = %(case)s"


def claim_next(*, reader: User, project: Project, rng: np.random.Generator) -> Assignment | None:
    """The reader's live assignment, or a lease on the next case; None when the worklist is empty.

    First what a manager gave to the reader, then what they have begun, then an audit or the first by rank.
    """
    if current_schema(project) is None:
        raise Conflict("The project has no questions yet.")
    live = live_assignment(reader=reader, project=project)
    if live is not None:
        return live
    for statement, selection in ((GIVEN, Selection.GIVEN), (MINE, Selection.RANKED)):
        kept = _claim(statement, reader, project, selection)
        if kept is not None:
            return kept
    chance = rng.random()
    is_drawn = chance < project.control_share
    if is_drawn or (chance < least_audits() and is_ranked(project)):
        audit = _claim_audit(reader, project, rng)
        if audit is not None:
            return audit
    for statement in (BY_PRIORITY, PATIENTLY):
        claimed = _claim(statement, reader, project, Selection.RANKED)
        if claimed is not None:
            return claimed
    return None


def _claim_audit(reader: User, project: Project, rng: np.random.Generator) -> Assignment | None:
    """A case by chance alone. Shuffle keys are random, so each has the same chance beforehand."""
    with connection.cursor() as cursor:
        values = values_of(reader=reader, project=project)
        cursor.execute(COUNT_DRAWABLE.format(claimable=CLAIMABLE, drawable=DRAWABLE), values)
        count: int = cursor.fetchone()[0]
    if count == 0:
        return None
    for from_key in (float(rng.random()), 0.0):  # from a random place, once around
        claimed = _claim(
            AT_RANDOM, reader, project, Selection.CONTROL, from_key, propensity=1 / count
        )
        if claimed is not None:
            return claimed
    return None


def is_audit(case_id: UUID) -> bool:
    """Whether the case was drawn at random for some reader, so that nothing may sway any read of it.

    Its label is what all its readers agree on.
    """
    return Assignment.objects.filter(case=case_id, selection=Selection.CONTROL).exists()


def live_assignment(*, reader: User, project: Project) -> Assignment | None:
    """The lease that the reader holds now, renewed; a lapsed one is closed."""
    live = Assignment.objects.filter(
        project=project, reader=reader, state=AssignmentState.ACTIVE
    ).first()
    if live is None:
        return None
    if live.expires_at <= timezone.now():
        _expire(live)
        return None
    _renew(live)
    return live


@transaction.atomic
def claim_case(*, reader: User, case: Case) -> Assignment:
    """A lease on one given case, for a reader who comes back to it. Raises LeaseLost."""
    locked = lock_with_those_held_by(reader, case)
    held = Assignment.objects.select_for_update().filter(
        project=locked.project, reader=reader, state=AssignmentState.ACTIVE
    )
    for assignment in held:
        if assignment.case_id == locked.pk:
            _renew(assignment)
            return assignment
        release(assignment=assignment)
    locked.refresh_from_db()
    kept = count_kept_slots(locked, but_for=reader)
    if locked.free_slots <= kept or locked.state != CaseState.OPEN:
        raise LeaseLost("Other readers have taken this case meanwhile; your draft is kept.")
    Case.objects.filter(pk=locked.pk).update(free_slots=F("free_slots") - 1)
    now = timezone.now()
    return Assignment.objects.create(
        project=locked.project,
        case=locked,
        reader=reader,
        **_served_before(reader, locked),
        expires_at=now + timedelta(seconds=locked.project.lease_seconds),
        heartbeat_at=now,
    )


def lock_with_those_held_by(reader: User, case: Case) -> Case:
    """The case; with it those that the reader will give back for it, in the order of rankings.

    Cases are locked before the leases on them, by everybody: no two wait for each other.
    """
    held = Assignment.objects.filter(
        project=case.project_id, reader=reader, state=AssignmentState.ACTIVE
    ).values("case_id")
    cases = Case.objects.select_for_update(of=("self",), no_key=True).select_related("project")
    wanted = cases.filter(Q(pk=case.pk) | Q(pk__in=held)).order_by("pk")
    return {one.pk: one for one in wanted}[case.pk]


def _served_before(reader: User, case: Case) -> dict[str, Any]:
    """How the case comes to a reader who returns to it: as it came first."""
    first = Assignment.objects.filter(case=case, reader=reader).order_by("created_at").first()
    if first is not None:
        return {
            "selection": first.selection, "propensity": first.propensity,
            "reason": first.reason, "reason_words": first.reason_words,
            "priority": first.priority, "ranking_id": first.ranking_id,
        }  # fmt: skip
    return {
        "selection": Selection.INITIAL if case.ranking_id is None else Selection.RANKED,
        "reason": case.priority_reason, "reason_words": case.priority_words,
        "priority": case.priority, "ranking_id": case.ranking_id,
    }  # fmt: skip


def count_kept_slots(case: Case, *, but_for: User | None = None) -> int:
    """Slots that wait for certain readers, `but_for` one: they are not free for others."""
    values = {"case": case.pk, "reader": but_for.pk if but_for else None}
    with connection.cursor() as cursor:
        cursor.execute(COUNT_KEPT.format(kept=KEPT_SLOTS), values)
        row: tuple[int] = cursor.fetchone()
    return row[0]


def heartbeat(*, assignment: Assignment, active_seconds: float) -> Assignment:
    """The lease, renewed or taken again, with the seconds added in which the reader was active.

    A lease that lapsed while the server heard nothing is the reader's as long as nobody has taken the case.
    Raises LeaseLost.
    """
    counted = _countable(assignment, active_seconds)
    live = assignment if _renew(assignment) else _take_again(assignment)
    _count(live, counted)
    return live


@transaction.atomic
def _take_again(ended: Assignment) -> Assignment:
    """A lease on a case that only time took from its reader, who has gone on with no other."""
    case = lock_with_those_held_by(ended.reader, ended.case)
    mine = Assignment.objects.filter(project=ended.project, reader=ended.reader)
    last = mine.filter(case=case).order_by(F("ended_at").desc(nulls_first=True))[0]
    has_gone_on = mine.filter(state=AssignmentState.ACTIVE).exclude(case=case).exists()
    if has_gone_on or last.state not in {AssignmentState.ACTIVE, AssignmentState.EXPIRED}:
        raise LeaseLost("Your lease on this case has ended; your draft is kept.")
    return claim_case(reader=ended.reader, case=case)


def count_activity(*, reader: User, case: Case, active_seconds: float) -> None:
    """Add the last seconds of a read that is being handed in, where its lease still runs."""
    live = Assignment.objects.filter(
        case=case, reader=reader, state=AssignmentState.ACTIVE, expires_at__gt=timezone.now()
    ).first()
    if live is not None:
        _count(live, _countable(live, active_seconds))


@transaction.atomic
def release(*, assignment: Assignment) -> None:
    """Give the case back; the draft stays."""
    _end(assignment, AssignmentState.RELEASED)


def expire_assignments() -> int:
    """Return the cases of lapsed leases to the worklist, one by one: nobody waits for a whole sweep."""
    lapsed = Assignment.objects.filter(state=AssignmentState.ACTIVE, expires_at__lt=timezone.now())
    return sum(_expire(assignment) for assignment in lapsed.order_by("expires_at")[:1000])


def _claim(
    statement: str,
    reader: User,
    project: Project,
    selection: Selection,
    from_key: float = 0.0,
    propensity: float | None = None,
) -> Assignment | None:
    values = values_of(reader=reader, project=project) | {
        "propensity": propensity,
        "audit": AUDIT,
        "audit_words": json.dumps(AUDIT_WORDS),
        "selection": selection.value,
        "from_key": from_key,
        "lease": timedelta(seconds=project.lease_seconds),
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            row: tuple[UUID] | None = cursor.fetchone()
    except IntegrityError:  # the same reader claimed in another tab at the same moment
        return live_assignment(reader=reader, project=project)
    if row is None:
        return None
    return Assignment.objects.select_related("case").get(pk=row[0])


def _countable(assignment: Assignment, active_seconds: float) -> float:
    """The clock is ours: no more seconds count than passed since the last heartbeat of any lease."""
    mine = Assignment.objects.filter(case=assignment.case_id, reader=assignment.reader_id)
    heard_at = mine.latest("heartbeat_at").heartbeat_at
    passed = max((timezone.now() - heard_at).total_seconds(), 0)
    return min(max(active_seconds, 0), passed)


def _count(assignment: Assignment, seconds: float) -> None:
    Annotation.objects.filter(case=assignment.case_id, reader=assignment.reader_id).update(
        active_seconds=F("active_seconds") + seconds
    )


def _renew(assignment: Assignment) -> bool:
    """Whether nobody has ended it: the slot of a lapsed lease is its reader's until then."""
    now = timezone.now()
    lease = timedelta(seconds=assignment.project.lease_seconds)
    renewed = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.ACTIVE).update(
        expires_at=now + lease, heartbeat_at=now
    )
    assignment.expires_at, assignment.heartbeat_at = now + lease, now
    return bool(renewed)


def _expire(assignment: Assignment) -> bool:
    """End a lapsed lease, unless it was renewed meanwhile."""
    return _end(assignment, AssignmentState.EXPIRED, expires_at__lte=timezone.now())


@transaction.atomic
def _end(assignment: Assignment, state: AssignmentState, **still: Any) -> bool:
    """End a live assignment for which `still` holds and free its slot, once; its case is locked first."""
    case = Case.objects.filter(pk=assignment.case_id)
    case.select_for_update(no_key=True).first()
    ended = Assignment.objects.filter(
        pk=assignment.pk, state=AssignmentState.ACTIVE, **still
    ).update(state=state, ended_at=timezone.now())
    if ended:
        case.update(free_slots=F("free_slots") + 1)
    return bool(ended)
