"""The one door into the archive: STOW, folder import, PACS pull and conversions all come here.

Idempotent by SOP Instance UID and SHA-256; other bytes under a known UID are refused; the file
is durable before its row exists, so no row is ever without its file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction

from annotation.archive import storage
from annotation.archive.models import Collection, Instance, Series, Study
from annotation.core.errors import InstanceConflict, OtherStudy, RefusedInstance
from annotation.imaging import sandbox

STUDY_TAGS = (
    "00080005", "00080020", "00080030", "00080050", "00080090", "00081030", "00100010",
    "00100020", "00100030", "00100040", "00101010", "0020000D", "00200010",
)  # fmt: skip
SERIES_TAGS = (
    "00080005", "00080060", "0008103E", "0020000E", "00200011", "00200060", "00180015",
    "00185101", "00400244", "00400245", "00400275",
)  # fmt: skip


@dataclass(frozen=True)
class Ingested:
    """What became of one object; `is_new` is False for a byte-equal repeat."""

    instance: Instance
    study: Study
    is_new: bool


def ingest_file(*, collection: Collection, path: Path) -> Ingested:
    """Ingest one file from disk. Raises RefusedInstance, InstanceConflict or StorageFull."""
    return ingest(collection=collection, chunks=storage.read_chunks(path))


def ingest(*, collection: Collection, chunks: Iterable[bytes]) -> Ingested:
    """Receive, parse in the sandbox, store, index. Raises like `ingest_file`."""
    with storage.receive(chunks) as received:
        return ingest_received(collection=collection, received=received)


def ingest_received(
    *, collection: Collection, received: storage.Received, study_uid: str | None = None
) -> Ingested:
    """Parse, store and index a file that has arrived completely.

    With `study_uid`, an instance of another study is refused before anything is kept.
    """
    parsed = _parse(received)
    if study_uid is not None and parsed["study_instance_uid"] != study_uid:
        raise OtherStudy(
            "The instance belongs to another study than the URL.",
            sop_class_uid=parsed["sop_class_uid"],
            sop_instance_uid=parsed["sop_instance_uid"],
        )
    return _index(collection, received, parsed)


def _parse(received: storage.Received) -> dict[str, Any]:
    try:
        parsed, _ = sandbox.run("parse", path=str(received.path))
    except sandbox.SandboxFailure as failure:
        raise RefusedInstance(failure.reason) from None
    record: dict[str, Any] = parsed
    return record


@transaction.atomic
def _index(collection: Collection, received: storage.Received, parsed: dict[str, Any]) -> Ingested:
    known = (
        Instance.objects.select_related("series__study")
        .filter(collection=collection, sop_instance_uid=parsed["sop_instance_uid"])
        .first()
    )
    if known is not None:
        return _repeat(known, received, parsed)
    study = _study(collection, parsed)
    series = _series(study, parsed)
    storage.keep(received)
    created = Instance.objects.bulk_create(
        [_instance(collection, series, received, parsed)], ignore_conflicts=True
    )
    stored = Instance.objects.select_related("series__study").get(
        collection=collection, sop_instance_uid=parsed["sop_instance_uid"]
    )
    if stored.pk != created[0].pk:  # another request was faster
        return _repeat(stored, received, parsed)
    return Ingested(stored, study, is_new=True)


def _repeat(known: Instance, received: storage.Received, parsed: dict[str, Any]) -> Ingested:
    if known.sha256 != received.sha256:
        raise InstanceConflict(
            "Another content is stored under this SOP Instance UID.",
            sop_instance_uid=parsed["sop_instance_uid"],
        )
    return Ingested(known, known.series.study, is_new=False)


def _study(collection: Collection, parsed: dict[str, Any]) -> Study:
    lookup = {"collection": collection, "study_instance_uid": parsed["study_instance_uid"]}
    study = Study.objects.filter(**lookup).first()
    if study is None:
        Study.objects.bulk_create(
            [Study(**lookup, **_study_columns(parsed))], ignore_conflicts=True
        )
        study = Study.objects.get(**lookup)
    if study.patient_id != parsed["study"]["PatientID"]:
        raise RefusedInstance("PatientID differs from that of the study's other instances")
    return study


def _study_columns(parsed: dict[str, Any]) -> dict[str, Any]:
    text: dict[str, str] = parsed["study"]
    return {
        "patient_id": text["PatientID"],
        "patient_name": text["PatientName"],
        "patient_sex": text["PatientSex"][:16],
        "patient_age": text["PatientAge"][:16],
        "patient_birth_date": _date(parsed["patient_birth_date"]),
        "study_date": _date(parsed["study_date"]),
        "study_time": text["StudyTime"][:32],
        "study_id": text["StudyID"],
        "accession_number": text["AccessionNumber"],
        "study_description": text["StudyDescription"],
        "referring_physician_name": text["ReferringPhysicianName"],
        "dicom_json": _subset(parsed, STUDY_TAGS),
    }


def _series(study: Study, parsed: dict[str, Any]) -> Series:
    lookup = {"study": study, "series_instance_uid": parsed["series_instance_uid"]}
    series = Series.objects.filter(**lookup).first()
    if series is None:
        text: dict[str, str] = parsed["series"]
        columns = {
            "modality": text["Modality"][:64],
            "series_number": parsed["series_number"],
            "series_description": text["SeriesDescription"],
            "body_part_examined": text["BodyPartExamined"],
            "laterality": text["Laterality"][:64],
            "view_position": text["ViewPosition"][:64],
            "dicom_json": _subset(parsed, SERIES_TAGS),
        }
        Series.objects.bulk_create([Series(**lookup, **columns)], ignore_conflicts=True)
        series = Series.objects.get(**lookup)
    return series


def _instance(
    collection: Collection, series: Series, received: storage.Received, parsed: dict[str, Any]
) -> Instance:
    same = (
        "sop_instance_uid", "sop_class_uid", "transfer_syntax_uid", "instance_number", "rows",
        "columns", "number_of_frames", "position", "orientation", "frame_index",
        "unrenderable_reason", "dicom_json",
    )  # fmt: skip
    return Instance(
        collection=collection,
        series=series,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        **{name: parsed[name] for name in same},
    )


def _subset(parsed: dict[str, Any], tags: tuple[str, ...]) -> dict[str, Any]:
    return {tag: parsed["dicom_json"][tag] for tag in tags if tag in parsed["dicom_json"]}


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
