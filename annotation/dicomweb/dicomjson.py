"""DICOM JSON for answers, joined from what ingest stored (PS3.18 Annex F)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, TextField
from django.db.models.functions import Cast

from annotation.archive.models import Instance, Series, Study

JsonDataset = dict[str, Any]
BULK_MARK = '"BulkDataURI": "bulkdata/'
INSTANCE_TAGS = ("00080016", "00080018", "00200013", "00280008", "00280010", "00280011", "00280100")


def text(vr: str, *values: Any) -> JsonDataset:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def study_datasets(studies: list[Study], base_url: str) -> list[JsonDataset]:
    """Study-level attributes with the derived ones, in two queries for the whole page."""
    ids = [s.pk for s in studies]
    counts: dict[Any, Any] = {
        row["study"]: row
        for row in Series.objects.filter(study__in=ids)
        .values("study")
        .annotate(
            series_count=Count("pk", distinct=True),
            instance_count=Count("instances"),
            modalities=ArrayAgg("modality", distinct=True),
        )
    }
    return [_study(study, counts.get(study.pk), base_url) for study in studies]


def _study(study: Study, counts: dict[str, Any] | None, base_url: str) -> JsonDataset:
    derived = counts or {"series_count": 0, "instance_count": 0, "modalities": []}
    return {
        **study.dicom_json,
        "00080061": text("CS", *(m for m in derived["modalities"] if m)),
        "00081190": text("UR", study_url(base_url, study.study_instance_uid)),
        "00201206": text("IS", derived["series_count"]),
        "00201208": text("IS", derived["instance_count"]),
    }


def series_datasets(series: list[Series], base_url: str) -> list[JsonDataset]:
    """Series-level attributes with the number of instances."""
    counts = dict(
        Instance.objects.filter(series__in=[s.pk for s in series])
        .values_list("series")
        .annotate(n=Count("pk"))
    )
    return [
        {
            **row.dicom_json,
            "0020000D": text("UI", row.study.study_instance_uid),
            "00081190": text("UR", series_url(base_url, row)),
            "00201209": text("IS", counts.get(row.pk, 0)),
        }
        for row in series
    ]


def instance_datasets(instances: list[Instance], base_url: str) -> list[JsonDataset]:
    """The attributes that a search for instances returns."""
    return [
        {
            **{t: row.dicom_json[t] for t in INSTANCE_TAGS if t in row.dicom_json},
            "0020000D": text("UI", row.series.study.study_instance_uid),
            "0020000E": text("UI", row.series.series_instance_uid),
            "00081190": text("UR", instance_url(base_url, row)),
        }
        for row in instances
    ]


def metadata_pieces(instances: Any, base_url: str) -> Iterator[str]:
    """The metadata of many instances as one JSON array, joined as text and never parsed here."""
    rows = instances.annotate(raw=Cast("dicom_json", TextField())).values_list(
        "raw",
        "sop_instance_uid",
        "series__series_instance_uid",
        "series__study__study_instance_uid",
    )
    separator = "["
    for raw, instance, series, study in rows.iterator(chunk_size=500):
        url = f"{study_url(base_url, study)}/series/{series}/instances/{instance}"
        yield separator + raw.replace(BULK_MARK, f'"BulkDataURI": "{url}/bulkdata/')
        separator = ","
    yield "]" if separator == "," else "[]"


def study_url(base_url: str, study_uid: str) -> str:
    return f"{base_url}/studies/{study_uid}"


def series_url(base_url: str, series: Series) -> str:
    return f"{study_url(base_url, series.study.study_instance_uid)}/series/{series.series_instance_uid}"


def instance_url(base_url: str, instance: Instance) -> str:
    return f"{series_url(base_url, instance.series)}/instances/{instance.sop_instance_uid}"


def dumps(datasets: Iterable[JsonDataset]) -> bytes:
    return json.dumps(list(datasets), ensure_ascii=False, separators=(",", ":")).encode()
