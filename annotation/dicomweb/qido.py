"""QIDO-RS: searches for studies, series and instances (PS3.18 §10.6)."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpResponse

from annotation.dicomweb import dicomjson
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.matching import Condition, Query, parse_query
from annotation.dicomweb.negotiation import choose_type, parse_accept
from annotation.labeling import access

M = TypeVar("M", bound=Model)
JSON_TYPES = ("application/dicom+json", "application/json")
STUDY_COLUMNS = {
    "StudyInstanceUID": "study_instance_uid",
    "PatientID": "patient_id",
    "PatientName": "patient_name",
    "PatientSex": "patient_sex",
    "PatientBirthDate": "patient_birth_date",
    "StudyDate": "study_date",
    "StudyTime": "study_time",
    "StudyID": "study_id",
    "AccessionNumber": "accession_number",
    "StudyDescription": "study_description",
    "ReferringPhysicianName": "referring_physician_name",
    "ModalitiesInStudy": "series__modality",
}
SERIES_COLUMNS = {
    "SeriesInstanceUID": "series_instance_uid",
    "Modality": "modality",
    "SeriesNumber": "series_number",
    "SeriesDescription": "series_description",
    "BodyPartExamined": "body_part_examined",
}
INSTANCE_COLUMNS = {
    "SOPInstanceUID": "sop_instance_uid",
    "SOPClassUID": "sop_class_uid",
    "InstanceNumber": "instance_number",
    "Rows": "rows",
    "Columns": "columns",
}
NUMBERS = {"series_number", "instance_number", "rows", "columns"}


@dicomweb
def search_studies(scope: Scope) -> HttpResponse:
    query = _query(scope)
    found = _matching(
        access.studies_visible_to(scope.user, scope.project), query, STUDY_COLUMNS, ""
    )
    ordered = found.distinct().order_by("-study_date", "study_instance_uid", "id")
    return _answer(scope, ordered, query, dicomjson.study_datasets)


@dicomweb
def search_series(scope: Scope, study_uid: str | None = None) -> HttpResponse:
    query = _query(scope)
    found = access.series_visible_to(scope.user, scope.project)
    if study_uid is not None:
        found = found.filter(study=scope.study(study_uid))
    found = _matching(found, query, SERIES_COLUMNS, "")
    found = _matching(found, query, STUDY_COLUMNS, "study__").select_related("study")
    ordered = found.order_by("study_id", "series_number", "series_instance_uid")
    return _answer(scope, ordered, query, dicomjson.series_datasets)


@dicomweb
def search_instances(
    scope: Scope, study_uid: str | None = None, series_uid: str | None = None
) -> HttpResponse:
    query = _query(scope)
    found = access.instances_visible_to(scope.user, scope.project)
    if study_uid is not None and series_uid is not None:
        found = found.filter(series=scope.series(study_uid, series_uid))
    elif study_uid is not None:
        found = found.filter(series__study=scope.study(study_uid))
    found = _matching(found, query, INSTANCE_COLUMNS, "")
    found = _matching(found, query, SERIES_COLUMNS, "series__")
    found = _matching(found, query, STUDY_COLUMNS, "series__study__")
    ordered = found.select_related("series__study").order_by(
        "series_id", "instance_number", "sop_instance_uid"
    )
    return _answer(scope, ordered, query, dicomjson.instance_datasets)


def _query(scope: Scope) -> Query:
    choose_type(parse_accept(scope.request.headers.get("Accept", "")), JSON_TYPES)
    parameters = [(name, value) for name, values in scope.request.GET.lists() for value in values]
    return parse_query(parameters)


def _matching(
    found: QuerySet[M], query: Query, columns: dict[str, str], prefix: str
) -> QuerySet[M]:
    for condition in query.conditions:
        if condition.keyword in columns:
            found = found.filter(_filter(condition, prefix + columns[condition.keyword]))
    return found


def _filter(condition: Condition, column: str) -> Q:
    if condition.kind == "list":
        return Q(**{f"{column}__in": condition.values})
    if condition.kind == "range":
        bounds = {f"{column}__gte": condition.start, f"{column}__lte": condition.end}
        return Q(**{k: v for k, v in bounds.items() if v is not None})
    if column.rsplit("__", 1)[-1] in NUMBERS:
        is_number = condition.text.lstrip("-").isdigit() and len(condition.text) < 10
        return Q(**{column: int(condition.text)}) if is_number else Q(pk__in=[])
    is_name = condition.keyword.endswith("Name")
    if condition.kind == "pattern":
        return Q(**{f"{column}__{'iregex' if is_name else 'regex'}": condition.regex})
    return Q(**{f"{column}__iexact" if is_name else column: condition.text})


def _answer(
    scope: Scope,
    found: QuerySet[M],
    query: Query,
    describe: Callable[[list[M], str], list[dict[str, Any]]],
) -> HttpResponse:
    rows = list(found[query.offset : query.offset + query.limit + 1])
    page = rows[: query.limit]
    headers = {"Cache-Control": "private, no-store"}
    warnings = []
    if len(rows) > query.limit:
        warnings.append("There are additional results that can be requested")
    if query.is_fuzzy:
        warnings.append(
            "The fuzzymatching parameter is not supported. Only literal matching has been performed."
        )
    if warnings:
        headers["Warning"] = ", ".join(f'299 {scope.base_url} "{w}"' for w in warnings)
    if not page:
        return HttpResponse(status=204, headers=headers)
    body = dicomjson.dumps(describe(page, scope.base_url))
    return HttpResponse(body, content_type=JSON_TYPES[0], headers=headers)
