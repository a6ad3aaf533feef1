"""Series as stacks of frames in the patient, and the label maps that readers drew on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.archive import storage
from annotation.archive.models import Instance
from annotation.datasets.formats.base import Read
from annotation.datasets.models import DatasetItem
from annotation.imaging import geometry, masks
from annotation.imaging.geometry import Affine, Plane
from annotation.imaging.masks import LabelMap
from annotation.imaging.volume import SlicePlace, order_slices
from annotation.labeling.schemas import Segment


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
    not_a_volume: str  # why the affine is not that of every slice; empty where it is

    @property
    def affine_lps(self) -> Affine:
        """(column, row, slice) to LPS mm; pixels and slices in mm where the place is unknown."""
        planes = [frame.plane for frame in self.frames if frame.plane is not None]
        if len(planes) == len(self.frames):
            return geometry.affine_of(planes)
        first = self.frames[0]
        spacing = geometry.spacing_of_frame(first.instance.dicom_json, first.number) or (1.0, 1.0)
        return np.diag([spacing[1], spacing[0], 1.0, 1.0])


@dataclass(frozen=True)
class LabelVolume:
    """One reader's label map of one layer of a series (of the whole of it where imported)."""

    read: Read
    series_instance_uid: str
    layer: int | None
    rows: int
    columns: int
    segments: tuple[Segment, ...]  # those that it may hold
    addresses: Mapping[str, str]  # of drawn slices: key to SHA-256
    imported: Mapping[str, LabelMap]

    @property
    def name(self) -> str:
        """Unique in the dataset, as the stem of a file."""
        what = "imported" if self.layer is None else f"layer{self.layer}"
        return f"{self.series_instance_uid}-{what}-read{self.read.number}"

    def labels_of(self, frame: Frame) -> LabelMap | None:
        """(rows, columns) labels; None where nothing was drawn. Raises DamagedMask."""
        if frame.key in self.imported:
            return self.imported[frame.key]
        address = self.addresses.get(frame.key)
        return masks.decompress(storage.blob_path(address).read_bytes())[0] if address else None


def stack_of(item: DatasetItem, series_uid: str, rows: int, columns: int) -> Stack:
    """The series' frames of this size. Raises ValueError where there is none."""
    found = Instance.objects.filter(
        series__study_id=item.case.study_id, series__series_instance_uid=series_uid,
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


def label_volumes_of(read: Read) -> Iterator[LabelVolume]:
    """The label maps of a read, in the order of its content."""
    for mask in read.content.get("masks", []):
        yield _drawn(read, mask) if "layer" in mask else _imported(read, mask)


def _place(frame: Frame, number: int) -> SlicePlace:
    plane = frame.plane
    if plane is None:
        return SlicePlace(frame.key, None, None, number)
    x, y, z = plane.position
    a, b, c, d, e, f = plane.orientation
    return SlicePlace(frame.key, (x, y, z), (a, b, c, d, e, f), number)


def _drawn(read: Read, mask: dict[str, Any]) -> LabelVolume:
    segments = tuple(s for s in read.schema.segments if s.layer == mask["layer"])
    return LabelVolume(
        read, mask["series_instance_uid"], mask["layer"], mask["rows"], mask["columns"],
        segments, mask["slices"], {},
    )  # fmt: skip


def _imported(read: Read, mask: dict[str, Any]) -> LabelVolume:
    known = {s.value: s for s in read.schema.segments}
    segments = tuple(known.get(v) or Segment(v, f"label {v}") for v in mask["segments"])
    _, rows, columns = mask["shape"]
    labels = masks.decompress(storage.blob_path(mask["sha256"]).read_bytes())
    uids = mask["sop_instance_uids"]
    imported = {f"{uid}:1": plane for uid, plane in zip(uids, labels, strict=True)}
    return LabelVolume(
        read, mask["series_instance_uid"], None, rows, columns, segments, {}, imported
    )
