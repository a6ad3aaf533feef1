"""NIfTI masks in the geometry of their series, the series themselves, and a MONAI datalist of both."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import nibabel
import numpy as np
from numpy.typing import DTypeLike, NDArray

from annotation.datasets.formats.base import (
    SECTIONS,
    Archive,
    Report,
    identity_of,
    reads_of,
)
from annotation.datasets.formats.stacks import (
    Frame,
    LabelVolume,
    Stack,
    label_volumes_of,
    stack_of,
)
from annotation.datasets.models import Dataset, Split
from annotation.imaging import geometry, sandbox
from annotation.imaging.frames import FrameIndex, read_frame
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
    images: dict[str, str] = {}  # of the case at hand, by series
    case = None
    for read in reads_of(dataset, report):
        if read.item.case_id != case:
            case, images = read.item.case_id, {}
        for volume in label_volumes_of(read):
            name = mask_name(volume)
            about = {"case": str(case), "revision": str(read.revision.pk), "mask": name}
            try:
                stack = _writable_stack(volume)
                _write_mask(archive, name, volume, stack)
                image = images.get(volume.series_instance_uid)
                if image is None:
                    image = _write_image(archive, volume, stack)
                    images[volume.series_instance_uid] = image
            except (ValueError, DamagedMask, sandbox.SandboxFailure) as refused:
                archive.leave_out(str(refused), **about)
                continue
            tables[name] = table_of(volume)
            listed[SECTIONS[Split(read.item.split)]].append(_entry(volume, image, name))
    archive.add("labels.json", _dumped(tables))
    datalist = {**identity_of(dataset), **{name: listed[name] for name in SECTIONS.values()}}
    archive.add("datalist.json", _dumped(datalist))
    archive.finish()


def mask_name(volume: LabelVolume) -> str:
    item = volume.read.item
    return f"masks/{item.split}/{item.case_id}/{volume.name}.nii.gz"


def image_name(volume: LabelVolume) -> str:
    item = volume.read.item
    return f"images/{item.split}/{item.case_id}/{volume.series_instance_uid}.nii.gz"


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


def _writable_stack(volume: LabelVolume) -> Stack:
    stack = stack_of(volume.read.item, volume.series_instance_uid, volume.rows, volume.columns)
    if max(len(stack.frames), stack.rows, stack.columns) > MAX_SIDE:
        raise ValueError(f"NIfTI-1 has at most {MAX_SIDE} voxels along a side")
    return stack


def _write_mask(archive: Archive, name: str, volume: LabelVolume, stack: Stack) -> None:
    empty = np.zeros((stack.rows, stack.columns), np.uint8)
    found = (volume.labels_of(frame) for frame in stack.frames)
    planes = (empty if labels is None else labels for labels in found)
    about = {**_about(volume), "not_a_volume": stack.not_a_volume}
    with archive.entry(name, **about) as file:
        write_volume(file, planes, _shape(stack), np.uint8, stack.affine_lps)


def _write_image(archive: Archive, volume: LabelVolume, stack: Stack) -> str:
    name = image_name(volume)
    planes = _modality_values(stack)
    first = next(planes)  # what cannot be decoded is refused before the entry is begun
    about = {**_about(volume), "not_a_volume": stack.not_a_volume}
    with archive.entry(name, **about) as file:
        shape, affine = _shape(stack), stack.affine_lps
        write_volume(file, _and(first, planes), shape, _image_type(stack), affine)
    return name


def _and(first: NDArray[Any], rest: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    yield first
    yield from rest


def _modality_values(stack: Stack) -> Iterator[NDArray[Any]]:
    """Rescaled values, frame by frame. Raises SandboxFailure, ValueError for colour."""
    is_whole = _image_type(stack) is not np.float32
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


def _image_type(stack: Stack) -> type[np.generic]:
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


def _shape(stack: Stack) -> tuple[int, int, int]:
    return len(stack.frames), stack.rows, stack.columns


def _about(volume: LabelVolume) -> dict[str, Any]:
    return {
        "case": str(volume.read.item.case_id),
        "series_instance_uid": volume.series_instance_uid,
    }


def _entry(volume: LabelVolume, image: str, mask: str) -> dict[str, Any]:
    read = volume.read
    return {
        "image": image,
        "label": mask,
        "classes": table_of(volume),
        "answers": read.item.answers,
        "patient": read.item.patient_key,
        "case": str(read.item.case_id),
        "read": read.number,
    }


def _dumped(body: Any) -> bytes:
    return json.dumps(body, indent=1, ensure_ascii=False).encode()
