"""Single header values of many studies, from what was stored of them: no file is opened."""

import json
from collections.abc import Sequence
from uuid import UUID

from annotation.archive.selectors import NON_IMAGE_MODALITIES
from annotation.core import rows
from annotation.imaging.levels import SERIES_TAGS, STUDY_TAGS

FIRST_SERIES = """
left join lateral (
    select series.id, series.dicom_json from archive_series series
    where series.study_id = study.id and series.modality <> all(%(without_images)s)
    order by series.series_number, series.series_instance_uid limit 1) series on true
"""
FIRST_INSTANCE = """
left join lateral (
    select instance.dicom_json from archive_instance instance where instance.series_id = series.id
    order by instance.instance_number, instance.sop_instance_uid limit 1) instance on true
"""
VALUES = """
select study.id, array(
    select coalesce({places}) -> 'Value' #>> '{{}}'
    from unnest(%(tags)s::text[]) with ordinality as wanted(tag, place) order by place)
from archive_study study {joins}
where study.id = any(%(studies)s::uuid[])
"""
OF_SERIES = VALUES.format(
    places="study.dicom_json -> tag, series.dicom_json -> tag", joins=FIRST_SERIES
)
OF_INSTANCES = VALUES.format(
    places="study.dicom_json -> tag, series.dicom_json -> tag, instance.dicom_json -> tag",
    joins=FIRST_SERIES + FIRST_INSTANCE,
)


def header_values(
    study_ids: Sequence[UUID], tags: Sequence[str]
) -> dict[UUID, tuple[str | None, ...]]:
    """By study, the value of each tag ("00080070") in its first image series; None where there is none.

    Several values are joined by a backslash as DICOM does. Tags of instances are those of one of them
    and cost more: their rows are large.
    """
    by_instance = any(tag not in STUDY_TAGS and tag not in SERIES_TAGS for tag in tags)
    found = rows.fetch_all(
        OF_INSTANCES if by_instance else OF_SERIES,
        {
            "studies": list(study_ids),
            "tags": list(tags),
            "without_images": list(NON_IMAGE_MODALITIES),
        },
    )
    return {study: tuple(_text(value) for value in values) for study, values in found}


def _text(value: str | None) -> str | None:
    """The JSON array of an element's values as DICOM writes them."""
    if value is None:
        return None
    parts = ["" if part is None else str(part).strip() for part in json.loads(value)]
    return "\\".join(parts) if any(parts) else None
