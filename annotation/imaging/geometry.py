"""Where frames lie in the patient, from the DICOM JSON of single- and multi-frame objects.

Patient coordinates are LPS mm. Pixel coordinates are (column, row); (0, 0) is the centre of the first pixel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.imaging.volume import SlicePlace, slice_normal

Affine = NDArray[np.float64]
Json = dict[str, Any]
SHARED, PER_FRAME = "52009229", "52009230"
# Functional groups that hold what single-frame objects have at the top (PS3.3 C.7.6.16).
POSITION, ORIENTATION, MEASURES, VALUES = "00209113", "00209116", "00289110", "00289145"
CONTENT, STACK_ID = "00209111", "00209056"
# Of a dose, whose frames are the planes of one grid (PS3.3 C.8.8.3).
GRID_OFFSETS, DOSE_SCALING = "3004000C", "3004000E"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAME = 1e-5  # as close as the viewer takes numbers for the same


@dataclass(frozen=True)
class Plane:
    """One frame's plane: its first pixel's centre, the directions of rows and columns, and sizes."""

    position: tuple[float, ...]  # 3, mm
    orientation: tuple[float, ...]  # 6 cosines: along a row, then down a column
    spacing_mm: tuple[float, float]  # between rows, between columns

    def to_patient(self, pixels: Sequence[Sequence[float]]) -> list[list[float]]:
        """LPS mm of (column, row) places (PS3.3 C.7.6.2.1.1)."""
        matrix = affine_of([self])
        return [[float(v) for v in matrix[:3] @ (x, y, 0.0, 1.0)] for x, y in pixels]


def plane_of_frame(dicom_json: Json, frame: int) -> Plane | None:
    """None where the frame has no place in the patient. `frame` counts from 1."""
    position = _position(dicom_json, frame)
    orientation = _numbers(dicom_json, frame, ORIENTATION, "00200037")
    spacing = _numbers(dicom_json, frame, MEASURES, "00280030")
    is_whole = (len(position), len(orientation), len(spacing)) == (3, 6, 2)
    if not is_whole or not min(spacing) > 0:
        return None
    return Plane(tuple(position), tuple(orientation), (spacing[0], spacing[1]))


def place_of_frame(dicom_json: Json, frame: int, key: str, number: int | None) -> SlicePlace:
    """Where the frame lies among others, for `volume.order_slices`. `frame` counts from 1."""
    position = _position(dicom_json, frame)
    orientation = _numbers(dicom_json, frame, ORIENTATION, "00200037")
    return SlicePlace(
        key,
        tuple(position) if len(position) == 3 else None,
        tuple(orientation) if len(orientation) == 6 else None,
        number,
        stack_of_frame(dicom_json, frame),
    )


def stack_of_frame(dicom_json: Json, frame: int) -> str:
    """The stack that the object puts the frame into; empty where it names none."""
    content = _item(_item(dicom_json, PER_FRAME, frame - 1), CONTENT, 0)
    values = content.get(STACK_ID, {}).get("Value") or [""]
    return str(values[0] or "")


def spacing_of_frame(dicom_json: Json, frame: int) -> tuple[float, float] | None:
    """mm between rows and between columns; at the detector where only that is known."""
    for tag in ("00280030", "00181164"):
        found = _numbers(dicom_json, frame, MEASURES, tag)
        if len(found) == 2 and min(found) > 0:
            return found[0], found[1]
    return None


def thickness_of_frame(dicom_json: Json, frame: int) -> float | None:
    """mm; None where the object does not say it as a number. `frame` counts from 1."""
    found = _numbers(dicom_json, frame, MEASURES, "00180050")
    return found[0] if found else None


def rescale_of_frame(dicom_json: Json, frame: int) -> tuple[float, float]:
    """Slope and intercept from stored values to modality values; of a dose to its own unit."""
    if scaling := _told(dicom_json, DOSE_SCALING):
        return scaling[0], 0.0
    slope = _numbers(dicom_json, frame, VALUES, "00281053")
    intercept = _numbers(dicom_json, frame, VALUES, "00281052")
    return (slope or [1.0])[0], (intercept or [0.0])[0]


def affine_of(planes: Sequence[Plane]) -> Affine:
    """(4, 4) from (column, row, slice) indices to LPS mm, of planes in slice order.

    The step between slices is that from the first to the last, so a tilted gantry is kept; one
    plane alone is 1 mm thick.
    """
    first, last = planes[0], planes[-1]
    directions = np.asarray(first.orientation, np.float64)
    affine = np.eye(4)
    affine[:3, 0] = directions[:3] * first.spacing_mm[1]
    affine[:3, 1] = directions[3:] * first.spacing_mm[0]
    affine[:3, 2] = slice_normal(directions)
    if len(planes) > 1:
        affine[:3, 2] = np.subtract(last.position, first.position) / (len(planes) - 1)
    affine[:3, 3] = first.position
    return affine


def _position(dicom_json: Json, frame: int) -> list[float]:
    """LPS mm of the frame's first pixel; empty where it is not told.

    A grid's offsets are mm along the normal from its first plane, or the z of each axial plane (PS3.3
    C.8.8.3.2); what is neither tells no place.
    """
    position = _numbers(dicom_json, frame, POSITION, "00200032")
    offsets = _told(dicom_json, GRID_OFFSETS)
    if not offsets:
        return position
    orientation = _numbers(dicom_json, frame, ORIENTATION, "00200037")
    if (len(position), len(orientation)) != (3, 6) or frame > len(offsets):
        return []
    x, y, z = position
    if math.isclose(offsets[0], 0, abs_tol=SAME):
        normal = slice_normal(np.asarray(orientation))
        return [float(v) for v in position + offsets[frame - 1] * normal]
    if np.allclose(orientation, AXIAL, atol=SAME) and math.isclose(offsets[0], z, abs_tol=SAME):
        return [x, y, offsets[frame - 1]]
    return []


def _numbers(dicom_json: Json, frame: int, group: str, tag: str) -> list[float]:
    """The frame's own value, else that of all frames, else the object's; empty where malformed."""
    for place in (
        _item(_item(dicom_json, PER_FRAME, frame - 1), group, 0),
        _item(_item(dicom_json, SHARED, 0), group, 0),
        dicom_json,
    ):
        if found := _told(place, tag):
            return found
    return []


def _told(dataset: Json, tag: str) -> list[float]:
    """The numbers of one attribute; empty where one of them is none."""
    values = dataset.get(tag, {}).get("Value") or []
    return [float(v) for v in values] if all(isinstance(v, int | float) for v in values) else []


def _item(dataset: Json, sequence: str, number: int) -> Json:
    items = dataset.get(sequence, {}).get("Value", [])
    found = items[number] if number < len(items) else None
    return found if isinstance(found, dict) else {}
