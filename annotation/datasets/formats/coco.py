"""COCO object detection: boxes and outlines of closed regions on every frame of the dataset.

COCO counts from the corner of the first pixel, our content from its centre: half a pixel apart.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from annotation.datasets.formats.base import (
    Report,
    file_name,
    identity_of,
    instances_of,
    items_of,
    reads_of,
)
from annotation.datasets.models import Dataset
from annotation.imaging.measures import measures_of, outline_of
from annotation.labeling.schemas import RegionLabel

CLOSED = ("box", "ellipse", "polygon", "freehand")
DECIMALS = 3  # of a pixel
Json = dict[str, Any]


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """Frames first, then regions in the order of the reads: only their numbers lie in memory."""
    categories = _Categories(dataset)
    ids: dict[tuple[str, str], int] = {}
    _write_head(file, {"info": {"description": dataset.name, **identity_of(dataset)}})
    _write_list(file, "images", _images(dataset, ids, report))
    _write_list(file, "annotations", _annotations(dataset, ids, categories, report))
    _write_list(file, "categories", categories.as_json())
    file.write(b"}\n")


class _Categories:
    """Numbers of region labels: those of the dataset's schema, then those of older versions."""

    def __init__(self, dataset: Dataset) -> None:
        self._numbers: dict[str, int] = {}
        self._labels: list[RegionLabel] = []
        for label in dataset.schema.schema.region_labels:
            self.number_of(label)

    def number_of(self, label: RegionLabel) -> int:
        if label.key not in self._numbers:
            self._labels.append(label)
            self._numbers[label.key] = len(self._labels)
        return self._numbers[label.key]

    def as_json(self) -> Iterator[Json]:
        for number, label in enumerate(self._labels, 1):
            yield {"id": number, "name": label.key, "title": label.label, "colour": label.colour}


def _images(dataset: Dataset, ids: dict[tuple[str, str], int], report: Report) -> Iterator[Json]:
    for item in items_of(dataset, report):
        for instance in instances_of(item):
            for frame in range(1, instance.number_of_frames + 1):
                if not (instance.rows and instance.columns):
                    continue
                number = len(ids) + 1
                ids[str(item.case_id), f"{instance.sop_instance_uid}:{frame}"] = number
                yield {
                    "id": number, "file_name": file_name(item, instance), "frame": frame,
                    "width": instance.columns, "height": instance.rows, "split": item.split,
                    "case": str(item.case_id), "sop_instance_uid": instance.sop_instance_uid,
                }  # fmt: skip


def _annotations(
    dataset: Dataset, ids: dict[tuple[str, str], int], categories: _Categories, report: Report
) -> Iterator[Json]:
    number = 0
    for read in reads_of(dataset, report):
        for region in read.content.get("regions", []):
            label = read.schema.labels.get(region["label"])
            place = f"{region['sop_instance_uid']}:{region['frame']}"
            image = ids.get((str(read.item.case_id), place))
            if label is None or image is None or region["kind"] not in CLOSED:
                continue
            number += 1
            yield {
                "id": number, "image_id": image, "category_id": categories.number_of(label),
                **shape_of(region), "iscrowd": 0, "region": region["id"],
                "revision": str(read.revision.pk), "attributes": region.get("answers", {}),
            }  # fmt: skip


def shape_of(region: Json) -> Json:
    """`bbox` (x, y, width, height), `segmentation` (one polygon) and `area`, in pixels."""
    corners = outline_of(region["kind"], np.asarray(region["pixels"], np.float64) + 0.5)
    low, high = corners.min(axis=0), corners.max(axis=0)
    area = measures_of(region["kind"], region["pixels"])["area"]
    return {
        "bbox": _rounded([*low, *(high - low)]),
        "segmentation": [_rounded(corners.ravel())],
        "area": round(area, DECIMALS),
    }


def _rounded(numbers: Any) -> list[float]:
    return [round(float(number), DECIMALS) for number in numbers]


def _write_head(file: BinaryIO, head: Json) -> None:
    file.write(json.dumps(head, ensure_ascii=False)[:-1].encode())


def _write_list(file: BinaryIO, name: str, entries: Iterator[Json]) -> None:
    file.write(f',\n"{name}": ['.encode())
    for place, entry in enumerate(entries):
        file.write(
            (b"," if place else b"") + b"\n" + json.dumps(entry, ensure_ascii=False).encode()
        )
    file.write(b"]")
