"""Which cases a model version is known to be unable to use."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.db.models import F, Func, QuerySet, UUIDField
from django.db.models.functions import Cast

from annotation.core.rows import fetch_all
from learning.models import ModelVersion, Scoring

OUTDATED = """
SELECT scoring.id, one.id
FROM learning_scoring scoring
CROSS JOIN LATERAL jsonb_object_keys(scoring.excluded) excluded (id)
JOIN labeling_case one ON one.id = excluded.id::uuid
WHERE scoring.model_version_id = %(version)s AND EXISTS (
  SELECT FROM archive_series series
  JOIN archive_seriespreparation preparation ON preparation.series_id = series.id
  WHERE series.study_id = one.study_id AND preparation.changed_at > scoring.started_at
)
"""


def unusable_cases(version: ModelVersion) -> QuerySet[Any, Any]:
    """Their ids, for a query: a project may hold 100,000 cases."""
    keys = Cast(Func(F("excluded"), function="jsonb_object_keys"), UUIDField())
    return version.scorings.annotate(case=keys).values("case")


def forget_outdated(version: ModelVersion) -> None:
    """A case of which more has come since the look began may be usable now: it is looked at again."""
    outdated: dict[UUID, set[str]] = defaultdict(set)
    for scoring, case in fetch_all(OUTDATED, {"version": version.pk}):
        outdated[scoring].add(str(case))
    for scoring in Scoring.objects.filter(pk__in=outdated):
        gone = outdated[scoring.pk]
        scoring.excluded = {case: why for case, why in scoring.excluded.items() if case not in gone}
        scoring.save(update_fields=["excluded"])
