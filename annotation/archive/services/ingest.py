"""The one door into the archive: STOW, folder import, PACS pull and conversions all come here.

Idempotent by SOP Instance UID and SHA-256; other bytes under a known UID are refused; the file
is durable before its row exists, so no row is ever without its file. Many objects go through as
one transaction: one that is refused leaves the others alone.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from annotation.archive import storage
from annotation.archive.fields import JsonText
from annotation.archive.models import Collection, Instance, Study
from annotation.archive.services import indexing
from annotation.core.errors import DomainError, InstanceConflict, OtherStudy, RefusedInstance
from annotation.core.rows import begin_insert
from annotation.imaging import parsing, sandbox
from annotation.imaging.parsing import ParsedHead

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Ingested:
    """What became of one object; `is_new` is False for a byte-equal repeat."""

    instance: Instance
    study: Study
    is_new: bool


@dataclass(frozen=True)
class Arrival:
    """A received file and what the sandbox read in it."""

    received: storage.Received
    record: dict[str, Any]
    dicom_json: JsonText

    @property
    def uid(self) -> str:
        return str(self.record["sop_instance_uid"])


Outcome = Ingested | DomainError


def ingest_file(*, collection: Collection, path: Path) -> Ingested:
    """Ingest one file from disk. Raises RefusedInstance, InstanceConflict or StorageFull."""
    return ingest(collection=collection, chunks=storage.read_chunks(path))


def ingest(*, collection: Collection, chunks: Iterable[bytes]) -> Ingested:
    """Receive, parse in the sandbox, store, index. Raises like `ingest_file`."""
    with storage.receive(chunks) as received:
        outcome = _index_one(collection, examine(received))
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def examine(
    received: storage.Received,
    *,
    study_uid: str | None = None,
    told: ParsedHead | None = None,
) -> Arrival:
    """Read the attributes of a complete file, unless its beginning has `told` them; needs no database.

    With `study_uid`, an instance of another study is refused. Raises RefusedInstance or OtherStudy.
    """
    received.begin_sync()
    if told is not None and told.least_bytes <= received.size_bytes:
        record, text = parsing.as_json(told.parsed)
    else:
        record, text = _parse(received)
    if study_uid is not None and record["study_instance_uid"] != study_uid:
        raise OtherStudy(
            "The instance belongs to another study than the URL.",
            sop_class_uid=record["sop_class_uid"],
            sop_instance_uid=record["sop_instance_uid"],
        )
    return Arrival(received, record, JsonText(text))


def _parse(received: storage.Received) -> tuple[dict[str, Any], str]:
    received.wait()
    try:
        record, text = sandbox.run("parse", path=str(received.path))
    except sandbox.SandboxFailure as failure:
        raise RefusedInstance(failure.reason) from None
    return record, text.decode()


def index(*, collection: Collection, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Store and index what was examined; one outcome per arrival, in order.

    Runs inside the caller's transaction. Raises Overtaken: then that must be rolled back and begun
    again, see `until_not_overtaken`.
    """
    batch = _Batch(collection, arrivals)
    batch.insert()
    return [batch.outcomes[number] for number in range(len(arrivals))]


class Overtaken(Exception):
    """Another request has made a row that was missing a moment ago: look again."""


def until_not_overtaken(transact: Callable[P, R]) -> Callable[P, R]:
    """Repeat a transaction; each time more of what it wants is there, committed by another."""

    @functools.wraps(transact)
    def repeated(*arguments: P.args, **named: P.kwargs) -> R:
        while True:
            with contextlib.suppress(Overtaken):
                return transact(*arguments, **named)

    return repeated


@until_not_overtaken
@transaction.atomic
def _index_one(collection: Collection, arrival: Arrival) -> Outcome:
    [outcome] = index(collection=collection, arrivals=[arrival])
    return outcome


class _Batch:
    """The objects of one transaction on their way in.

    Everything that seems new is sent in one sweep, without waiting after each table; where another
    request was faster, nothing of it stays.
    """

    def __init__(self, collection: Collection, arrivals: Sequence[Arrival]) -> None:
        self.arrivals = arrivals
        self.outcomes: dict[int, Outcome] = {}
        records = [arrival.record for arrival in arrivals]
        self.places = indexing.Places(collection, records)
        if self.places.has_known_instances:
            self._compare_with_stored(collection)

    @property
    def undecided(self) -> list[int]:
        """Numbers of the arrivals without an outcome, in the order that avoids deadlocks."""
        left = (n for n in range(len(self.arrivals)) if n not in self.outcomes)
        return sorted(left, key=lambda n: self.arrivals[n].uid)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [self.arrivals[n].record for n in self.undecided]

    def insert(self) -> None:
        """Decide on everything. Raises Overtaken: then nothing of it may be committed."""
        self.places.add_studies(self.records)
        self._refuse_other_patients()
        self.places.add_series(self.records)
        created = self._insert_instances()
        self.places.count(created)

    def _refuse_other_patients(self) -> None:
        for number in self.undecided:
            record = self.arrivals[number].record
            study = self.places.studies[record["study_instance_uid"]]
            if study.patient_id != record["study"]["PatientID"]:
                self.outcomes[number] = RefusedInstance(
                    "PatientID differs from that of the study's other instances"
                )

    def _insert_instances(self) -> list[Instance]:
        """Files first, durable before this returns; doubles inside the batch go with the first."""
        firsts: dict[str, int] = {}
        for number in self.undecided:
            firsts.setdefault(self.arrivals[number].uid, number)
        kept = storage.begin_keep(self.arrivals[n].received for n in firsts.values())
        try:
            insertion = begin_insert(self._row(number) for number in firsts.values())
            is_ours = insertion.is_complete and self.places.are_all_ours
        finally:
            kept.result()
        if not is_ours:
            raise Overtaken
        rows = {row.sop_instance_uid: row for row in insertion.created}
        for number in self.undecided:
            uid = self.arrivals[number].uid
            self._decide(number, rows[uid], is_new=firsts[uid] == number)
        return insertion.created

    def _row(self, number: int) -> Instance:
        arrival = self.arrivals[number]
        return indexing.instance_row(self.places.series[indexing.place_of(arrival.record)], arrival)

    def _compare_with_stored(self, collection: Collection) -> None:
        """Decide on arrivals whose UID is taken."""
        wanted = [self.arrivals[n].uid for n in self.undecided]
        found = Instance.objects.filter(collection=collection, sop_instance_uid__in=wanted).defer(
            "dicom_json", "frame_index"
        )
        stored = {i.sop_instance_uid: i for i in found.select_related("series__study")}
        for number in self.undecided:
            if (known := stored.get(self.arrivals[number].uid)) is not None:
                self._decide(number, known, is_new=False)

    def _decide(self, number: int, known: Instance, *, is_new: bool) -> None:
        """Stored just now, the same content again, or another one."""
        if known.sha256 == self.arrivals[number].received.sha256:
            self.outcomes[number] = Ingested(known, known.series.study, is_new=is_new)
        else:
            self.outcomes[number] = InstanceConflict(
                "Another content is stored under this SOP Instance UID.",
                sop_class_uid=known.sop_class_uid,
                sop_instance_uid=known.sop_instance_uid,
            )
