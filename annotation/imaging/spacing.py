"""How large a pixel is that is measured on, and how that is known (PS3.3 10.7.1.3): as the viewer has it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from annotation.imaging.geometry import spacing_of_frame

Json = dict[str, Any]
Source = Literal["calibrated", "patient", "detector"]
SPACING, IMAGER, CALIBRATION, ASPECT = "00280030", "00181164", "00280A02", "00280034"
MAGNIFICATION, TO_DETECTOR, TO_PATIENT, TO_ENTRANCE = "00181114", "00181110", "00181111", "00400306"
SOP_CLASS, ORIENTATION, SHARED = "00080016", "00200037", "52009229"
# CR, DX, mammography, intraoral, XA, RF and enhanced ones: a shadow on a detector.
PROJECTIONS = re.compile(
    r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(1|1\.[123]|1\.[123]\.1|12\.[123]|12\.[12]\.1)(\.1)?"
)
US_REGIONS = "00186011"
US_X0, US_Y0, US_X1, US_Y1 = "00186018", "0018601A", "0018601C", "0018601E"
US_DELTA_X, US_DELTA_Y = "0018602C", "0018602E"
# A two-dimensional image (PS3.3 C.8.5.5.1.1) whose axes are in cm.
US_SPATIAL = {"00186012": 1, "00186024": 3, "00186026": 3}
MM_PER_CM = 10.0


@dataclass(frozen=True)
class Spacing:
    source: Source
    row_mm: float  # between rows
    column_mm: float  # between columns


def spacing_between(
    dicom_json: Json, frame: int, pixels: Sequence[Sequence[float]]
) -> Spacing | None:
    """What to measure with between (column, row) places of a frame; None where there is no scale.

    Ultrasound has scales by place: all places must lie where the same one holds.
    """
    if dicom_json.get(US_REGIONS, {}).get("Value"):
        found = {_ultrasound(dicom_json, x, y) for x, y in pixels}
        return found.pop() if len(found) == 1 else None
    if is_projection(dicom_json):
        return _projection(dicom_json, frame)
    stored = spacing_of_frame(dicom_json, frame)
    if stored is None:
        return None
    if (
        not _numbers(dicom_json, SPACING)
        and SHARED not in dicom_json
        and _numbers(dicom_json, IMAGER)
    ):
        return Spacing("detector", *stored)
    has_place = len(_numbers(dicom_json, ORIENTATION)) == 6 or SHARED in dicom_json
    is_calibrated = bool(_texts(dicom_json, CALIBRATION)) or not has_place
    return Spacing("calibrated" if is_calibrated else "patient", *stored)


def pixel_shape(dicom_json: Json) -> tuple[float, float]:
    """Height and width of a pixel in proportion, whatever its size; square where nothing is told.

    PS3.3 C.7.6.3.1.7.
    """
    return _pair(_numbers(dicom_json, SPACING)) or _pair(_numbers(dicom_json, ASPECT)) or (1.0, 1.0)


def is_projection(dicom_json: Json) -> bool:
    """Whether the pixels are a shadow on a detector, larger than the body."""
    return any(PROJECTIONS.fullmatch(uid) for uid in _texts(dicom_json, SOP_CLASS)[:1])


def _projection(dicom_json: Json, frame: int) -> Spacing | None:
    """Corrected to the body, or only known at the detector."""
    stored, imager = _pair(_numbers(dicom_json, SPACING)), _pair(_numbers(dicom_json, IMAGER))
    if stored is None and SHARED in dicom_json:
        stored = spacing_of_frame(dicom_json, frame)
    if stored and any(v in ("GEOMETRY", "FIDUCIAL") for v in _texts(dicom_json, CALIBRATION)):
        return Spacing("calibrated", *stored)
    if imager is None:
        return Spacing("detector", *stored) if stored else None
    factor = _magnification(dicom_json)
    if factor > 1:
        return Spacing("calibrated", imager[0] / factor, imager[1] / factor)
    if stored and stored[0] < imager[0]:
        return Spacing("calibrated", *stored)
    return Spacing("detector", *(stored or imager))


def _magnification(dicom_json: Json) -> float:
    """Estimated by the machine, or from its distances; 1 where nothing is known."""
    estimated = _number(dicom_json, MAGNIFICATION)
    if estimated > 1:
        return estimated
    to_detector = _number(dicom_json, TO_DETECTOR)
    to_patient = _number(dicom_json, TO_PATIENT) or _number(dicom_json, TO_ENTRANCE)
    return to_detector / to_patient if 0 < to_patient < to_detector else 1.0


def _ultrasound(dicom_json: Json, x: float, y: float) -> Spacing | None:
    for region in dicom_json[US_REGIONS]["Value"]:
        is_spatial = all(_number(region, tag) == value for tag, value in US_SPATIAL.items())
        inside = _number(region, US_X0) <= x <= _number(region, US_X1) and _number(
            region, US_Y0
        ) <= y <= _number(region, US_Y1)
        if not (is_spatial and inside):
            continue
        row, column = abs(_number(region, US_DELTA_Y)), abs(_number(region, US_DELTA_X))
        return (
            Spacing("calibrated", row * MM_PER_CM, column * MM_PER_CM) if row and column else None
        )
    return None


def _pair(values: list[float]) -> tuple[float, float] | None:
    return (values[0], values[1]) if len(values) == 2 and min(values) > 0 else None


def _number(dataset: Json, tag: str) -> float:
    return (_numbers(dataset, tag) or [0.0])[0]


def _numbers(dataset: Json, tag: str) -> list[float]:
    values = dataset.get(tag, {}).get("Value") or []
    return [float(v) for v in values] if all(isinstance(v, int | float) for v in values) else []


def _texts(dataset: Json, tag: str) -> list[str]:
    return [v for v in dataset.get(tag, {}).get("Value") or [] if isinstance(v, str) and v]
