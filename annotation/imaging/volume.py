"""Orders the slices of a series, names their plane and decides whether they form one volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

DIRECTION_TOLERANCE = 1e-3
# A gantry is tilted by 30 degrees at most; past 37 degrees a plane is called oblique.
MIN_COSINE = 0.8
PLANES = ("sagittal", "coronal", "axial")  # by the axis that their normal follows: x, y, z of LPS
SPACING_TOLERANCE = 0.05  # a share of the median spacing
MIN_SLICES = 3  # two say nothing of what lies between slices, nor whether one is missing


class NotAVolume(StrEnum):
    """Why the images of a series are a stack and no more; the screens have words for each."""

    SINGLE_IMAGE = "single_image"
    TOO_FEW_SLICES = "too_few_slices"
    NO_POSITION = "no_position"
    DIFFERENT_ORIENTATIONS = "different_orientations"
    SAME_PLACE = "same_place"
    VARYING_SPACING = "varying_spacing"
    TILTED_GANTRY = "tilted_gantry"
    SEVERAL_STACKS = "several_stacks"
    MULTI_FRAME = "multi_frame"

    @property
    def sentence(self) -> str:
        """In English, for files and for answers to programs."""
        return SENTENCES[self]


SENTENCES = {
    NotAVolume.SINGLE_IMAGE: "a single image",
    NotAVolume.TOO_FEW_SLICES: "two slices only",
    NotAVolume.NO_POSITION: "images without a position in the patient",
    NotAVolume.DIFFERENT_ORIENTATIONS: "images of different orientations",
    NotAVolume.SAME_PLACE: "several images at one place",
    NotAVolume.VARYING_SPACING: "missing slices or varying spacing",
    NotAVolume.TILTED_GANTRY: "a tilted gantry",
    NotAVolume.SEVERAL_STACKS: "several stacks of images",
    NotAVolume.MULTI_FRAME: "a multi-frame object",
}


@dataclass(frozen=True)
class SlicePlace:
    """Where one image lies: position of its first pixel and the directions of its rows, LPS mm."""

    key: str
    position: tuple[float, ...] | None  # 3
    orientation: tuple[float, ...] | None  # 6
    instance_number: int | None
    stack: str = ""  # StackID of a frame, where its object names stacks (PS3.3 C.7.6.16.2.2)


@dataclass(frozen=True)
class SliceOrder:
    """Keys in display order, and why they are not one volume (None where they are)."""

    keys: list[str]
    not_a_volume: NotAVolume | None


def order_slices(places: Sequence[SlicePlace]) -> SliceOrder:
    """Sort along the slice normal where every image has a place in the patient, else by number.

    Images at one place stay in the order of their numbers.
    """
    by_number = sorted(
        places, key=lambda p: (p.instance_number is None, p.instance_number or 0, p.key)
    )
    if len(places) < 2:
        return SliceOrder([p.key for p in by_number], NotAVolume.SINGLE_IMAGE)
    if any(p.position is None or p.orientation is None for p in places):
        return SliceOrder([p.key for p in by_number], NotAVolume.NO_POSITION)
    orientations = np.array([p.orientation for p in by_number])
    if np.abs(orientations - orientations[0]).max() > DIRECTION_TOLERANCE:
        return SliceOrder([p.key for p in by_number], NotAVolume.DIFFERENT_ORIENTATIONS)
    normal = slice_normal(orientations[0])
    positions = np.array([p.position for p in by_number])
    depth = positions @ normal
    order = np.argsort(depth, kind="stable")
    why = _why_not(positions[order], depth[order], normal)
    if why is None and len({p.stack for p in places} - {""}) > 1:
        why = NotAVolume.SEVERAL_STACKS
    if why is None and len(places) < MIN_SLICES:
        why = NotAVolume.TOO_FEW_SLICES
    return SliceOrder([by_number[i].key for i in order], why)


def slice_normal(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector across the slices from the six direction cosines (PS3.3 C.7.6.2.1.1)."""
    return np.cross(orientation[:3], orientation[3:])


def plane_of(orientation: Sequence[float] | None) -> str:
    """The plane in which an image lies, "oblique", or "" where nothing is known."""
    if orientation is None or len(orientation) != 6:
        return ""
    normal = slice_normal(np.asarray(orientation, np.float64))
    length = float(np.linalg.norm(normal))
    if not np.isfinite(length) or length < 0.5:  # rows and columns are not perpendicular
        return ""
    cosines = np.abs(normal) / length
    axis = int(np.argmax(cosines))
    return PLANES[axis] if cosines[axis] >= MIN_COSINE else "oblique"


def _why_not(
    positions: NDArray[np.float64], depth: NDArray[np.float64], normal: NDArray[np.float64]
) -> NotAVolume | None:
    steps = np.diff(depth)
    spacing = float(np.median(steps))
    if spacing <= 0 or np.any(steps < 1e-4):
        return NotAVolume.SAME_PLACE
    if np.abs(steps - spacing).max() > SPACING_TOLERANCE * spacing:
        return NotAVolume.VARYING_SPACING
    shear = (positions - positions[0]) - np.outer(depth - depth[0], normal)
    if (
        np.linalg.norm(shear, axis=1).max()
        > SPACING_TOLERANCE * spacing * len(positions) ** 0.5 + 0.1
    ):
        return NotAVolume.TILTED_GANTRY
    return None
