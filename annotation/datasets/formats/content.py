"""Every read with all that its reader said and drew, in patient coordinates, as one JSON file."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from annotation.archive.models import Instance
from annotation.datasets.formats.base import Read, Report, identity_of, reads_of, unknown_options
from annotation.datasets.formats.label_maps import label_volumes_of
from annotation.datasets.formats.nifti import mask_name
from annotation.datasets.models import Dataset
from annotation.imaging.geometry import Plane, plane_of_frame
from annotation.imaging.measures import measures_of
from annotation.imaging.spacing import is_projection, pixel_shape, spacing_between

Json = dict[str, Any]


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """Streams read by read; `masks` name the files of the NIfTI export."""
    head = {**identity_of(dataset), "schemas": _schemas(dataset)}
    file.write(json.dumps(head, ensure_ascii=False)[:-1].encode() + b',\n"reads": [')
    for place, read in enumerate(reads_of(dataset, report)):
        body = json.dumps(_body(read), ensure_ascii=False).encode()
        file.write((b"," if place else b"") + b"\n" + body)
    file.write(b"]}\n")


def regions_in_patient(read: Read) -> list[Json]:
    """The regions with `points` in LPS mm and `measures`, wherever the image has a place."""
    regions = read.content.get("regions", [])
    headers = _headers(read, {region["sop_instance_uid"] for region in regions})
    return [_in_patient(region, headers.get(region["sop_instance_uid"], {})) for region in regions]


def _schemas(dataset: Dataset) -> Json:
    """The label schemas that the reads answered, by version."""
    versions = dataset.project.schemas.filter(version__lte=dataset.schema.version)
    return {str(one.version): one.definition for one in versions.order_by("version")}


def _body(read: Read) -> Json:
    item = read.item
    return {
        "case": str(item.case_id),
        "study_instance_uid": item.case.study.study_instance_uid,
        "patient": item.patient_key,
        "split": item.split,
        "read": read.number,
        "revision": str(read.revision.pk),
        "sha256": read.revision.sha256,
        "schema": read.revision.schema.version,
        "active_seconds": read.revision.active_seconds,
        "agreed_answers": item.answers,
        **unknown_options(item),
        "asked_slices": read.revision.asked,
        "content": {**read.content, "regions": regions_in_patient(read)},
        "mask_files": [mask_name(volume) for volume in label_volumes_of(read)],
    }


def _headers(read: Read, uids: set[str]) -> Mapping[str, Json]:
    study = read.item.case.study_id
    found = Instance.objects.filter(series__study_id=study, sop_instance_uid__in=uids)
    return dict(found.values_list("sop_instance_uid", "dicom_json"))


def _in_patient(region: Json, dicom_json: Json) -> Json:
    plane = plane_of_frame(dicom_json, region["frame"])
    points = region.get("points") or (plane.to_patient(region["pixels"]) if plane else None)
    return {**region, "points": points, "measures": _measures(region, points, dicom_json)}


def _measures(region: Json, points: Any, dicom_json: Json) -> Json:
    """In mm where the size of a pixel is known, with how it is known (`source`), else in pixels.

    What was drawn in the patient is measured there; on a detector and in ultrasound the pixels count.
    Angles need no size of pixels, but their shape.
    """
    kind, pixels = region["kind"], region["pixels"]
    spacing = spacing_between(dicom_json, region["frame"], pixels)
    if points is None or is_projection(dicom_json) or spacing is None:
        shape = pixel_shape(dicom_json) if kind == "angle" else (1.0, 1.0)
        sides = (spacing.row_mm, spacing.column_mm) if spacing else shape
        points = Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), sides).to_patient(pixels)
    found = {name: round(value, 6) for name, value in measures_of(kind, points).items()}
    if not found:
        return {}
    return {**found, "unit": "mm", "source": spacing.source} if spacing else {**found, "unit": "px"}
