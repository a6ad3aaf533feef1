"""Which cases a model version is known to be unable to use."""

from typing import Any

from django.db.models import F, Func, QuerySet, UUIDField
from django.db.models.functions import Cast

from learning.models import ModelVersion


def unusable_cases(version: ModelVersion) -> QuerySet[Any, Any]:
    """Their ids, for a query: a project may hold 100,000 cases."""
    keys = Cast(Func(F("excluded"), function="jsonb_object_keys"), UUIDField())
    return version.scorings.annotate(case=keys).values("case")
