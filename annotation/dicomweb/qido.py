"""QIDO-RS: searches for studies, series and instances (PS3.18 §10.6)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, F, Func, JSONField, Model, Q, QuerySet, Value
from django.http import HttpResponse

from annotation.archive.models import Instance, Series, Study
from annotation.dicomweb import dicomjson, dicomxml, multipart
from annotation.dicomweb.blinding import names_patient, without_patient
from annotation.dicomweb.dicomjson import JsonDataset
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.lookup import condition_filter, level_of
from annotation.dicomweb.matching import Query, parse_query
from annotation.dicomweb.multipart import Part
from annotation.dicomweb.negotiation import choose_type, parse_accept
from annotation.imaging.levels import SERIES_TAGS, STUDY_TAGS
from annotation.labeling import access

MAX_WHOLE_DATASETS = 200  # of instances with includefield=all: each may be megabytes
M = TypeVar("M", bound=Model)
Describe = Callable[[M, Query, str], JsonDataset]
JSON_TYPES = ("application/dicom+json", "application/json")
XML = "application/dicom+xml"
DEFAULT_STUDY = {
    "00080005", "00080020", "00080030", "00080050", "00080090", "00080201", "00081030",
    "00100010", "00100020", "00100030", "00100040", "0020000D", "00200010",
}  # fmt: skip
DEFAULT_SERIES = {
    "00080005", "00080060", "00080201", "0008103E", "0020000E", "00200011", "00400244",
    "00400245", "00400275",
}  # fmt: skip
NEWEST_FIRST = (F("study_date").desc(nulls_last=True), "study_instance_uid", "id")


class _Attribute(Func):
    """One attribute of the stored JSON; Django's own KeyTransform takes 00200032 for an index."""

    template, arg_joiner = "(%(expressions)s)", " -> "
    output_field = JSONField()


@dicomweb
def search_studies(scope: Scope) -> HttpResponse:
    query = _query(scope)
    visible = access.studies_visible_to(scope.user, scope.project)
    found = _matching(scope, visible, query, {"study": ""})
    return _answer(scope, found.order_by(*NEWEST_FIRST), query, _study)


@dicomweb
def search_series(scope: Scope, study_uid: str | None = None) -> HttpResponse:
    query = _query(scope)
    if study_uid is None:
        found = access.series_visible_to(scope.user, scope.project).select_related("study")
        describe: Describe[Series] = _series_of_any_study
    else:
        study = scope.study(study_uid)
        found = Series.objects.filter(study=study).select_related("study")
        describe = _series
    found = _matching(scope, found, query, {"series": "", "study": "study__"})
    ordered = found.order_by("study_id", "series_number", "series_instance_uid")
    return _answer(scope, ordered, query, describe)


@dicomweb
def search_instances(
    scope: Scope, study_uid: str | None = None, series_uid: str | None = None
) -> HttpResponse:
    query = _query(scope)
    if study_uid is not None and series_uid is not None:
        found = Instance.objects.filter(series=scope.series(study_uid, series_uid))
    elif study_uid is not None:
        found = Instance.objects.filter(series__study=scope.study(study_uid))
    else:
        found = access.instances_visible_to(scope.user, scope.project)
    if query.include_all:
        query = replace(query, limit=min(query.limit, MAX_WHOLE_DATASETS))
    prefixes = {"instance": "", "series": "series__", "study": "series__study__"}
    found = _matching(scope, found, query, prefixes)
    ordered = found.order_by("series_id", "instance_number", "sop_instance_uid")
    if series_uid is None:
        ordered = ordered.select_related("series__study")
        return _answer(scope, _with_included(ordered, query), query, _instance_of_any_series)
    ordered = ordered.prefetch_related("series__study")  # one series: fetched once for all rows
    return _answer(scope, _with_included(ordered, query), query, _instance)


def _query(scope: Scope) -> Query:
    parameters = [(name, value) for name, values in scope.request.GET.lists() for value in values]
    return parse_query(parameters)


def _matching(
    scope: Scope, found: QuerySet[M], query: Query, prefixes: dict[str, str]
) -> QuerySet[M]:
    """Keys of this level and of those above; others cannot match here and are ignored."""
    for condition in query.conditions:
        level = level_of(condition.tag)
        if level in prefixes:
            found = found.filter(condition_filter(condition, level, prefixes[level]))
            if scope.hides_patient and names_patient(condition.path, condition.vr):
                found = found.filter(_is_named(scope, prefixes["study"]))
    return found


def _is_named(scope: Scope, prefix: str) -> Exists | Q:
    """Where the patient is hidden, no search by the patient may find anything."""
    if scope.project is not None:
        return Q(pk__in=[])
    return access.patient_is_named_to(scope.user, f"{prefix}pk")


