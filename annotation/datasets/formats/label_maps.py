"""The label maps that readers drew on series."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from annotation.archive import storage
from annotation.archive.models import Instance
from annotation.archive.stacks import Frame
from annotation.datasets.formats.base import Read
from annotation.imaging import masks
from annotation.imaging.masks import LabelMap
from annotation.labeling.schemas import Segment


@dataclass(frozen=True)
class LabelVolume:
    """One reader's label map of one layer of a series (of the whole of it where imported).

    Of a series with images of several sizes, those of one size.
    """

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
        return f"{self.images_name}-{what}-read{self.read.number}"

    @cached_property
    def images_name(self) -> str:
        """The series, and the size of the images where it has several."""
        sizes = Instance.objects.filter(
            series__study=self.read.item.case.study_id,
            series__series_instance_uid=self.series_instance_uid,
            frame_index__isnull=False,
        ).values_list("rows", "columns")
        size = f"-{self.rows}x{self.columns}" if sizes.distinct().count() > 1 else ""
        return f"{self.series_instance_uid}{size}"

    @property
    def asked_slices(self) -> frozenset[str] | None:
        """Those that the reader was asked to draw ("UID:frame"); None: the whole series."""
        if self.layer is None:
            return None
        return self.read.asked_slices(self.layer, self.series_instance_uid)

    @property
    def keys(self) -> frozenset[str]:
        """The slices ("UID:frame") of which there are labels."""
        return frozenset(self.addresses) | frozenset(self.imported)

    def labels_of(self, frame: Frame) -> LabelMap | None:
        """(rows, columns) labels; None where nothing was drawn. Raises DamagedMask."""
        return self.labels_at(frame.key)

    def labels_at(self, key: str) -> LabelMap | None:
        """The same of the slice of this key."""
        if key in self.imported:
            return self.imported[key]
        address = self.addresses.get(key)
        return masks.decompress(storage.blob_path(address).read_bytes())[0] if address else None


def label_volumes_of(read: Read) -> Iterator[LabelVolume]:
    """The label maps of a read, in the order of its content."""
    for mask in read.content.get("masks", []):
        yield _drawn(read, mask) if "layer" in mask else _imported(read, mask)


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
