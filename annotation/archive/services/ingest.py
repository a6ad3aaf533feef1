"""The one door into the archive: STOW, folder import, PACS pull and conversions all come here.

Idempotent by SOP Instance UID and SHA-256; other bytes under a known UID are refused; the file
is durable before its row exists, so no row is ever without its file. Many objects go through as
one transaction: one that is refused leaves the others alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from annotation.archive import storage
from annotation.archive.fields import JsonText
from annotation.archive.models import Collection, Instance, Study
from annotation.archive.services import indexing
from annotation.core.errors import DomainError, InstanceConflict, OtherStudy, RefusedInstance
from annotation.core.rows import insert_new
from annotation.imaging import sandbox


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
        [outcome] = index(collection=collection, arrivals=[examine(received)])
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def examine(received: storage.Received, *, study_uid: str | None = None) -> Arrival:
    """Parse a complete file in the sandbox; needs no database.

    With `study_uid`, an instance of another study is refused. Raises RefusedInstance or OtherStudy.
    """
    try:
        record, body = sandbox.run("parse", meanwhile=received.settle, path=str(received.path))
    except sandbox.SandboxFailure as failure:
        raise RefusedInstance(failure.reason) from None
    if study_uid is not None and record["study_instance_uid"] != study_uid:
        raise OtherStudy(
            "The instance belongs to another study than the URL.",
            sop_class_uid=record["sop_class_uid"],
            sop_instance_uid=record["sop_instance_uid"],
        )
    return Arrival(received, record, JsonText(body.decode()))


@transaction.atomic(savepoint=False)
def index(*, collection: Collection, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Store and index what was examined, all or nothing; one outcome per arrival, in order."""
    batch = _Batch(collection, arrivals)
    batch.find_places()
    batch.insert()
    return [batch.outcomes[number] for number in range(len(arrivals))]


class _Batch:
    """The objects of one transaction on their way in; what the archive holds already is sorted out."""

    def __init__(self, collection: Collection, arrivals: Sequence[Arrival]) -> None:
        self.collection = collection
        self.arrivals = arrivals
        self.outcomes: dict[int, Outcome] = {}
        records = [arrival.record for arrival in arrivals]
        self.places = indexing.Places(collection, records)
        if self.places.has_known_instances:
            self._compare()

    @property
    def undecided(self) -> list[int]:
        """Numbers of the arrivals without an outcome, in the order that avoids deadlocks."""
        left = (n for n in range(len(self.arrivals)) if n not in self.outcomes)
        return sorted(left, key=lambda n: self.arrivals[n].uid)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [self.arrivals[n].record for n in self.undecided]

    def find_places(self) -> None:
        """The study and the series of every object, made where they are new."""
        self.places.find_or_create_studies(self.records)
        for number in self.undecided:
            record = self.arrivals[number].record
            study = self.places.studies[record["study_instance_uid"]]
            if study.patient_id != record["study"]["PatientID"]:
                self.outcomes[number] = RefusedInstance(
                    "PatientID differs from that of the study's other instances"
                )
        self.places.find_or_create_series(self.records)

    def insert(self) -> None:
        """Files first, then rows; of two requests with one UID the first to insert wins."""
        rows: dict[str, Instance] = {}
        numbers: dict[str, int] = {}
        for number in self.undecided:
            arrival = self.arrivals[number]
            if arrival.uid not in rows:  # a double inside the batch is compared below
                series = self.places.series[indexing.place_of(arrival.record)]
                rows[arrival.uid] = indexing.instance_row(series, arrival)
                numbers[arrival.uid] = number
        storage.keep_all(self.arrivals[n].received for n in numbers.values())
        created = insert_new(rows.values())
        for row in created:
            self.outcomes[numbers[row.sop_instance_uid]] = Ingested(
                row, row.series.study, is_new=True
            )
        if self.undecided:  # another request was faster, or doubles
            self._compare()
        self.places.count(created)

    def _compare(self) -> None:
        """Decide on arrivals whose UID is taken: the same content again, or another one."""
        wanted = [self.arrivals[n].uid for n in self.undecided]
        found = Instance.objects.filter(
            collection=self.collection, sop_instance_uid__in=wanted
        ).defer("dicom_json", "frame_index")  # fmt: skip
        stored = {i.sop_instance_uid: i for i in found.select_related("series__study")}
        for number in self.undecided:
            arrival = self.arrivals[number]
            known = stored.get(arrival.uid)
            if known is None:
                continue
            if known.sha256 == arrival.received.sha256:
                self.outcomes[number] = Ingested(known, known.series.study, is_new=False)
            else:
                self.outcomes[number] = InstanceConflict(
                    "Another content is stored under this SOP Instance UID.",
                    sop_class_uid=known.sop_class_uid,
                    sop_instance_uid=arrival.uid,
                )
