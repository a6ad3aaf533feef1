"""Label maps of whole volumes: cut into the slices of a read, and put together again as NIfTI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.archive import storage
from annotation.archive.models import Instance, Study
from annotation.archive.selectors import ImageSeries, find_image_series
from annotation.core.errors import Conflict, InvalidInput, NotFound
from annotation.imaging import masks, nifti
from annotation.imaging.geometry import Plane, affine_of, plane_of_frame, spacing_of_frame
from annotation.imaging.volume import NotAVolume
from annotation.labeling.schemas import Schema
from annotation.labeling.services.masks import keep_slices

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
FLAT_STEP_MM = 1.0  # a single image has no thickness of its own in a label map
SLICES_AT_ONCE = 256  # files that are open at the same time
Content = dict[str, Any]
LabelMap = NDArray[np.uint8]


@dataclass(frozen=True)
class Grid:
    """The images that a label map lies on: SOP Instance UID and frame of each slice, in its order."""

    series_instance_uid: str
    images: Sequence[tuple[str, int]]

    @classmethod
    def of_single_frames(cls, series_instance_uid: str, uids: Sequence[str]) -> "Grid":
        return cls(series_instance_uid, [(uid, 1) for uid in uids])


def unknown_values(schema: Schema, labels: LabelMap) -> list[int]:
    """Values in a label map that are no segment of the schema."""
    return sorted({int(v) for v in np.unique(labels) if v} - {s.value for s in schema.segments})


def keep_layers(*, schema: Schema, labels: LabelMap, grid: Grid) -> list[Content]:
    """Store a (z, y, x) label map; returns the layers that name it, as a reader's own would.

    Raises InvalidInput for another number of slices and for values that are no segment.
    """
    if len(labels) != len(grid.images):
        raise InvalidInput(
            f"{len(labels)} slices of labels do not lie on {len(grid.images)} images.",
            field="masks",
        )
    if unknown := unknown_values(schema, labels):
        raise InvalidInput(f"There is no segment {unknown[0]}.", field="masks")
    layers: dict[int, list[int]] = {}
    for segment in schema.segments:
        layers.setdefault(segment.layer, []).append(segment.value)
    found = (
        _layer(layer, np.where(np.isin(labels, values), labels, np.uint8(0)), grid)
        for layer, values in sorted(layers.items())
    )
    return [layer for layer in found if layer["slices"]]


def nifti_of_layer(
    *, study: Study, content: Content, layer: int, series_uid: str | None = None
) -> bytes:
    """One layer of a read as .nii.gz on the grid of its series, in RAS mm.

    Raises NotFound without such a mask, InvalidInput where it is of several series, Conflict
    where the series is no volume.
    """
    mask = _mask_named(content, layer, series_uid)
    uid = mask["series_instance_uid"]
    found = [s for s in find_image_series(study) if s.series.series_instance_uid == uid]
    if not found:
        raise NotFound
    [series] = found
    if series.not_a_volume not in (None, NotAVolume.SINGLE_IMAGE, NotAVolume.TOO_FEW_SLICES):
        raise Conflict(f"The series is no volume: {series.not_a_volume.sentence}.")
    labels = _labels_of(mask, series.in_slice_order)
    return nifti.label_map_file(labels, LPS_TO_RAS @ _affine_lps(series))


def _layer(layer: int, labels: LabelMap, grid: Grid) -> Content:
    used = np.flatnonzero(labels.any(axis=(1, 2)))
    slices: dict[str, str] = {}
    for start in range(0, len(used), SLICES_AT_ONCE):
        kept = {}
        for z in used[start : start + SLICES_AT_ONCE]:
            data = masks.compress(labels[z : z + 1])
            sha256 = masks.address(data)
            kept[sha256] = data
            uid, frame = grid.images[z]
            slices[f"{uid}:{frame}"] = sha256
        keep_slices(kept)
    return {
        "layer": layer, "series_instance_uid": grid.series_instance_uid,
        "rows": labels.shape[1], "columns": labels.shape[2], "slices": slices,
    }  # fmt: skip


def _mask_named(content: Content, layer: int, series_uid: str | None) -> Content:
    found: list[Content] = [
        mask
        for mask in content.get("masks", [])
        if mask.get("layer") == layer and series_uid in (None, mask["series_instance_uid"])
    ]
    if not found:
        raise NotFound
    if len(found) > 1:
        series = {mask["series_instance_uid"] for mask in found}
        if len(series) == 1:
            raise Conflict("The series has images of several sizes: it is no volume.")
        uids = ", ".join(sorted(series))
        raise InvalidInput(f"The read has masks on several series: {uids}.", field="series")
    return found[0]


def _labels_of(mask: Mapping[str, Any], images: Sequence[tuple[str, int]]) -> LabelMap:
    labels = np.zeros((len(images), mask["rows"], mask["columns"]), np.uint8)
    index = {f"{uid}:{frame}": z for z, (uid, frame) in enumerate(images)}
    for key, sha256 in mask["slices"].items():
        labels[index[key]] = masks.decompress(storage.blob_path(sha256).read_bytes())[0]
    return labels


def _affine_lps(series: ImageSeries) -> NDArray[np.float64]:
    """From (x, y, z) indices to LPS mm; images without a place in the patient lie at the origin."""
    images = series.in_slice_order
    first, last = _plane(series.series.pk, *images[0]), _plane(series.series.pk, *images[-1])
    affine = affine_of([first])
    affine[:3, 2] *= FLAT_STEP_MM
    if len(images) > 1:
        affine[:3, 2] = np.subtract(last.position, first.position) / (len(images) - 1)
    return affine


def _plane(series_id: UUID, uid: str, frame: int) -> Plane:
    """What is not known of it lies at the origin, axial, with pixels of 1 mm."""
    instance = Instance.objects.get(series=series_id, sop_instance_uid=uid)
    if found := plane_of_frame(instance.dicom_json, frame):
        return found
    return Plane(
        position=tuple(instance.position or [0.0, 0.0, 0.0]),
        orientation=tuple(instance.orientation or [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        spacing_mm=spacing_of_frame(instance.dicom_json, frame) or (1.0, 1.0),
    )
