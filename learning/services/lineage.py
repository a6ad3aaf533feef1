"""Where a model version comes from: round, dataset, reads and images, by count and by hash."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum

from annotation.archive.models import Study
from annotation.datasets.models import Dataset, Split
from learning.models import ModelVersion, Round
from learning.training.inputs import columns_of


@dataclass(frozen=True)
class SplitSize:
    split: str
    cases: int
    patients: int


@dataclass(frozen=True)
class DatasetLine:
    """A frozen dataset and what it was made of. Hashes are SHA-256 over sorted SHA-256."""

    id: str
    number: int
    sha256: str
    frozen_at: datetime
    schema_version: int
    cases: int
    patients: int
    splits: list[SplitSize]
    reads: int
    reads_sha256: str  # over the content of every read
    instances: int  # that the studies hold now; the hash is over those they held then
    instances_sha256: str


@dataclass(frozen=True)
class StartLine:
    """The weights that training began with: another model's, a pre-training's, a file's or a hub's."""

    name: str
    sha256: str


@dataclass(frozen=True)
class RoundLine:
    number: int
    trigger: str
    strategy: str
    seed: int
    code_revision: str
    device: str
    config: dict[str, Any]
    training_labels: int | None
    started_from: StartLine | None
    excluded: list[tuple[str, int]]  # reason and how many cases left out
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Lineage:
    """The chain model, round, dataset, reads, instances."""

    weights_sha256: str
    created_at: datetime
    origin: str  # of an imported model; it has neither round nor dataset here
    columns: list[str]  # clinical values that it sees beside the image
    round: RoundLine | None
    dataset: DatasetLine | None


def lineage_of(version: ModelVersion) -> Lineage:
    """The chain of a version; no patient and no study is named."""
    dataset = version.round.dataset if version.round else None
    return Lineage(
        weights_sha256=version.weights_sha256,
        created_at=version.created_at,
        origin=version.origin,
        columns=[column.name for column in columns_of(version.input)],
        round=_round_line(version.round) if version.round else None,
        dataset=_dataset_line(dataset) if dataset else None,
    )


def _round_line(round_: Round) -> RoundLine:
    reasons = round_.metrics.get("excluded_reasons", [])
    return RoundLine(
        number=round_.number,
        trigger=round_.trigger,
        strategy=round_.strategy,
        seed=round_.seed,
        code_revision=round_.code_revision,
        device=round_.metrics.get("device", ""),
        config=round_.config,
        training_labels=round_.training_labels,
        started_from=_start_line(round_),
        excluded=[(one["reason"], one["count"]) for one in reasons],
        started_at=round_.started_at,
        finished_at=round_.finished_at,
    )


def _start_line(round_: Round) -> StartLine | None:
    taken = round_.started_from
    return StartLine(taken["name"], taken["sha256"]) if taken else None


def _dataset_line(dataset: Dataset) -> DatasetLine:
    cases: Counter[str] = Counter()
    patients: dict[str, set[str]] = defaultdict(set)
    reads: list[str] = []
    images: list[str] = []
    rows = dataset.items.values_list("split", "patient_key", "contents_sha256", "images_sha256")
    for split, patient, contents, image in rows.iterator(chunk_size=20_000):
        cases[split] += 1
        patients[split].add(patient)
        reads += contents
        images.append(image)
    held = Study.objects.filter(cases__dataset_items__dataset=dataset)
    return DatasetLine(
        id=str(dataset.pk),
        number=dataset.number,
        sha256=dataset.sha256,
        frozen_at=dataset.created_at,
        schema_version=dataset.schema.version,
        cases=cases.total(),
        patients=sum(len(found) for found in patients.values()),
        splits=[SplitSize(split, cases[split], len(patients[split])) for split in Split.values],
        reads=len(reads),
        reads_sha256=_over(reads),
        instances=held.aggregate(total=Sum("number_of_instances"))["total"] or 0,
        instances_sha256=_over(images),
    )


def _over(hashes: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for one in sorted(hashes):
        digest.update(one.encode())
    return digest.hexdigest()
