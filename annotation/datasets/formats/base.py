"""What every writer of an export needs: the items and reads of a dataset in a fixed order."""

import hashlib
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO
from uuid import UUID

from annotation.archive.models import Instance
from annotation.datasets.models import Dataset, DatasetItem, Split
from annotation.datasets.selectors import fetch_disputed, fetch_schemas, find_instances
from annotation.labeling.models import Revision
from annotation.labeling.schemas import Schema

Report = Callable[[int, int], None]  # (items done, items in all)
Write = Callable[[Dataset, BinaryIO, Report], None]
FIXED_DATE = (2000, 1, 1, 0, 0, 0)  # the same dataset gives the same bytes
SECTIONS = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}
ITEMS_AT_ONCE = 500
READS_AT_ONCE = 100  # of which the content, up to 16 MiB each, lies in memory


@dataclass(frozen=True)
class Read:
    """One accepted read of an item; `number` counts a case's reads from 1, oldest first."""

    item: DatasetItem
    revision: Revision
    number: int

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = self.revision.content
        return content

    @property
    def schema(self) -> Schema:
        """The version of the label schema that the reader answered."""
        return self.revision.schema.schema

    def asked_slices(self, layer: int, series_instance_uid: str) -> frozenset[str] | None:
        """The slices ("UID:frame") that the reader was asked to draw; None: the whole series."""
        here = (layer, series_instance_uid)
        asked = [
            one["slices"]
            for one in self.revision.asked
            if (one["layer"], one["series_instance_uid"]) == here
        ]
        return frozenset(chain.from_iterable(asked)) if asked else None

    def is_asked_for_some(self, layer: int) -> bool:
        """Whether the reader was asked to draw some slices alone, of whatever series."""
        return any(one["layer"] == layer for one in self.revision.asked)


def items_of(dataset: Dataset, report: Report) -> Iterator[DatasetItem]:
    """The items in a fixed order, with what `unknown_options` asks; reports progress every hundred."""
    rows = dataset.items.select_related("case__study").order_by("case_id")
    total, done = rows.count(), 0
    waiting = rows.iterator(chunk_size=ITEMS_AT_ONCE)
    while batch := list(islice(waiting, ITEMS_AT_ONCE)):
        fetch_schemas(batch)
        fetch_disputed(batch)
        for item in batch:
            if done % 100 == 0:
                report(done, total)
            yield item
            done += 1


def unknown_options(item: DatasetItem) -> dict[str, dict[str, list[str]]]:
    """Options that are neither present nor absent, by why that is and by question with several answers."""
    later = _not_asked(item)
    return {"not_asked": later, "disputed": _disputed(item, later)}


def _not_asked(item: DatasetItem) -> dict[str, list[str]]:
    """Those that not every read of the case could choose: they came into the schema later."""
    found = {}
    for question in item.dataset.schema.schema.study_questions:
        if question.kind != "many":
            continue
        asked = [schema.question(question.key) for schema in item.schemas]
        later = [
            o for o in question.option_keys if not all(q and o in q.option_keys for q in asked)
        ]
        if later:
            found[question.key] = later
    return found


def _disputed(item: DatasetItem, later: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those of an agreed answer on which its readers, who all could choose them, do not agree."""
    found = {}
    for question in item.dataset.schema.schema.study_questions:
        unsettled = item.disputed.get(question.key, frozenset()) - {*later.get(question.key, ())}
        if unsettled and isinstance(item.answers.get(question.key), list):
            found[question.key] = [o for o in question.option_keys if o in unsettled]
    return found


def reads_of(dataset: Dataset, report: Report) -> Iterator[Read]:
    """Every accepted read of every item, in a fixed order."""
    batch: list[DatasetItem] = []
    for item in items_of(dataset, report):
        batch.append(item)
        if len(batch) == READS_AT_ONCE:
            yield from reads_of_items(batch)
            batch = []
    yield from reads_of_items(batch)


def reads_of_items(items: list[DatasetItem]) -> Iterator[Read]:
    ids = [pk for item in items for pk in item.revision_ids]
    found: dict[UUID, list[Revision]] = defaultdict(list)
    revisions = Revision.objects.filter(pk__in=ids).select_related("annotation", "schema")
    for revision in revisions.order_by("created_at", "pk"):
        found[revision.annotation.case_id].append(revision)
    for item in items:
        for number, revision in enumerate(found[item.case_id], 1):
            yield Read(item, revision, number)


def instances_of(item: DatasetItem) -> list[Instance]:
    """The case's instances with their series, in a fixed order, without their DICOM JSON."""
    return list(find_instances(item))


def file_name(item: DatasetItem, instance: Instance) -> str:
    """Where the DICOM export keeps an instance; the datalist points there."""
    return f"dicom/{item.split}/{item.case_id}/{instance.sha256[:32]}.dcm"


def identity_of(dataset: Dataset) -> dict[str, Any]:
    """What every file says of the dataset it was made from."""
    return {
        "name": dataset.name,
        "number": dataset.number,
        "dataset": str(dataset.pk),
        "sha256": dataset.sha256,
    }


class Archive:
    """A ZIP file that is the same for the same entries and ends with their hashes.

    `manifest.json` lists the files, and what had to be left out with the reason.
    """

    def __init__(self, dataset: Dataset, file: BinaryIO) -> None:
        self._dataset = dataset
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._files: list[dict[str, Any]] = []
        self._left_out: list[dict[str, Any]] = []

    def add(self, name: str, data: bytes, **about: Any) -> None:
        with self.entry(name, **about) as file:
            file.write(data)

    @contextmanager
    def entry(self, name: str, **about: Any) -> Iterator[BinaryIO]:
        """A file to write; nothing of it is kept in memory."""
        with self._zip.open(zipfile.ZipInfo(name, FIXED_DATE), "w", force_zip64=True) as file:
            hashing = _Hashing(file)
            yield hashing  # type: ignore[misc]
        self._files.append({"file": name, "sha256": hashing.digest.hexdigest(), **about})

    def leave_out(self, reason: str, **about: Any) -> None:
        self._left_out.append({**about, "reason": reason})

    def finish(self, **more: Any) -> None:
        """Write the manifest and the directory."""
        body = {**identity_of(self._dataset), **more, "files": self._files}
        text = json.dumps({**body, "left_out": self._left_out}, indent=1, ensure_ascii=False)
        self._zip.writestr(zipfile.ZipInfo("manifest.json", FIXED_DATE), text.encode())
        self._zip.close()


class _Hashing(io.RawIOBase):
    """Writes through and hashes on the way."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self._file.write(data)
        return len(data)
