"""Series as stacks of frames in the patient, and the values of their pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.archive.models import Instance
from annotation.imaging import geometry, sandbox
from annotation.imaging.frames import FrameIndex, read_frame
from annotation.imaging.geometry import Affine, Plane
from annotation.imaging.volume import NotAVolume, SlicePlace, order_slices


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


def stack_of(study_id: UUID, series_uid: str, rows: int, columns: int) -> Stack:
    """The series' frames of this size. Raises ValueError where there is none."""
    found = Instance.objects.filter(
        series__study_id=study_id, series__series_instance_uid=series_uid,
        rows=rows, columns=columns, frame_index__isnull=False,
    ).order_by("instance_number", "sop_instance_uid")  # fmt: skip
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


def modality_values(stack: Stack) -> Iterator[NDArray[Any]]:
    """Rescaled values, frame by frame. Raises SandboxFailure, ValueError for colour."""
    is_whole = image_type(stack) is not np.float32
    instances = {frame.instance.pk: frame.instance for frame in stack.frames}
    indexes = {pk: instance.frames for pk, instance in instances.items()}
    for frame in stack.frames:
        values = _stored_values(frame, indexes[frame.instance.pk])
        if values.size != stack.rows * stack.columns:
            raise ValueError("the images are in colour")
        slope, intercept = _rescale(frame)
        rescaled = values.reshape(stack.rows, stack.columns) * slope + intercept
        yield np.rint(rescaled) if is_whole else rescaled


def _stored_values(frame: Frame, index: FrameIndex | None) -> NDArray[Any]:
    """As they lie in the file where they lie there plainly, else decoded in the sandbox."""
    bits, sign = _whole(frame, "00280100", 16), "i" if _whole(frame, "00280103", 0) else "u"
    if index is not None and index.kind == "native" and bits in (8, 16, 32):
        data = read_frame(frame.instance.path, index, frame.number)
        return np.frombuffer(data, np.dtype(f"<{sign}{bits // 8}"))
    kind, data = sandbox.run("native_frame", path=str(frame.instance.path), frame=frame.number)
    return np.frombuffer(data, np.dtype(kind).newbyteorder("<"))


def image_type(stack: Stack) -> type[np.generic]:
    """The smallest type that holds every modality value exactly, or float32."""
    low = high = 0.0
    for frame in stack.frames:
        slope, intercept = _rescale(frame)
        if not (slope.is_integer() and intercept.is_integer()):
            return np.float32
        ends = [bound * slope + intercept for bound in _stored_range(frame)]
        low, high = min(low, *ends), max(high, *ends)
    for kind in (np.uint8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return np.float32


def _stored_range(frame: Frame) -> tuple[int, int]:
    bits = _whole(frame, "00280100", 16)
    if _whole(frame, "00280103", 0):
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2 ** min(_whole(frame, "00280101", bits), bits) - 1


def _whole(frame: Frame, tag: str, default: int) -> int:
    values = frame.instance.dicom_json.get(tag, {}).get("Value") or [default]
    return int(values[0])


def _rescale(frame: Frame) -> tuple[float, float]:
    return geometry.rescale_of_frame(frame.instance.dicom_json, frame.number)


def _place(frame: Frame, number: int) -> SlicePlace:
    if frame.plane is None:
        return SlicePlace(frame.key, None, None, number)
    return geometry.place_of_frame(frame.instance.dicom_json, frame.number, frame.key, number)
