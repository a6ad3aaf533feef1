"""Which fields a list may be filtered by; anything else is refused."""

from typing import Any

from django.http import QueryDict
from django_filters import rest_framework as filters

from annotation.core.errors import InvalidInput
from annotation.labeling.models import Case, Mark

PAGING = {"page", "page_size"}


class StrictFilterSet(filters.FilterSet):  # type: ignore[misc]
    """Refuses unknown query parameters, so that a typing mistake never returns everything."""

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        if isinstance(data, QueryDict):
            unknown = sorted(set(data) - set(self.filters) - PAGING)
            if unknown:
                raise InvalidInput("Unknown filter.", field=unknown[0])


class CaseFilter(StrictFilterSet):
    patient_id = filters.CharFilter(field_name="study__patient_id")

    class Meta:
        model = Case
        fields = ["state", "patient_id"]


class MarkFilter(StrictFilterSet):
    is_resolved = filters.BooleanFilter(
        field_name="resolved_at", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = Mark
        fields = ["kind", "reader", "case"]
