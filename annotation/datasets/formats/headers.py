"""Stored instances as pydicom datasets without pixels, made of the JSON that the sandbox wrote."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from annotation.archive.models import Instance
from annotation.imaging.geometry import PER_FRAME, SHARED, Plane, affine_of

Json = dict[str, Any]
TYPE_2 = {
    "PatientName": "PN", "PatientID": "LO", "PatientBirthDate": "DA", "PatientSex": "CS",
    "StudyDate": "DA", "StudyTime": "TM", "AccessionNumber": "SH", "StudyID": "SH",
    "ReferringPhysicianName": "PN",
}  # fmt: skip


def header_of(instance: Instance, planes: Sequence[Plane] = ()) -> Dataset:
    """What was parsed once is not parsed again: no file is opened. Raises ValueError.

    Of a multi-frame object's functional groups those that say where its frames lie are kept, in
    one way for all vendors; `planes` are those of all its frames.

    Attributes that may be empty and are missing are empty here: objects made of it must have them.
    """
    empty = {f"{tag_for_keyword(name):08X}": {"vr": vr} for name, vr in TYPE_2.items()}
    try:
        plain = {t: e for t, e in instance.dicom_json.items() if t not in (SHARED, PER_FRAME)}
        header = Dataset.from_json({**empty, **_without_bulk(plain)})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the header of {instance.sop_instance_uid}: {error}") from None
    if instance.number_of_frames > 1 and planes:
        _add_groups(header, planes)
    return header


def _add_groups(header: Dataset, planes: Sequence[Plane]) -> None:
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = list(planes[0].spacing_mm)
    measures.SliceThickness = float(np.linalg.norm(affine_of(planes)[:3, 2]))
    orientation.ImageOrientationPatient = list(planes[0].orientation)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    header.SharedFunctionalGroupsSequence = [shared]
    header.PerFrameFunctionalGroupsSequence = [_at(plane.position) for plane in planes]


def _at(place: tuple[float, ...]) -> Dataset:
    group, position = Dataset(), Dataset()
    position.ImagePositionPatient = list(place)
    group.PlanePositionSequence = [position]
    return group


def _without_bulk(dataset: Json) -> Json:
    """Without binary values that lie elsewhere and without private elements."""
    kept: Json = {}
    for tag, element in dataset.items():
        if "BulkDataURI" in element or int(tag[:4], 16) % 2:
            continue
        if element["vr"] == "SQ" and "Value" in element:
            element = {**element, "Value": [_without_bulk(i or {}) for i in element["Value"]]}
        kept[tag] = element
    return kept
