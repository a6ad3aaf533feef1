"""Takes a ranking from the learning engine and makes it the order of the worklist."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from annotation.labeling.models import Project

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
    """Replace the order of the worklist at once: a claim sees the old order or the new, never half.

    Cases that a reader holds keep their lease, and the front stays in front of the others. Returns
    how many cases were ranked.
    """
    values: dict[str, Any] = {
        "ranking": ranking_id,
        "project": project.pk,
        "cases": [r.case_id for r in ranked],
        "priorities": [r.priority for r in ranked],
        "reasons": [r.reason[:200] for r in ranked],
        "words": [json.dumps(r.words) for r in ranked],
    }
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH, values)
        return int(cursor.rowcount)


def unrank_others(*, project: Project, ranking_id: UUID) -> int:
    """Take away the places that other rankings gave; the front stays. Returns how many lost theirs.

    After a whole ranking: what it left out, such as an image that cannot be used, comes last.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNRANK, {"project": project.pk, "ranking": ranking_id})
        return int(cursor.rowcount)


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
    with connection.cursor() as cursor:
        cursor.execute(RETIRE_FRONT, values)
        cursor.execute(PUBLISH_FRONT, values)
        return int(cursor.rowcount)
