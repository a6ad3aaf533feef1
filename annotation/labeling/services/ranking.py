"""Takes a ranking from the learning engine and makes it the order of the worklist."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from annotation.labeling.models import Project

PUBLISH = """
UPDATE labeling_case c
SET priority = r.priority, priority_reason = r.reason, ranking_id = %(ranking)s
FROM unnest(%(cases)s::uuid[], %(priorities)s::float8[], %(reasons)s::text[])
     AS r(case_id, priority, reason)
WHERE c.id = r.case_id AND c.project_id = %(project)s
"""


@dataclass(frozen=True)
class Ranked:
    """One case's place: the higher the priority, the sooner it is labeled."""

    case_id: UUID
    priority: float
    reason: str


@transaction.atomic
def publish_ranking(*, project: Project, ranking_id: UUID, ranked: Sequence[Ranked]) -> int:
    """Replace the order of the worklist at once: a claim sees the old order or the new, never half.

    Cases that a reader holds keep their lease; returns how many cases were ranked.
    """
    values: dict[str, Any] = {
        "ranking": ranking_id,
        "project": project.pk,
        "cases": [r.case_id for r in ranked],
        "priorities": [r.priority for r in ranked],
        "reasons": [r.reason[:200] for r in ranked],
    }
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH, values)
        return int(cursor.rowcount)
