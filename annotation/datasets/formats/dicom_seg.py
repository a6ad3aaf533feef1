"""DICOM segmentations of the label maps that readers drew, one object a layer, series and read."""

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from annotation.archive.stacks import Frame, stack_of
from annotation.datasets import dicom_objects
from annotation.datasets.dicom_objects import Labeled
from annotation.datasets.formats.base import Archive, Report, reads_of
from annotation.datasets.formats.headers import header_of
from annotation.datasets.formats.label_maps import LabelVolume, label_volumes_of
from annotation.datasets.models import Dataset
from annotation.imaging.geometry import Plane
from annotation.imaging.masks import DamagedMask, LabelMap


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """A ZIP of `seg/{split}/{case}/….dcm`; what the standard does not allow is left out, named."""
    archive = Archive(dataset, file)
    for read in reads_of(dataset, report):
        for volume in label_volumes_of(read):
            about = {
                "case": str(read.item.case_id),
                "revision": str(read.revision.pk),
                "series_instance_uid": volume.series_instance_uid,
            }
            try:
                data = _segmentation(dataset, volume)
            except (ValueError, DamagedMask) as refused:
                archive.leave_out(str(refused), **about)
                continue
            name = f"seg/{read.item.split}/{read.item.case_id}/{volume.name}.dcm"
            archive.add(name, data, **about)
    archive.finish()


def _segmentation(dataset: Dataset, volume: LabelVolume) -> bytes:
    item = volume.read.item
    stack = stack_of(item.case.study_id, volume.series_instance_uid, volume.rows, volume.columns)
    found = [(frame, volume.labels_of(frame)) for frame in stack.frames]
    drawn = [(frame, one) for frame, one in found if one is not None and one.any()]
    if not drawn:
        raise ValueError("nothing is drawn")
    frames, labels = _whole_object(stack.frames, drawn)
    segments = [
        Labeled(s.value, s.label, (s.code.value, s.code.system, s.code.meaning) if s.code else None)
        for s in sorted(volume.segments, key=lambda s: s.value)
    ]
    planes = _planes(frames)
    instances = {frame.instance.pk: frame.instance for frame in frames}
    sources = [header_of(instance, planes) for instance in instances.values()]
    return dicom_objects.segmentation(
        sources, np.stack(labels), segments,
        key=f"{dataset.sha256} {volume.read.revision.pk} {volume.name}",
        title=dataset.name, made_at=dataset.created_at, planes=planes,
    )  # fmt: skip


def _planes(frames: Sequence[Frame]) -> list[Plane]:
    planes = [frame.plane for frame in frames if frame.plane is not None]
    return planes if len(planes) == len(frames) else []


def _whole_object(
    frames: tuple[Frame, ...], drawn: list[tuple[Frame, LabelMap]]
) -> tuple[list[Frame], list[LabelMap]]:
    """The drawn slices; of a multi-frame object all frames in their own order, as highdicom asks."""
    if all(frame.instance.number_of_frames <= 1 for frame, _ in drawn):
        return [frame for frame, _ in drawn], [labels for _, labels in drawn]
    if len({frame.instance.pk for frame, _ in drawn}) > 1:
        raise ValueError("the label map spans several multi-frame objects")
    labels_of = {frame.key: labels for frame, labels in drawn}
    source = drawn[0][0].instance.pk
    whole = sorted((f for f in frames if f.instance.pk == source), key=lambda f: f.number)
    empty = np.zeros_like(drawn[0][1])
    return whole, [labels_of.get(frame.key, empty) for frame in whole]
