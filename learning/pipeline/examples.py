"""The frozen items as files of network inputs and labels, split by split."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from annotation.core import jobs
from annotation.core.jobs import Job
from annotation.datasets.models import Dataset, DatasetItem, Split
from annotation.datasets.selectors import outgrown_cases
from learning.column_values import frozen_rows, with_rows
from learning.exclusions import SENTENCES
from learning.pipeline.base import Examples, Kind
from learning.pipeline.reads import ReadAhead
from learning.training.data import ArrayFile
from learning.training.preparation import UnusableInput


def load_examples(
    job: Job, dataset: Dataset, kind: Kind, folder: Path, excluded: dict[UUID, str]
) -> dict[Split, Examples]:
    """All usable items; images (and masks) lie in files, so that memory does not grow with them."""
    items = answered(kind, dataset.items.all(), excluded)
    chosen = with_rows(
        kind.inputs.choose([item.case for item in items.values()], excluded),
        frozen_rows(items.values(), kind.columns), kind.columns, excluded,
    )  # fmt: skip
    reader = ExampleReader(job, kind, items, folder, excluded, len(chosen))
    return {
        split: reader.read(split, [c for c in chosen if items[c.study_id].split == split])
        for split in Split
    }


def answered(
    kind: Kind, items: QuerySet[DatasetItem], excluded: dict[UUID, str]
) -> dict[UUID, DatasetItem]:
    """By study the items that teach something; of all others the reason goes into `excluded`.

    In the order of the studies' UIDs: training must not depend on random row identifiers.
    """
    found = list(
        items.select_related("case__study")
        .defer("case__study__dicom_json")
        .order_by("case__study__study_instance_uid")
    )
    kind.look_up(found)
    outgrown = outgrown_cases(items)
    usable = {}
    for item in found:
        if item.case_id in outgrown:
            excluded[item.case_id] = SENTENCES["outgrown"]
        elif kind.answer(item) is None:
            excluded[item.case_id] = kind.why_no_answer(item)
        else:
            usable[item.case.study_id] = item
    return usable


class ExampleReader:
    """Writes inputs and labels of chosen items into files of a folder, and tells the job how far it is."""

    def __init__(
        self,
        job: Job,
        kind: Kind,
        items: dict[UUID, DatasetItem],
        folder: Path,
        excluded: dict[UUID, str],
        total: int,
    ) -> None:
        self._job, self._kind, self._items = job, kind, items
        self._folder, self._excluded, self._total = folder, excluded, total
        self._done = 0

    def read(self, name: str, chosen: list[Any]) -> Examples:
        """Those that can be used, under that name."""
        examples = Examples(images=[])
        examples.images = ArrayFile.write(
            self._folder / f"images-{name}", self._images(name, chosen, examples)
        )
        if self._kind.is_drawn:
            examples.labels = ArrayFile.write(
                self._folder / f"masks-{name}", _taken(examples.labels)
            )
        return examples

    def _images(self, name: str, chosen: list[Any], examples: Examples) -> Iterator[Any]:
        reads = ReadAhead([self._items[one.study_id] for one in chosen])
        for one, image in self._kind.inputs.load(chosen, self._excluded, self._report):
            item = self._items[one.study_id]
            try:
                label = self._kind.label(one, item, image, reads)
            except (UnusableInput, ValueError) as why:
                self._excluded[item.case_id] = str(why)
                continue
            if self._kind.is_drawn:
                path = self._folder / f"mask-{name}-{len(examples.patients)}.npy"
                np.save(path, label)
                label = path
            examples.labels.append(label)
            examples.patients.append(item.patient_key)
            examples.cases.append(item.case_id)
            examples.spacings_mm.append(self._kind.spacing_of(one))
            if self._kind.columns:
                examples.rows.append(one.row)
            yield image
        self._done += len(chosen)

    def _report(self, done: int) -> None:
        jobs.report(self._job, step="load", done=self._done + done, total=self._total)


def _taken(paths: list[Path]) -> Iterator[Any]:
    """The arrays of files, which are no longer needed then."""
    for path in paths:
        yield np.load(path)
        path.unlink()
