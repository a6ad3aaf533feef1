"""Series as stacks of frames in the patient, and the values of their pixels."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.archive.models import Instance, Series
from annotation.imaging import geometry, sandbox
from annotation.imaging.frames import MISFIT, PALETTE, FrameIndex, read_frame
from annotation.imaging.geometry import Affine, Plane
from annotation.imaging.native import WholeNumbers
from annotation.imaging.tables import NOT_FOR_DISPLAY
from annotation.imaging.volume import NotAVolume, SlicePlace, order_slices

IN_ORDER = ("instance_number", "sop_instance_uid")
LUT_ENDS = (0, 2**16 - 1)  # of what a Modality LUT may hold


@dataclass(frozen=True)
class Frame:
    """One frame of an instance; `key` names it as annotation content does."""

    instance: Instance
    number: int
    plane: Plane | None

    @property
    def key(self) -> str:
        return f"{self.instance.sop_instance_uid}:{self.number}"


@dataclass(frozen=True)
class Stack:
    """The frames of one size of a series, in slice order."""

    frames: tuple[Frame, ...]
    rows: int
    columns: int
    not_a_volume: NotAVolume | None  # why the affine is not that of every slice

    @property
    def affine_lps(self) -> Affine:
        """(column, row, slice) to LPS mm; pixels and slices in mm where the place is unknown."""
        planes = [frame.plane for frame in self.frames if frame.plane is not None]
        if len(planes) == len(self.frames):
            return geometry.affine_of(planes)
        first = self.frames[0]
        spacing = geometry.spacing_of_frame(first.instance.dicom_json, first.number) or (1.0, 1.0)
        return np.diag([spacing[1], spacing[0], 1.0, 1.0])


def commonest_size(series: Series) -> tuple[int, int] | None:
    """Rows and columns of most frames of the series; None where it has no images.

    Of sizes that are as common that of the first object: rows of a table come in any order.
    """
    frames: Counter[tuple[int, int]] = Counter()
    shown = Instance.objects.filter(series=series, frame_index__isnull=False)
    for rows, columns, count in shown.order_by(*IN_ORDER).values_list(
        "rows", "columns", "number_of_frames"
    ):
        if rows and columns:
            frames[rows, columns] += max(count, 1)
    return max(frames, key=frames.__getitem__, default=None)


def stack_of(study_id: UUID, series_uid: str, rows: int, columns: int) -> Stack:
    """The series' frames of this size. Raises ValueError where there is none."""
    found = Instance.objects.filter(
        series__study_id=study_id, series__series_instance_uid=series_uid,
        rows=rows, columns=columns, frame_index__isnull=False,
    ).order_by(*IN_ORDER)  # fmt: skip
    frames = [
        Frame(instance, number, geometry.plane_of_frame(instance.dicom_json, number))
        for instance in found
        for number in range(1, max(instance.number_of_frames, 1) + 1)
    ]
    if not frames:
        raise ValueError(f"the series has no frames of {rows} x {columns}")
    order = order_slices([_place(frame, place) for place, frame in enumerate(frames)])
    by_key = {frame.key: frame for frame in frames}
    return Stack(tuple(by_key[key] for key in order.keys), rows, columns, order.not_a_volume)


def modality_values(stack: Stack) -> Iterator[NDArray[np.floating[Any]]]:
    """(rows, columns) rescaled values, or those of the Modality LUT, frame by frame.

    As a picture has them (`rendered.modality_values`), and with the rescaling of each frame in an enhanced
    object. Raises SandboxFailure, also for colour, ValueError where there are more or fewer pixels than the
    header says, and FileNotFoundError.
    """
    indexes = {frame.instance.pk: frame.instance.frames for frame in stack.frames}
    for frame in stack.frames:
        try:
            values = _stored_values(frame, indexes[frame.instance.pk])
            values = values.reshape(stack.rows, stack.columns)
        except ValueError:  # NumPy's words are for nobody who reads a report
            raise ValueError(MISFIT) from None
        slope, intercept = _rescale(frame)
        yield values * slope + intercept


def _stored_values(frame: Frame, index: FrameIndex | None) -> NDArray[Any]:
    """As they lie in the file where they lie there plainly, else decoded in the sandbox."""
    numbers = _numbers(frame)
    is_grey = _whole(frame, "00280002", 0) == 1 and _first(frame, "00280004", "") != PALETTE
    is_plain = is_grey and numbers.is_readable and not _has_lut(frame)
    if is_plain and index is not None and index.kind == "native":
        return numbers.read(read_frame(frame.instance.path, index, frame.number))
    kind, data = sandbox.run("grey_values", path=str(frame.instance.path), frame=frame.number)
    return np.frombuffer(data, np.dtype(kind).newbyteorder("<"))


def image_type(stack: Stack) -> type[np.generic]:
    """The smallest type that holds every modality value exactly, or float32."""
    low = high = 0.0
    for frame in stack.frames:
        slope, intercept = _rescale(frame)
        is_whole = _numbers(frame).is_possible  # not so where the pixels are floats
        if not (is_whole and slope.is_integer() and intercept.is_integer()):
            return np.float32
        bounds = LUT_ENDS if _has_lut(frame) else _numbers(frame).ends
        ends = [bound * slope + intercept for bound in bounds]
        low, high = min(low, *ends), max(high, *ends)
    for kind in (np.uint8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return np.float32


def _numbers(frame: Frame) -> WholeNumbers:
    return WholeNumbers(
        bits_allocated=_whole(frame, "00280100", 0),
        bits_stored=_whole(frame, "00280101", 0),
        is_signed=_whole(frame, "00280103", 0) == 1,
    )


def _has_lut(frame: Frame) -> bool:
    """Whether a Modality LUT takes the place of a slope and an intercept (PS3.3 C.11.1)."""
    is_shown = _first(frame, "00080016", "") not in NOT_FOR_DISPLAY
    return is_shown and _first(frame, "00283000", None) is not None


def _whole(frame: Frame, tag: str, default: int) -> int:
    return int(_first(frame, tag, default))


def _first(frame: Frame, tag: str, default: Any) -> Any:
    return (frame.instance.dicom_json.get(tag, {}).get("Value") or [default])[0]


def _rescale(frame: Frame) -> tuple[float, float]:
    if _has_lut(frame):
        return 1.0, 0.0
    return geometry.rescale_of_frame(frame.instance.dicom_json, frame.number)


def _place(frame: Frame, number: int) -> SlicePlace:
    if frame.plane is None:
        return SlicePlace(frame.key, None, None, number)
    return geometry.place_of_frame(frame.instance.dicom_json, frame.number, frame.key, number)
