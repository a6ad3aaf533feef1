"""Writes DICOM segmentations and TID 1500 reports with highdicom; the only module that knows it.

The sources are given as datasets without pixels; what is made has identifiers and times that follow
from its content, so that it is the same bytes each time.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import highdicom
import numpy as np
from highdicom.sr import (
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForRegion,
    TrackingIdentifier,
)
from numpy.typing import NDArray
from pydicom import DataElement, Dataset
from pydicom.sr.codedict import codes

from annotation.imaging.conversion import derived_uid
from annotation.imaging.geometry import Plane, affine_of

MANUFACTURER, MODEL, VERSION, SERIAL = "Firstread", "Firstread", "1", "1"
PRIVATE_SCHEME = "99FIRSTREAD"
GENERATED = "1.2.826.0.1.3680043.10.511.3."  # highdicom's root for UIDs drawn at random
MAX_CODE, MAX_MEANING, MAX_LABEL = 16, 64, 64
SERIES_NUMBER = 9000
PROCEDURE = CodedConcept("18748-4", "LN", "Diagnostic imaging study")
TISSUE = codes.SCT.Tissue
Names = tuple[str, str, str]  # code value, scheme, meaning


@dataclass(frozen=True)
class Labeled:
    """A segment to write; without a code its meaning is its label."""

    value: int
    label: str
    code: Names | None


@dataclass(frozen=True)
class Quantity:
    """A number with its name and UCUM unit."""

    name: Names
    value: float
    unit: Names


@dataclass(frozen=True)
class Finding:
    """One measurement group: a region on a frame, or the whole study where there is none."""

    identifier: str
    finding: Names | None
    evaluations: tuple[tuple[Names, Names], ...]
    quantities: tuple[Quantity, ...]
    graphic_type: str = ""  # POINT, POLYLINE or ELLIPSE
    points: NDArray[np.float64] | None = None  # (n, 2) column and row from the image's corner
    source: Dataset | None = None
    frame: int = 1


def private_code(value: str, meaning: str) -> Names:
    """A code of our own, where the label schema names none."""
    return value[:MAX_CODE], PRIVATE_SCHEME, meaning[:MAX_MEANING]


def segmentation(
    sources: Sequence[Dataset],
    labels: NDArray[np.uint8],
    segments: Sequence[Labeled],
    *,
    key: str,
    title: str,
    made_at: datetime,
    planes: Sequence[Plane] = (),
) -> bytes:
    """A binary segmentation of (frames, rows, columns) labels; sources are one multi-frame object
    or one object a frame, planes those of its frames where they have a place in the patient.

    Raises ValueError where the standard does not allow it.
    """
    described = [_described(number, segment, key) for number, segment in enumerate(segments, 1)]
    numbered = np.zeros(256, np.uint8)
    for number, segment in enumerate(segments, 1):
        numbered[segment.value] = number
    try:
        made = highdicom.seg.Segmentation(
            source_images=list(sources),
            pixel_array=numbered[labels],
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=described,
            content_description=title[:MAX_LABEL],
            content_label="SEGMENTATION",
            **_geometry(planes),
            **_identity(key, device=True),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the source images lack what a segmentation needs: {error}") from None
    return _finished(made, sources, key, made_at)


def report(
    evidence: Sequence[Dataset], findings: Sequence[Finding], *, key: str, made_at: datetime
) -> bytes:
    """A TID 1500 measurement report. Raises ValueError where the standard does not allow it."""
    observer = ObserverContext(
        codes.DCM.Device,
        DeviceObserverIdentifyingAttributes(uid=derived_uid(key, "device"), name=MANUFACTURER),
    )
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=PROCEDURE,
        imaging_measurements=[_group(finding, key) for finding in findings],
        title=codes.DCM.ImagingMeasurementReport,
    )
    try:
        made = ComprehensiveSR(
            evidence=list(evidence),
            content=content,
            is_complete=True,
            is_final=True,
            **_identity(key, device=False),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the source images lack what a report needs: {error}") from None
    return _finished(made, evidence, key, made_at)


def _identity(key: str, *, device: bool) -> dict[str, Any]:
    named = {
        "series_instance_uid": derived_uid(key, "series"),
        "series_number": SERIES_NUMBER,
        "sop_instance_uid": derived_uid(key, "instance"),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
    }
    if not device:
        return named
    return {
        **named, "manufacturer_model_name": MODEL, "software_versions": VERSION,
        "device_serial_number": SERIAL,
    }  # fmt: skip


def _geometry(planes: Sequence[Plane]) -> dict[str, Any]:
    """Where the frames lie, said outright: multi-frame objects keep it in several ways."""
    if not planes:
        return {}
    thickness = float(np.linalg.norm(affine_of(planes)[:3, 2]))
    return {
        "pixel_measures": highdicom.PixelMeasuresSequence(
            pixel_spacing=planes[0].spacing_mm, slice_thickness=thickness
        ),
        "plane_orientation": highdicom.PlaneOrientationSequence("PATIENT", planes[0].orientation),
        "plane_positions": [
            highdicom.PlanePositionSequence("PATIENT", plane.position) for plane in planes
        ],
    }


def _described(number: int, segment: Labeled, key: str) -> Any:
    code = segment.code or private_code(f"segment-{segment.value}", segment.label)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.label[:MAX_LABEL],
        segmented_property_category=TISSUE,
        segmented_property_type=_coded(code),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=derived_uid(key, "segment", segment.value),
        tracking_id=f"segment {segment.value}",
    )


def _group(finding: Finding, key: str) -> Any:
    common: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(
            uid=derived_uid(key, finding.identifier), identifier=finding.identifier
        ),
        "finding_type": _coded(finding.finding) if finding.finding else None,
        "measurements": [
            Measurement(name=_coded(q.name), value=q.value, unit=_coded(q.unit))
            for q in finding.quantities
        ],
        "qualitative_evaluations": [
            QualitativeEvaluation(name=_coded(name), value=_coded(value))
            for name, value in finding.evaluations
        ],
    }
    if finding.source is None or finding.points is None:
        return MeasurementsAndQualitativeEvaluations(**common)
    region = ImageRegion(
        graphic_type=finding.graphic_type,
        graphic_data=finding.points,
        source_image=SourceImageForRegion(
            finding.source.SOPClassUID,
            finding.source.SOPInstanceUID,
            [finding.frame] if "NumberOfFrames" in finding.source else None,
        ),
    )
    return PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **common)


def _coded(names: Names) -> CodedConcept:
    return CodedConcept(*names)


def _finished(made: Dataset, sources: Sequence[Dataset], key: str, made_at: datetime) -> bytes:
    """The file, with the dataset's time, and with derived UIDs for those drawn at random."""
    given = {str(element.value) for source in sources for element in _generated_uids(source)}
    derived: dict[str, str] = {}
    for element in _generated_uids(made):
        uid = str(element.value)
        if uid not in given:
            element.value = derived.setdefault(uid, derived_uid(key, "generated", len(derived)))
    made.ContentDate = made.InstanceCreationDate = made_at.strftime("%Y%m%d")
    made.ContentTime = made.InstanceCreationTime = made_at.strftime("%H%M%S")
    for equipment in made.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = made_at.strftime("%Y%m%d%H%M%S")
    out = io.BytesIO()
    made.save_as(out)
    return out.getvalue()


def _generated_uids(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset.iterall():
        if element.VR == "UI" and str(element.value).startswith(GENERATED):
            yield element
