"""DICOM JSON for answers, joined from what ingest stored (PS3.18 Annex F)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from annotation.archive.models import Instance, Series, Study
from annotation.dicomweb import blinding

JsonDataset = dict[str, Any]
BULK_MARK = '"BulkDataURI": "bulkdata/'
# Metadata that is compressed ahead names bulk data below this, for the request's root to replace.
ROOT_PLACEHOLDER = "dicomweb:"


def text(vr: str, *values: Any) -> JsonDataset:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def study_dataset(study: Study, base_url: str) -> JsonDataset:
    """Study-level attributes with the derived ones (Table 10.6.3-3)."""
    return {
        **study.dicom_json,
        "00080056": text("CS", "ONLINE"),
        "00080061": text("CS", *study.modalities),
        "00081190": text("UR", study_url(base_url, study.study_instance_uid)),
        "00201206": text("IS", study.number_of_series),
        "00201208": text("IS", study.number_of_instances),
    }


def series_dataset(series: Series, base_url: str) -> JsonDataset:
    """Series-level attributes with the number of instances (Table 10.6.3-4)."""
    return {
        **series.dicom_json,
        "0020000D": text("UI", series.study.study_instance_uid),
        "00081190": text("UR", series_url(base_url, series)),
        "00201209": text("IS", series.number_of_instances),
    }


def instance_dataset(instance: Instance, base_url: str) -> JsonDataset:
    """What a search answers of an instance, from columns alone (Table 10.6.3-5)."""
    series = instance.series
    body = {
        "00080016": text("UI", instance.sop_class_uid),
        "00080018": text("UI", instance.sop_instance_uid),
        "00080056": text("CS", "ONLINE"),
        "00081190": text("UR", instance_url(base_url, instance)),
        "00083002": text("UI", instance.transfer_syntax_uid),
        "0020000D": text("UI", series.study.study_instance_uid),
        "0020000E": text("UI", series.series_instance_uid),
    }
    image = (
        ("00200013", "IS", instance.instance_number),
        ("00280008", "IS", instance.number_of_frames or None),
        ("00280010", "US", instance.rows),
        ("00280011", "US", instance.columns),
        ("00280100", "US", instance.bits_allocated),
    )
    return {**body, **{tag: text(vr, value) for tag, vr, value in image if value is not None}}


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


def blinded_metadata_pieces(instances: Any, base_url: str) -> Iterator[str]:
    """The same without what names the patient."""
    for piece in metadata_pieces(instances, base_url):
        yield piece if piece in ("]", "[]") else piece[0] + _blinded(piece[1:])


def blinded_text(metadata: str) -> str:
    """A JSON array of datasets without what names the patient."""
    datasets = [blinding.without_patient(dataset) for dataset in json.loads(metadata)]
    return json.dumps(datasets, ensure_ascii=False)  # spaced as PostgreSQL does: see BULK_MARK


def _blinded(dataset: str) -> str:
    return json.dumps(blinding.without_patient(json.loads(dataset)), ensure_ascii=False)


def join_for_preparation(series: Series) -> tuple[str, bool]:
    """A series' metadata for any root, and whether it names bulk data."""
    ordered = series.instances.order_by("instance_number", "sop_instance_uid")
    joined = "".join(metadata_pieces(ordered, ROOT_PLACEHOLDER))
    return joined, f'"BulkDataURI": "{ROOT_PLACEHOLDER}/' in joined


def with_bulk_urls(prepared: str, base_url: str) -> str:
    """Metadata that was joined for ROOT_PLACEHOLDER, with the addresses of this request."""
    return prepared.replace(f'"BulkDataURI": "{ROOT_PLACEHOLDER}/', f'"BulkDataURI": "{base_url}/')


def study_url(base_url: str, study_uid: str) -> str:
    return f"{base_url}/studies/{study_uid}"


def series_url(base_url: str, series: Series) -> str:
    return f"{study_url(base_url, series.study.study_instance_uid)}/series/{series.series_instance_uid}"


def instance_url(base_url: str, instance: Instance) -> str:
    return f"{series_url(base_url, instance.series)}/instances/{instance.sop_instance_uid}"


def dumps(datasets: Iterable[JsonDataset]) -> bytes:
    return json.dumps(list(datasets), ensure_ascii=False, separators=(",", ":")).encode()
