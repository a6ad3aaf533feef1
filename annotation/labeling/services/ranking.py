"""Takes a ranking from the learning engine and makes it the order of the worklist."""

import json
from collections.abc import Mapping, Sequence
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
    ranking_id = CASE WHEN c.front > 0 THEN c.ranking_id ELSE %(ranking)s END
FROM unnest(%(cases)s::uuid[], %(priorities)s::float8[], %(reasons)s::text[],
            %(words)s::jsonb[])
     AS r(case_id, priority, reason, words)
WHERE c.id = r.case_id AND c.project_id = %(project)s
"""
# What is not ranked (an image that cannot be used) must not keep the place that another ranking gave it.
UNRANK = """
UPDATE labeling_case
SET priority = 0, priority_reason = '', priority_words = '{}', ranking_id = NULL
WHERE project_id = %(project)s AND state = 'open' AND front = 0 AND ranking_id <> %(ranking)s
"""

RETIRE_FRONT = """
UPDATE labeling_case SET front = 0
WHERE project_id = %(project)s AND front > 0 AND NOT id = any(%(cases)s::uuid[])
"""
PUBLISH_FRONT = """
UPDATE labeling_case c
SET front = cardinality(%(cases)s::uuid[]) + 1 - r.place, priority_reason = r.reason,
    priority_words = r.words, ranking_id = %(ranking)s
FROM unnest(%(cases)s::uuid[], %(reasons)s::text[], %(words)s::jsonb[])
     WITH ORDINALITY AS r(case_id, reason, words, place)
WHERE c.id = r.case_id AND c.project_id = %(project)s
"""


@dataclass(frozen=True)
class Ranked:
    """One case's place: the higher the priority, the sooner it is labeled.

    `words` say the reason in no language, for screens: {"code": ..., and its values}.
    """

    case_id: UUID
    priority: float
    reason: str
    words: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def publish_ranking(*, project: Project, ranking_id: UUID, ranked: Sequence[Ranked]) -> int:
    """Give these cases their places in the worklist at once; others keep theirs.

    A claim sees the old order or the new, never half. Cases that a reader holds keep their lease, and the
    front stays in front of the others. Returns how many cases were ranked.
    """
    return _run(project, LOCK_THESE, PUBLISH, _values(project, ranking_id, ranked))


@transaction.atomic
def replace_ranking(*, project: Project, ranking_id: UUID, ranked: Sequence[Ranked]) -> int:
    """Replace the order of the whole worklist; returns how many cases were ranked.

    What it leaves out, such as an image that cannot be used, loses the place that another ranking gave
    it and comes last; the front stays.
    """
    values = _values(project, ranking_id, ranked)
    count = _run(project, LOCK_RANKED, PUBLISH, values)
    with connection.cursor() as cursor:
        cursor.execute(UNRANK, values)
    return count


@transaction.atomic
def publish_front(
    *,
    project: Project,
    ranking_id: UUID,
    cases: Sequence[UUID],
    reasons: Sequence[str],
    words: Sequence[Mapping[str, Any]],
) -> int:
    """Put these cases, best first, before all others; the former front falls back to its rank.

    Costs as much as the front is long, however many cases the project has. Returns how many cases
    are in front now.
    """
    values: dict[str, Any] = {
        "ranking": ranking_id,
        "project": project.pk,
        "cases": list(cases),
        "reasons": [reason[:200] for reason in reasons],
        "words": [json.dumps(one) for one in words],
    }
    _run(project, LOCK_FRONT, RETIRE_FRONT, values)
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH_FRONT, values)
        return int(cursor.rowcount)


def _values(project: Project, ranking_id: UUID, ranked: Sequence[Ranked]) -> dict[str, Any]:
    return {
        "ranking": ranking_id,
        "project": project.pk,
        "cases": [r.case_id for r in ranked],
        "priorities": [r.priority for r in ranked],
        "reasons": [r.reason[:200] for r in ranked],
        "words": [json.dumps(r.words) for r in ranked],
    }


def _run(project: Project, lock: str, statement: str, values: dict[str, Any]) -> int:
    """Lock the cases, then change them; returns how many. One ranking of a project after the other:
    which cases have a place must not change between the two.
    """
    advisory_lock_until_commit(f"ranking {project.pk}")
    with connection.cursor() as cursor:
        cursor.execute(lock, values)
        cursor.execute(statement, values)
        return int(cursor.rowcount)
