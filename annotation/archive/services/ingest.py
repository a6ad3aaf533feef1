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
from annotation.archive.models import Collection, Instance, Series, Study
from annotation.archive.services import indexing
from annotation.core.errors import DomainError, InstanceConflict, OtherStudy, RefusedInstance
from annotation.core.rows import fetch_all, insert_new
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


KNOWN_UIDS = """
select 1 from archive_instance where collection_id = %s and sop_instance_uid = any(%s) limit 1
"""
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
        record, body = sandbox.run("parse", path=str(received.path))
    except sandbox.SandboxFailure as failure:
        raise RefusedInstance(failure.reason) from None
    if study_uid is not None and record["study_instance_uid"] != study_uid:
        raise OtherStudy(
            "The instance belongs to another study than the URL.",
            sop_class_uid=record["sop_class_uid"],
            sop_instance_uid=record["sop_instance_uid"],
        )
    return Arrival(received, record, JsonText(body.decode()))


@transaction.atomic
def index(*, collection: Collection, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Store and index what was examined, all or nothing; one outcome per arrival, in order."""
    batch = _Batch(collection, arrivals)
    batch.sort_out_repeats()
    batch.find_places()
    batch.insert()
    return [batch.outcomes[number] for number in range(len(arrivals))]


class _Batch:
    """The objects of one transaction on their way in."""

    def __init__(self, collection: Collection, arrivals: Sequence[Arrival]) -> None:
        self.collection = collection
        self.arrivals = arrivals
        self.outcomes: dict[int, Outcome] = {}
        self.places: dict[int, Series] = {}

    @property
    def undecided(self) -> list[int]:
        """Numbers of the arrivals without an outcome, in the order that avoids deadlocks."""
        left = (n for n in range(len(self.arrivals)) if n not in self.outcomes)
        return sorted(left, key=lambda n: self.arrivals[n].uid)

    def sort_out_repeats(self) -> None:
        """What the archive holds already, and doubles inside the batch."""
        self._compare(self._stored())

    def find_places(self) -> None:
        """The study and the series of every object, made where they are new."""
        records = {n: self.arrivals[n].record for n in self.undecided}
        studies = indexing.find_or_create_studies(self.collection, records.values())
        for number, record in records.items():
            study = studies[record["study_instance_uid"]]
            if study.patient_id != record["study"]["PatientID"]:
                self.outcomes[number] = RefusedInstance(
                    "PatientID differs from that of the study's other instances"
                )
        placed = {n: r for n, r in records.items() if n not in self.outcomes}
        self.places = indexing.find_or_create_series(studies, placed)

    def insert(self) -> None:
        """Files first, then rows; of two requests with one UID the first to insert wins."""
        rows: dict[str, Instance] = {}
        numbers: dict[str, int] = {}
        for number in self.undecided:
            arrival = self.arrivals[number]
            if arrival.uid not in rows:  # a double inside the batch is compared below
                rows[arrival.uid] = indexing.instance_row(self.places[number], arrival)
                numbers[arrival.uid] = number
        storage.keep_all(self.arrivals[n].received for n in numbers.values())
        created = insert_new(rows.values())
        for row in created:
            self.outcomes[numbers[row.sop_instance_uid]] = Ingested(
                row, row.series.study, is_new=True
            )
        if self.undecided:  # another request was faster
            self._compare(self._stored())
        indexing.count_in(created)

    def _stored(self) -> dict[str, Instance]:
        """Rows with the UIDs of undecided arrivals; the first look is cheap: usually none is."""
        wanted = [self.arrivals[n].uid for n in self.undecided]
        if not fetch_all(KNOWN_UIDS, [self.collection.pk, wanted]):
            return {}
        found = Instance.objects.filter(
            collection=self.collection, sop_instance_uid__in=wanted
        ).defer("dicom_json", "frame_index")  # fmt: skip
        return {i.sop_instance_uid: i for i in found.select_related("series__study")}

    def _compare(self, stored: dict[str, Instance]) -> None:
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
