"""A MONAI datalist: {"training": [{"image": [...], "label": {...}}], "validation", "test"}."""

import json
from itertools import groupby
from typing import Any, BinaryIO

from annotation.archive.stacks import stack_of
from annotation.datasets.formats.base import (
    SECTIONS,
    Read,
    Report,
    file_name,
    instances_of,
    reads_of,
    unknown_options,
)
from annotation.datasets.formats.label_maps import LabelVolume, label_volumes_of
from annotation.datasets.formats.nifti import asked_planes, image_name, mask_name, table_of
from annotation.datasets.models import Dataset, DatasetItem, Split

Json = dict[str, Any]


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """One entry a case, and one a mask under `volumes`; paths are those of the DICOM and NIfTI
    exports."""
    head = {
        "name": dataset.name,
        "dataset": str(dataset.pk),
        "sha256": dataset.sha256,
        "labels": dataset.schema.definition,
    }
    file.write(json.dumps(head)[:-1].encode())
    sections: dict[str, list[Json]] = {name: [] for name in SECTIONS.values()}
    for item, reads in groupby(reads_of(dataset, report), key=lambda read: read.item):
        volumes = [volume for read in reads for volume in _volumes(read)]
        sections[SECTIONS[Split(item.split)]].append({**entry(item), "volumes": volumes})
    for name, entries in sections.items():
        lines = [json.dumps(one).encode() for one in entries]
        file.write(f',\n"{name}": ['.encode() + b",\n ".join(lines) + b"]")
    file.write(b"}\n")


def entry(item: DatasetItem) -> Json:
    return {
        "image": [file_name(item, instance) for instance in instances_of(item)],
        "label": item.answers,
        **unknown_options(item),
        "patient": item.patient_key,
        "case": str(item.case_id),
    }


def _volumes(read: Read) -> list[Json]:
    return [
        {
            "image": image_name(volume), "label": mask_name(volume), "classes": table_of(volume),
            "asked_slices": _asked(volume),
        }
        for volume in label_volumes_of(read)
    ]  # fmt: skip


def _asked(volume: LabelVolume) -> list[int] | None:
    if volume.asked_slices is None:
        return None
    study = volume.read.item.case.study_id
    return asked_planes(
        volume, stack_of(study, volume.series_instance_uid, volume.rows, volume.columns)
    )
