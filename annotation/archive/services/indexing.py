"""Writes what an object says about itself into rows, with the counts that searches answer."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from annotation.archive.models import Collection, Instance, Series, Study
from annotation.core import rows

if TYPE_CHECKING:
    from annotation.archive.services.ingest import Arrival

K = TypeVar("K")
Record = dict[str, Any]
STUDY_COLUMNS = ["id", "collection_id", "study_instance_uid", "patient_id"]
SERIES_COLUMNS = ["id", "study_id", "series_instance_uid"]
SAME_COLUMNS = (
    "sop_instance_uid", "sop_class_uid", "transfer_syntax_uid", "instance_number", "rows",
    "columns", "bits_allocated", "number_of_frames", "position", "orientation", "frame_index",
    "unrenderable_reason", "misread_by_browsers",
)  # fmt: skip


class Places:
    """The studies and series of the objects of one batch, made where they are new.

    A new row is written once, with the counts that it will have; `count` raises those of the others.
    """

    def __init__(self, collection: Collection, records: Sequence[Record]) -> None:
        self.collection = collection
        self.studies: dict[str, Study] = {}
        self.series: dict[tuple[str, str], Series] = {}  # by both Instance UIDs
        self.has_known_instances = False
        self._counted: Counter[Any] = Counter()  # by id of a new row: what it counts already
        self._insertions: list[rows.Insertion[Any]] = []
        self._look_up(records)

    def add_studies(self, records: Sequence[Record]) -> None:
        """The study of every record, in `studies`; new ones are on their way into the database."""
        groups = _grouped(records, lambda r: str(r["study_instance_uid"]))
        missing = sorted(groups.keys() - self.studies.keys())
        new = [self._new_study(groups[uid]) for uid in missing]
        self._insertions.append(rows.begin_insert(new))
        self.studies |= {study.study_instance_uid: study for study in new}

    def add_series(self, records: Sequence[Record]) -> None:
        """The series of every record, in `series`, likewise; their studies are there."""
        groups = _grouped(records, place_of)
        missing = sorted(groups.keys() - self.series.keys())
        new = [self._new_series(groups[place]) for place in missing]
        self._insertions.append(rows.begin_insert(new))
        self.series |= {(s.study.study_instance_uid, s.series_instance_uid): s for s in new}

    @property
    def are_all_ours(self) -> bool:
        """Whether no other request has made one of the new studies and series meanwhile."""
        return all(insertion.is_complete for insertion in self._insertions)

    def count(self, created: Iterable[Instance]) -> None:
        """Raise the counts of studies and series, and ask for the series to be prepared again.

        The studies are locked in order of their ids, so that concurrent requests wait, not deadlock.
        """
        instances = list(created)
        touched = {row.series_id for row in instances}
        more = Counter(row.series_id for row in instances)
        more.update(row.series.study_id for row in instances)
        more.subtract(self._counted)
        series = {s.pk: more[s.pk] for s in self.series.values() if more[s.pk]}
        changed = {s.study_id for s in self.series.values() if more[s.pk]}
        studies = {s.pk: more[s.pk] for s in self.studies.values() if more[s.pk] or s.pk in changed}
        if studies:
            with rows.pipelined():
                rows.execute(LOCK_STUDIES, [list(studies)])
                rows.execute(COUNT_SERIES, [list(series), list(series.values())])
                rows.execute(COUNT_STUDIES, [list(studies), list(studies.values())])
        if touched:
            ask_for_preparation(list(touched))

    def _look_up(self, records: Sequence[Record]) -> None:
        """Rows with the columns that indexing needs; others load when they are asked for."""
        wanted = {
            "collection": self.collection.pk,
            "studies": [record["study_instance_uid"] for record in records],
            "series": [record["series_instance_uid"] for record in records],
            "instances": [record["sop_instance_uid"] for record in records],
        }
        known = rows.fetch_all(KNOWN, wanted)
        self.has_known_instances = any(has_instance for *_, has_instance in known)
        for study_uid, series_uid, study_id, patient_id, series_id, _ in known:
            if study_id is None:
                continue
            if study_uid not in self.studies:
                values = [study_id, self.collection.pk, study_uid, patient_id]
                self.studies[study_uid] = Study.from_db("default", STUDY_COLUMNS, values)
            if series_id is not None and (study_uid, series_uid) not in self.series:
                values = [series_id, study_id, series_uid]
                series = Series.from_db("default", SERIES_COLUMNS, values)
                series.study = self.studies[study_uid]
                self.series[study_uid, series_uid] = series

    def _new_study(self, records: Sequence[Record]) -> Study:
        """As its first object describes it, with the counts of those of the same patient."""
        study = _study(self.collection, records[0])
        own = [r for r in records if r["study"]["PatientID"] == study.patient_id]
        series = [group[0] for group in _grouped(own, place_of).values()]
        study.number_of_instances = len({r["sop_instance_uid"] for r in own})
        study.number_of_series = len(series)
        study.modalities = sorted({_modality(first) for first in series} - {""})
        self._counted[study.pk] = study.number_of_instances
        return study

    def _new_series(self, records: Sequence[Record]) -> Series:
        """As its first object describes it."""
        series = _series(self.studies[records[0]["study_instance_uid"]], records[0])
        series.number_of_instances = len({r["sop_instance_uid"] for r in records})
        self._counted[series.pk] = series.number_of_instances
        return series


def place_of(record: Record) -> tuple[str, str]:
    return record["study_instance_uid"], record["series_instance_uid"]


def _grouped(records: Iterable[Record], key: Callable[[Record], K]) -> dict[K, list[Record]]:
    groups: dict[K, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


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


def ask_for_preparation(series_ids: list[Any]) -> None:
    """The series have changed: what was made ahead for them must be made again."""
    rows.execute(ASK_FOR_PREPARATION, [sorted(series_ids)])


KNOWN = """
select wanted.study_uid, wanted.series_uid, study.id, study.patient_id, series.id,
       exists(select from archive_instance instance
              where instance.collection_id = %(collection)s
                and instance.sop_instance_uid = wanted.instance_uid)
from unnest(%(studies)s::text[], %(series)s::text[], %(instances)s::text[])
    as wanted(study_uid, series_uid, instance_uid)
left join archive_study study
    on study.collection_id = %(collection)s and study.study_instance_uid = wanted.study_uid
left join archive_series series
    on series.study_id = study.id and series.series_instance_uid = wanted.series_uid
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


def _study(collection: Collection, record: Record) -> Study:
    text: dict[str, str] = record["study"]
    return Study(
        collection=collection,
        study_instance_uid=record["study_instance_uid"],
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
        modality=_modality(record),
        series_number=record["series_number"],
        series_description=text["SeriesDescription"],
        body_part_examined=text["BodyPartExamined"],
        laterality=text["Laterality"][:64],
        view_position=text["ViewPosition"][:64],
        dicom_json=record["series_json"],
    )


def _modality(record: Record) -> str:
    return str(record["series"]["Modality"])[:64]


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