def _with_included(found: QuerySet[Instance], query: Query) -> QuerySet[Instance]:
    """Leave the JSON in the database, except for what was asked for."""
    if query.include_all:
        return found.defer("frame_index", "position", "orientation")
    wanted = {
        f"tag_{tag}": _Attribute("dicom_json", Value(tag))
        for tag in query.include
        if level_of(tag) == "instance"
    }
    deferred = found.defer("dicom_json", "frame_index", "position", "orientation")
    return deferred.annotate(**wanted)


def _study(study: Study, query: Query, base_url: str) -> JsonDataset:
    body = dicomjson.study_dataset(study, base_url)
    return _limited(body, query, STUDY_TAGS, DEFAULT_STUDY)


def _series(series: Series, query: Query, base_url: str) -> JsonDataset:
    body = dicomjson.series_dataset(series, base_url)
    limited = _limited(body, query, SERIES_TAGS, DEFAULT_SERIES)
    if query.include_all or query.include:
        wanted = _limited(series.study.dicom_json, query, STUDY_TAGS, set())
        return {**wanted, **limited}
    return limited


def _series_of_any_study(series: Series, query: Query, base_url: str) -> JsonDataset:
    return {**_study(series.study, query, base_url), **_series(series, query, base_url)}


def _instance(instance: Instance, query: Query, base_url: str) -> JsonDataset:
    own = dicomjson.instance_dataset(instance, base_url)
    above = _above(instance, query) if query.include_all or query.include else {}
    return {**above, **_included(instance, query), **own}


def _instance_of_any_series(instance: Instance, query: Query, base_url: str) -> JsonDataset:
    own = dicomjson.instance_dataset(instance, base_url)
    return {
        **_series_of_any_study(instance.series, query, base_url),
        **_included(instance, query),
        **own,
    }


def _above(instance: Instance, query: Query) -> JsonDataset:
    series = instance.series
    return {
        **_limited(series.study.dicom_json, query, STUDY_TAGS, set()),
        **_limited(series.dicom_json, query, SERIES_TAGS, set()),
    }


def _included(instance: Instance, query: Query) -> JsonDataset:
    """The instance's own attributes that `includefield` names."""
    if query.include_all:
        return {
            tag: value for tag, value in instance.dicom_json.items() if "BulkDataURI" not in value
        }
    found = {tag: getattr(instance, f"tag_{tag}", None) for tag in query.include}
    return {tag: value for tag, value in found.items() if value is not None}


def _limited(
    body: JsonDataset, query: Query, level_tags: Sequence[str], defaults: set[str]
) -> JsonDataset:
    """Without the attributes of the level that nobody asked for."""
    if query.include_all:
        return body
    dropped = set(level_tags) - defaults - set(query.include)
    return {tag: value for tag, value in body.items() if tag not in dropped}


def _described(
    scope: Scope, page: Sequence[M], query: Query, describe: Describe[M]
) -> list[JsonDataset]:
    """The rows as datasets, without what names a patient who is hidden."""
    datasets = [describe(row, query, scope.base_url) for row in page]
    if not scope.hides_patient:
        return datasets
    studies = [_study_of(row) for row in page]
    hidden = scope.studies_hiding_patient(studies)
    return [
        without_patient(dataset) if study in hidden else dataset
        for study, dataset in zip(studies, datasets, strict=True)
    ]


def _study_of(row: Model) -> UUID:
    if isinstance(row, Instance):
        return row.series.study_id
    return row.study_id if isinstance(row, Series) else row.pk


def _answer(scope: Scope, found: QuerySet[M], query: Query, describe: Describe[M]) -> HttpResponse:
    media_type = choose_type(parse_accept(scope.accept), (*JSON_TYPES, XML), in_parts=[XML])
    rows = list(found[query.offset : query.offset + query.limit + 1])
    page = rows[: query.limit]
    warnings = list(query.warnings)
    if len(rows) > query.limit:
        warnings.append("There are additional results that can be requested")
    headers = {"Cache-Control": "private, no-store"}
    if warnings:
        headers["Warning"] = ", ".join(f'299 {scope.base_url} "{w}"' for w in warnings)
    if not page:
        return HttpResponse(status=204, headers=headers)
    datasets = _described(scope, page, query, describe)
    if media_type == XML:
        parts = (Part(XML, dicomxml.to_xml(dataset)) for dataset in datasets)
        body = b"".join(multipart.encode(parts))
        return HttpResponse(body, content_type=multipart.content_type(XML), headers=headers)
    return HttpResponse(dicomjson.dumps(datasets), content_type=JSON_TYPES[0], headers=headers)
