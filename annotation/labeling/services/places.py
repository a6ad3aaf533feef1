"""Whether what an annotation's content names lies in its study: one query, or none."""

from typing import Any
from uuid import UUID

from django.db.models import CharField, IntegerField, Value

from annotation.archive.models import Instance, Series
from annotation.labeling.schemas import Places, places_in

ABSENT = "is not of this study"


def foreign_places(*, study_id: UUID, content: dict[str, Any]) -> dict[str, str]:
    """Problems by path with the instances, frames, series and grids that valid content names."""
    return problems_of_places(study_id=study_id, places=places_in(content))


def problems_of_places(*, study_id: UUID, places: Places) -> dict[str, str]:
    """Problems by path with places that are not in the study."""
    if not places.instances and not places.series:
        return {}
    instances: dict[str, tuple[str, int, int | None, int | None]] = {}
    series: set[str] = set()
    for uid, series_uid, *size in _rows(study_id, places):
        series.add(series_uid)
        if uid:
            instances[uid] = (series_uid, *size)
    problems = {
        path: ABSENT for uid, paths in places.series.items() if uid not in series for path in paths
    }
    for uid, named in places.instances.items():
        frames = instances[uid][1] if uid in instances else 0
        for path, frame in named:
            if frame > frames:
                problems[path] = f"has no frame {frame}" if frames else ABSENT
    for path, uid, series_uid, rows, columns in places.grids:
        found = instances.get(uid)
        if found is not None and found != (series_uid, found[1], rows, columns):
            problems.setdefault(path, f"is no image of {rows} x {columns} of this series")
    return problems


def _rows(study_id: UUID, places: Places) -> Any:
    """SOP Instance UID (empty for a series alone), series, frames, rows and columns."""
    instances = Instance.objects.filter(
        series__study=study_id, sop_instance_uid__in=places.instances
    ).values_list(
        "sop_instance_uid", "series__series_instance_uid", "number_of_frames", "rows", "columns"
    )
    none = Value(0, output_field=IntegerField())
    series = Series.objects.filter(
        study=study_id, series_instance_uid__in=places.series
    ).values_list(Value("", output_field=CharField()), "series_instance_uid", none, none, none)
    return instances.union(series, all=True)
