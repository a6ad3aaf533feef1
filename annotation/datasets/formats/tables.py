"""One CSV table for each scope of questions, one of regions and one of masks, in a ZIP."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np

from annotation.archive.stacks import stack_of
from annotation.datasets.formats import csv_table
from annotation.datasets.formats.base import Archive, Read, Report, reads_of
from annotation.datasets.formats.content import regions_in_patient
from annotation.datasets.formats.csv_table import safe_cell
from annotation.datasets.formats.label_maps import label_volumes_of
from annotation.datasets.formats.nifti import mask_name
from annotation.datasets.models import Dataset

OF_READ = (*csv_table.OF_CASE, "read", "revision")
MEASURES = ("length", "short_axis", "angle", "area", "unit", "source")
Rows = Iterator[list[Any]]
RowsOf = Callable[[Read, list[str]], Rows]


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """A pass over the reads for every table, so that no table lies in memory."""
    archive = Archive(dataset, file)
    with archive.entry("studies.csv") as entry:
        csv_table.write(dataset, entry, report)
    for name, scope, columns, rows_of in TABLES:
        questions = [q.key for q in dataset.schema.schema.questions_of(scope)] if scope else []
        rows = (
            [*_of_read(read), *row]
            for read in reads_of(dataset, report)
            for row in rows_of(read, questions)
        )
        with archive.entry(name) as entry:
            text = io.TextIOWrapper(entry, encoding="utf-8", newline="", write_through=True)
            table = csv.writer(text)
            table.writerow([*OF_READ, *columns, *questions])
            table.writerows([safe_cell(cell) for cell in row] for row in rows)
            text.detach()
    archive.finish()


def _of_read(read: Read) -> list[Any]:
    item = read.item
    study = item.case.study.study_instance_uid
    return [item.case_id, study, item.patient_key, item.split, read.number, read.revision.pk]


def _answered(answers: dict[str, Any], questions: Iterable[str]) -> list[Any]:
    return [answers.get(key) for key in questions]


def _series(read: Read, questions: list[str]) -> Rows:
    for entry in read.content.get("scoped", []):
        if "series_instance_uid" in entry:
            yield [entry["series_instance_uid"], *_answered(entry["answers"], questions)]


def _instances(read: Read, questions: list[str]) -> Rows:
    for entry in read.content.get("scoped", []):
        if "sop_instance_uid" in entry:
            place = [entry["sop_instance_uid"], entry["frame"]]
            yield [*place, *_answered(entry["answers"], questions)]


def _regions(read: Read, questions: list[str]) -> Rows:
    for region in regions_in_patient(read):
        yield [
            *(region.get(name) for name in ("id", "kind", "label", "name", "sop_instance_uid", "frame")),
            json.dumps(region["pixels"]),
            json.dumps(region["points"]) if region["points"] else None,
            *_answered(region["measures"], MEASURES),
            *_answered(region.get("answers", {}), questions),
        ]  # fmt: skip


def _masks(read: Read, _questions: list[str]) -> Rows:
    """One row per segment that was drawn; the volume where the series is one."""
    for volume in label_volumes_of(read):
        stack = stack_of(
            read.item.case.study_id, volume.series_instance_uid, volume.rows, volume.columns
        )
        counts, slices = np.zeros(256, np.int64), np.zeros(256, np.int64)
        for frame in stack.frames:
            labels = volume.labels_of(frame)
            if labels is not None:
                found = np.bincount(labels.ravel(), minlength=256)
                counts, slices = counts + found, slices + (found > 0)
        voxel_mm3 = abs(float(np.linalg.det(stack.affine_lps[:3, :3])))
        for segment in volume.segments:
            voxels = int(counts[segment.value])
            volume_mm3 = None if stack.not_a_volume else round(voxels * voxel_mm3, 3)
            yield [
                mask_name(volume), volume.series_instance_uid, volume.layer, segment.value,
                segment.label, voxels, int(slices[segment.value]), volume_mm3,
            ]  # fmt: skip


TABLES: tuple[tuple[str, str, tuple[str, ...], RowsOf], ...] = (
    ("series.csv", "series", ("series_instance_uid",), _series),
    ("instances.csv", "instance", ("sop_instance_uid", "frame"), _instances),
    (
        "regions.csv", "region",
        ("region", "kind", "label", "name", "sop_instance_uid", "frame", "pixels", "points_lps_mm",
         *MEASURES),
        _regions,
    ),
    (
        "masks.csv", "",
        ("file", "series_instance_uid", "layer", "value", "label", "voxels", "slices", "volume_mm3"),
        _masks,
    ),
)  # fmt: skip
