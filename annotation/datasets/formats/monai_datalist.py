"""A MONAI datalist: {"training": [{"image": [...], "label": {...}}], "validation", "test"}."""

import json
from typing import Any, BinaryIO

from annotation.datasets.formats.base import (
    ExportFormat,
    Report,
    file_name,
    instances_of,
    items_of,
)
from annotation.datasets.models import Dataset, DatasetItem, Split

SECTIONS = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """Streams section by section; paths are those of the DICOM export."""
    head = {
        "name": dataset.name,
        "dataset": str(dataset.pk),
        "sha256": dataset.sha256,
        "labels": dataset.schema.definition,
    }
    file.write(json.dumps(head)[:-1].encode())
    lines: dict[str, list[bytes]] = {name: [] for name in SECTIONS.values()}
    for item in items_of(dataset, report):
        lines[SECTIONS[Split(item.split)]].append(json.dumps(entry(item)).encode())
    for name, entries in lines.items():
        file.write(f',\n"{name}": ['.encode() + b",\n ".join(entries) + b"]")
    file.write(b"}\n")


def entry(item: DatasetItem) -> dict[str, Any]:
    return {
        "image": [file_name(item, instance) for instance in instances_of(item)],
        "label": item.answers,
        "patient": item.patient_key,
        "case": str(item.case_id),
    }


MONAI_DATALIST = ExportFormat("monai_datalist", "MONAI datalist", "json", "application/json", write)
