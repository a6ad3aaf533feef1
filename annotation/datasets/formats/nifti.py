"""NIfTI masks in the geometry of their series, the series themselves, and a MONAI datalist of both."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import nibabel
import numpy as np
from numpy.typing import DTypeLike, NDArray

from annotation.archive.stacks import Stack, image_type, modality_values, stack_of
from annotation.datasets.formats.base import (
    SECTIONS,
    Archive,
    Report,
    identity_of,
    reads_of,
    unknown_options,
)
from annotation.datasets.formats.label_maps import LabelVolume, label_volumes_of
from annotation.datasets.models import Dataset, Split
from annotation.imaging import sandbox
from annotation.imaging.geometry import Affine
from annotation.imaging.masks import DamagedMask

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
MAX_SIDE = 2**15 - 1  # the header's sizes are int16
COMPRESSION = 4


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """A ZIP with `masks/`, `images/`, `labels.json` and `datalist.json`."""
    archive = Archive(dataset, file)
    tables: dict[str, Any] = {}
    listed: dict[str, list[Any]] = defaultdict(list)
    images: set[str] = set()  # of the case at hand
    case = None
    for read in reads_of(dataset, report):
        if read.item.case_id != case:
            case, images = read.item.case_id, set()
        for volume in label_volumes_of(read):
            name = mask_name(volume)
            about = {"case": str(case), "revision": str(read.revision.pk), "mask": name}
            try:
                stack = _writable_stack(volume)
                _write_mask(archive, name, volume, stack)
                image = image_name(volume)
                if image not in images:
                    _write_image(archive, image, volume, stack)
                    images.add(image)
            except (ValueError, DamagedMask, sandbox.SandboxFailure) as refused:
                archive.leave_out(str(refused), **about)
                continue
            tables[name] = table_of(volume)
            listed[SECTIONS[Split(read.item.split)]].append(_entry(volume, image, name, stack))
    archive.add("labels.json", _dumped(tables))
    datalist = {**identity_of(dataset), **{name: listed[name] for name in SECTIONS.values()}}
    archive.add("datalist.json", _dumped(datalist))
    archive.finish()


def mask_name(volume: LabelVolume) -> str:
    item = volume.read.item
    return f"masks/{item.split}/{item.case_id}/{volume.name}.nii.gz"


def image_name(volume: LabelVolume) -> str:
    item = volume.read.item
    return f"images/{item.split}/{item.case_id}/{volume.images_name}.nii.gz"


def table_of(volume: LabelVolume) -> dict[str, Any]:
    """What the values of a mask stand for."""
    known = [segment.as_json() for segment in volume.segments]
    return {str(one["value"]): {k: one[k] for k in ("label", "colour", "code")} for one in known}


def write_volume(
    file: BinaryIO,
    planes: Iterable[NDArray[Any]],
    shape: tuple[int, int, int],
    dtype: DTypeLike,
    affine_lps: Affine,
) -> None:
    """A gzipped NIfTI-1 volume of (rows, columns) planes, streamed; `shape` is (z, y, x)."""
    header: Any = nibabel.Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]
    header.set_data_dtype(dtype)
    header.set_data_shape(shape[::-1])
    affine = LPS_TO_RAS @ affine_lps
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1)
    if not np.allclose(header.get_qform(), affine, atol=1e-4):
        header.set_qform(affine, code=0)  # a quaternion cannot say how a gantry is tilted
    header.set_xyzt_units("mm")
    header["vox_offset"] = len(header.binaryblock) + 4
    little = np.dtype(dtype).newbyteorder("<")
    with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
        packed.write(header.binaryblock + b"\0\0\0\0")
        for plane in planes:
            packed.write(np.ascontiguousarray(plane, little).tobytes())


def _why_not(stack: Stack) -> str:
    return stack.not_a_volume.sentence if stack.not_a_volume else ""


def _writable_stack(volume: LabelVolume) -> Stack:
    stack = stack_of(
        volume.read.item.case.study_id, volume.series_instance_uid, volume.rows, volume.columns
    )
    if max(len(stack.frames), stack.rows, stack.columns) > MAX_SIDE:
        raise ValueError(f"NIfTI-1 has at most {MAX_SIDE} voxels along a side")
    return stack


def _write_mask(archive: Archive, name: str, volume: LabelVolume, stack: Stack) -> None:
    empty = np.zeros((stack.rows, stack.columns), np.uint8)
    found = (volume.labels_of(frame) for frame in stack.frames)
    planes = (empty if labels is None else labels for labels in found)
    about = {**_about(volume), "not_a_volume": _why_not(stack)}
    with archive.entry(name, **about) as file:
        write_volume(file, planes, _shape(stack), np.uint8, stack.affine_lps)


def _write_image(archive: Archive, name: str, volume: LabelVolume, stack: Stack) -> None:
    kind = image_type(stack)
    planes = (_exactly(plane, kind) for plane in modality_values(stack))
    first = next(planes)  # what cannot be decoded is refused before the entry is begun
    about = {**_about(volume), "not_a_volume": _why_not(stack)}
    with archive.entry(name, **about) as file:
        shape, affine = _shape(stack), stack.affine_lps
        write_volume(file, _and(first, planes), shape, kind, affine)


def _exactly(plane: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """The values in this type. Raises ValueError where the header let one expect smaller ones."""
    found = plane.astype(kind)
    if kind is not np.float32 and not np.array_equal(found, plane):
        raise ValueError("the images hold other values than their header says")
    return found


def _and(first: NDArray[Any], rest: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    yield first
    yield from rest


def _shape(stack: Stack) -> tuple[int, int, int]:
    return len(stack.frames), stack.rows, stack.columns


def _about(volume: LabelVolume) -> dict[str, Any]:
    return {
        "case": str(volume.read.item.case_id),
        "series_instance_uid": volume.series_instance_uid,
    }


def _entry(volume: LabelVolume, image: str, mask: str, stack: Stack) -> dict[str, Any]:
    read = volume.read
    return {
        "image": image,
        "label": mask,
        "classes": table_of(volume),
        "answers": read.item.answers,
        **unknown_options(read.item),
        "patient": read.item.patient_key,
        "case": str(read.item.case_id),
        "read": read.number,
        "asked_slices": asked_planes(volume, stack),
    }


def asked_planes(volume: LabelVolume, stack: Stack) -> list[int] | None:
    """z, from 0, of the slices that the reader was asked to draw: of others the mask says nothing.

    None where the whole series was.
    """
    asked = volume.asked_slices
    if asked is None:
        return None
    return [z for z, frame in enumerate(stack.frames) if frame.key in asked]


def _dumped(body: Any) -> bytes:
    return json.dumps(body, indent=1, ensure_ascii=False).encode()
