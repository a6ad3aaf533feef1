"""Writes what an object says about itself into rows, with the counts that searches answer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from annotation.archive.models import Collection, Instance, Series, Study
from annotation.core import rows

if TYPE_CHECKING:
    from annotation.archive.services.ingest import Arrival

Record = dict[str, Any]
SAME_COLUMNS = (
    "sop_instance_uid", "sop_class_uid", "transfer_syntax_uid", "instance_number", "rows",
    "columns", "bits_allocated", "number_of_frames", "position", "orientation", "frame_index",
    "unrenderable_reason", "misread_by_browsers",
)  # fmt: skip


def find_or_create_studies(collection: Collection, records: Iterable[Record]) -> dict[str, Study]:
    """The study of every record by Study Instance UID."""
    wanted = {r["study_instance_uid"]: r for r in records}
    found = _known_studies(collection, wanted)
    missing = sorted(wanted.keys() - found.keys())
    for study in rows.insert_new(_study(collection, uid, wanted[uid]) for uid in missing):
        found[study.study_instance_uid] = study
    if len(found) < len(wanted):  # another request was faster
        found |= _known_studies(collection, wanted)
    return found


def find_or_create_series(
    studies: Mapping[str, Study], records: Mapping[int, Record]
) -> dict[int, Series]:
    """The series of every record, by the record's number."""

    def key(record: Record) -> tuple[Any, str]:
        return studies[record["study_instance_uid"]].pk, record["series_instance_uid"]

    wanted = {key(r): r for r in records.values()}
    by_pk = {study.pk: study for study in studies.values()}
    found = _known_series(wanted)
    missing = sorted(wanted.keys() - found.keys())
    for series in rows.insert_new(_series(by_pk[k[0]], wanted[k]) for k in missing):
        found[series.study_id, series.series_instance_uid] = series
    if len(found) < len(wanted):  # another request was faster
        found |= _known_series(wanted)
    for (study_pk, _), series in found.items():
        series.study = by_pk[study_pk]
    return {number: found[key(record)] for number, record in records.items()}


def _known_studies(collection: Collection, uids: Iterable[str]) -> dict[str, Study]:
    """Rows with the columns that indexing needs; others load when they are asked for."""
    columns = ["id", "collection_id", "study_instance_uid", "patient_id"]
    found = (
        Study.from_db("default", columns, row)
        for row in rows.fetch_all(KNOWN_STUDIES, [collection.pk, list(uids)])
    )
    return {study.study_instance_uid: study for study in found}


def _known_series(keys: Iterable[tuple[Any, str]]) -> dict[tuple[Any, str], Series]:
    studies, uids = zip(*keys, strict=True) if keys else ((), ())
    columns = ["id", "study_id", "series_instance_uid"]
    found = (
        Series.from_db("default", columns, row)
        for row in rows.fetch_all(KNOWN_SERIES, [list(studies), list(uids)])
    )
    return {(series.study_id, series.series_instance_uid): series for series in found}


def instance_row(series: Series, arrival: "Arrival") -> Instance:
    """An unsaved row."""
    return Instance(
        collection_id=series.study.collection_id,
        series=series,
        sha256=arrival.received.sha256,
        size_bytes=arrival.received.size_bytes,
        dicom_json=arrival.dicom_json,
        **{name: arrival.record[name] for name in SAME_COLUMNS},
    )


def count_in(created: Iterable[Instance]) -> None:
    """Raise the counts of studies and series, and ask for the series to be prepared again.

    The studies are locked in order of their ids, so that concurrent requests wait, not deadlock.
    """
    per_series = Counter(row.series_id for row in created)
    if not per_series:
        return
    per_study: Counter[Any] = Counter()
    for row in created:
        per_study[row.series.study_id] += 1
    rows.execute(LOCK_STUDIES, [list(per_study)])
    rows.execute(COUNT_SERIES, [list(per_series), list(per_series.values())])
    rows.execute(COUNT_STUDIES, [list(per_study), list(per_study.values())])
    ask_for_preparation(list(per_series))


def ask_for_preparation(series_ids: list[Any]) -> None:
    """The series have changed: what was made ahead for them must be made again."""
    rows.execute(ASK_FOR_PREPARATION, [sorted(series_ids)])


KNOWN_STUDIES = """
select id, collection_id, study_instance_uid, patient_id from archive_study
where collection_id = %s and study_instance_uid = any(%s)
"""
KNOWN_SERIES = """
select series.id, series.study_id, series.series_instance_uid from archive_series series
join unnest(%s::uuid[], %s::text[]) as wanted(study_id, uid)
    on wanted.study_id = series.study_id and wanted.uid = series.series_instance_uid
"""
LOCK_STUDIES = """
select id from archive_study where id = any(%s::uuid[]) order by id for no key update
"""
COUNT_SERIES = """
update archive_series set number_of_instances = number_of_instances + new.count
from unnest(%s::uuid[], %s::int[]) as new(id, count) where archive_series.id = new.id
"""
COUNT_STUDIES = """
update archive_study set
    number_of_instances = number_of_instances + new.count,
    number_of_series = (select count(*) from archive_series where study_id = new.id),
    modalities = array(select distinct modality from archive_series
                       where study_id = new.id and modality <> '' order by modality)
from unnest(%s::uuid[], %s::int[]) as new(id, count) where archive_study.id = new.id
"""
ASK_FOR_PREPARATION = """
insert into archive_seriespreparation as known (
    id, created_at, state, attempt, cancel_requested, progress, error,
    series_id, revision, changed_at, metadata_revision, metadata_sha256, has_bulk_data,
    thumbnail_sha256)
select gen_random_uuid(), now(), 'pending', 0, false, '{}', '', new.id, 1, now(), 0, '', false, ''
from unnest(%s::uuid[]) as new(id)
on conflict (series_id) do update set
    revision = known.revision + 1,
    changed_at = now(),
    attempt = case when known.state = 'running' then known.attempt else 0 end,
    state = case when known.state = 'running' then 'running' else 'pending' end
"""


def _study(collection: Collection, uid: str, record: Record) -> Study:
    text: dict[str, str] = record["study"]
    return Study(
        collection=collection,
        study_instance_uid=uid,
        patient_id=text["PatientID"],
        patient_name=text["PatientName"],
        patient_sex=text["PatientSex"][:16],
        patient_age=text["PatientAge"][:16],
        patient_birth_date=_date(record["patient_birth_date"]),
        study_date=_date(record["study_date"]),
        study_time=text["StudyTime"][:32],
        study_id=text["StudyID"],
        accession_number=text["AccessionNumber"],
        study_description=text["StudyDescription"],
        referring_physician_name=text["ReferringPhysicianName"],
        dicom_json=record["study_json"],
    )


def _series(study: Study, record: Record) -> Series:
    text: dict[str, str] = record["series"]
    return Series(
        study=study,
        series_instance_uid=record["series_instance_uid"],
        modality=text["Modality"][:64],
        series_number=record["series_number"],
        series_description=text["SeriesDescription"],
        body_part_examined=text["BodyPartExamined"],
        laterality=text["Laterality"][:64],
        view_position=text["ViewPosition"][:64],
        dicom_json=record["series_json"],
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
