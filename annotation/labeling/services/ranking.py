"""Takes a ranking from the learning engine and makes it the order of the worklist."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from annotation.core.locks import advisory_lock_until_commit
from annotation.labeling.models import Project

# Whoever changes several cases locks them in the order of their ids, so that no two wait for each other.
LOCK = """
SELECT count(*) FROM (
    SELECT 1 FROM labeling_case
    WHERE project_id = %(project)s AND (id = any(%(cases)s::uuid[]) {others})
    ORDER BY id FOR NO KEY UPDATE
) locked
"""
LOCK_THESE = LOCK.format(others="")
LOCK_RANKED = LOCK.format(others="OR (state = 'open' AND ranking_id IS NOT NULL)")
LOCK_FRONT = LOCK.format(others="OR front > 0")
PUBLISH = """
UPDATE labeling_case c
SET priority = r.priority,
    priority_reason = CASE WHEN c.front > 0 THEN c.priority_reason ELSE r.reason END,
    priority_words = CASE WHEN c.front > 0 THEN c.priority_words ELSE r.words END,
    ranking_id = CASE WHEN c.front > 0 THEN c.ranking_id ELSE r.ranking END
FROM unnest(%(cases)s::uuid[], %(priorities)s::float8[], %(reasons)s::text[],
            %(words)s::jsonb[], %(rankings)s::uuid[])
     AS r(case_id, priority, reason, words, ranking)
WHERE c.id = r.case_id AND c.project_id = %(project)s
    AND (c.priority < r.priority OR c.ranking_id IS NULL OR c.ranking_id <> all(%(beside)s::uuid[]))
"""
# What is not ranked (an image that cannot be used) must not keep the place that another ranking gave it.
UNRANK = """
UPDATE labeling_case
SET priority = 0, priority_reason = '', priority_words = '{}', ranking_id = NULL
WHERE project_id = %(project)s AND state = 'open' AND front = 0 AND ranking_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM unnest(%(cases)s::uuid[]) AS r(case_id) WHERE r.case_id = id)
"""

RETIRE_FRONT = """
UPDATE labeling_case SET front = 0
WHERE project_id = %(project)s AND front > 0 AND NOT id = any(%(cases)s::uuid[])
"""
PUBLISH_FRONT = """
UPDATE labeling_case c
SET front = cardinality(%(cases)s::uuid[]) + 1 - r.place, priority_reason = r.reason,
    priority_words = r.words, ranking_id = r.ranking
FROM unnest(%(cases)s::uuid[], %(reasons)s::text[], %(words)s::jsonb[], %(rankings)s::uuid[])
     WITH ORDINALITY AS r(case_id, reason, words, ranking, place)
WHERE c.id = r.case_id AND c.project_id = %(project)s
"""


@dataclass(frozen=True)
class Placed:
    """One case with a place, the ranking that gave it (None: no ranking did), and why.

    `words` say the reason in no language, for screens: {"code": ..., and its values}.
    """

    case_id: UUID
    ranking_id: UUID | None
    reason: str
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranked(Placed):
    """A place in the whole worklist: the higher the priority, from 0 to 1, the sooner it is labeled."""

    priority: float = 0.0


@transaction.atomic
def publish_ranking(
    *, project: Project, ranked: Sequence[Ranked], beside: Collection[UUID] = ()
) -> int:
    """Give these cases their places in the worklist at once; others keep theirs.

    A better place that one of the rankings `beside` gave stays. A claim sees the old order or the new,
    never half. Cases that a reader holds keep their lease, and the front stays in front of the others.
    Returns how many cases were ranked.
    """
    return _run(project, LOCK_THESE, PUBLISH, _values(project, ranked, beside))


@transaction.atomic
def replace_ranking(*, project: Project, ranked: Sequence[Ranked]) -> int:
    """Replace the order of the whole worklist; returns how many cases were ranked.

    What it leaves out, such as an image that cannot be used, loses the place that another ranking gave
    it and comes last; the front stays.
    """
    values = _values(project, ranked)
    count = _run(project, LOCK_RANKED, PUBLISH, values)
    with connection.cursor() as cursor:
        cursor.execute(UNRANK, values)
    return count


@transaction.atomic
def publish_front(*, project: Project, front: Sequence[Placed]) -> int:
    """Put these cases, best first, before all others; the former front falls back to its rank.

    Costs as much as the front is long, however many cases the project has. Returns how many cases
    are in front now.
    """
    values = _placed(project, front)
    _run(project, LOCK_FRONT, RETIRE_FRONT, values)
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH_FRONT, values)
        return int(cursor.rowcount)


def lock_order(project: Project) -> None:
    """Let nobody else change the worklist's order until the transaction ends.

    Which cases have a place must not change between a look at them and what follows from it.
    """
    advisory_lock_until_commit(f"ranking {project.pk}")


def _values(
    project: Project, ranked: Sequence[Ranked], beside: Collection[UUID] = ()
) -> dict[str, Any]:
    priorities = [r.priority for r in ranked]
    return _placed(project, ranked) | {"priorities": priorities, "beside": list(beside)}


def _placed(project: Project, placed: Sequence[Placed]) -> dict[str, Any]:
    return {
        "project": project.pk,
        "cases": [p.case_id for p in placed],
        "rankings": [p.ranking_id for p in placed],
        "reasons": [p.reason[:200] for p in placed],
        "words": [json.dumps(p.words) for p in placed],
    }


def _run(project: Project, lock: str, statement: str, values: dict[str, Any]) -> int:
    """Lock the cases, then change them; returns how many."""
    lock_order(project)
    with connection.cursor() as cursor:
        cursor.execute(lock, values)
        cursor.execute(statement, values)
        return int(cursor.rowcount)
