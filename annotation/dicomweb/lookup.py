"""Matching keys as database filters: columns where there are any, else inside the stored JSON."""

import json
from datetime import date
from typing import Any

from django.db.models import BooleanField, Func, JSONField, Q, Value
from django.db.models.functions import Cast

from annotation.dicomweb.matching import Condition
from annotation.imaging.levels import SERIES_TAGS, STUDY_TAGS

COLUMNS = {  # by level: tag -> column
    "study": {
        "0020000D": "study_instance_uid", "00100020": "patient_id", "00100010": "patient_name",
        "00100040": "patient_sex", "00100030": "patient_birth_date", "00080020": "study_date",
        "00200010": "study_id", "00080050": "accession_number", "00081030": "study_description",
        "00080061": "modalities", "00201206": "number_of_series",
        "00201208": "number_of_instances",
    },
    "series": {
        "0020000E": "series_instance_uid", "00080060": "modality", "00200011": "series_number",
        "0008103E": "series_description", "00180015": "body_part_examined",
        "00201209": "number_of_instances",
    },
    "instance": {
        "00080018": "sop_instance_uid", "00080016": "sop_class_uid",
        "00200013": "instance_number", "00280010": "rows", "00280011": "columns",
        "00280008": "number_of_frames",
    },
}  # fmt: skip
NUMBERS = {
    "series_number", "instance_number", "rows", "columns", "number_of_frames",
    "number_of_series", "number_of_instances",
}  # fmt: skip
NUMERIC_VR = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "UV", "SV"}
MAX_COLUMN_NUMBER = 2**31 - 1


class JsonPathExists(Func):
    """jsonb_path_exists(document, path, variables)."""

    function = "jsonb_path_exists"
    output_field = BooleanField()


def level_of(tag: str) -> str:
    """The highest level whose table or JSON holds the attribute."""
    if tag in COLUMNS["study"] or tag in STUDY_TAGS:
        return "study"
    if tag in COLUMNS["series"] or tag in SERIES_TAGS:
        return "series"
    return "instance"


def condition_filter(condition: Condition, level: str, prefix: str) -> Q:
    """A filter on the rows of `level`, which are reached by `prefix` ("", "study__", …)."""
    column = None if condition.is_nested else COLUMNS[level].get(condition.tag)
    if column is None:
        return Q(_json_filter(condition, f"{prefix}dicom_json"))
    name = prefix + column
    if column == "modalities":
        return _modalities(condition, name)
    if condition.kind == "list":
        return Q(**{f"{name}__in": condition.values})
    if condition.kind == "range":
        return _date_range(condition, name)
    if column in NUMBERS:
        return _number(condition, name)
    lookup, value = "", condition.text
    if condition.kind == "pattern":
        lookup, value = "__iregex" if condition.vr == "PN" else "__regex", condition.regex
    return Q(**{f"{name}{lookup}": value})


def _number(condition: Condition, name: str) -> Q:
    is_number = condition.text.lstrip("+-").isdecimal() and len(condition.text) < 12
    number = int(condition.text) if is_number else None
    fits = number is not None and abs(number) <= MAX_COLUMN_NUMBER
    return Q(**{name: number}) if fits else Q(pk__in=[])


def _modalities(condition: Condition, name: str) -> Q:
    if condition.kind == "pattern":
        return Q(_json_filter(condition, name, path="$[*]"))
    return Q(**{f"{name}__contains": [condition.text]})


def _date_range(condition: Condition, name: str) -> Q:
    bounds = {f"{name}__gte": condition.start, f"{name}__lte": condition.end}
    return Q(**{k: date.fromisoformat(v) for k, v in bounds.items() if v})


def _json_filter(condition: Condition, column: str, path: str | None = None) -> JsonPathExists:
    """Compare inside the DICOM JSON model; sequences match if any of their items does."""
    if path is None:
        steps = "".join(f'."{tag}"."Value"[*]' for tag in condition.path)
        path = f"${steps}.*" if condition.vr == "PN" else f"${steps}"
        document: Any = column
    else:
        document = Func(column, function="to_jsonb", output_field=JSONField())
    predicate, variables = _predicate(condition)
    return JsonPathExists(
        document,
        Cast(Value(f"{path} ? ({predicate})"), _JsonPath()),
        Value(variables, JSONField()),
    )


def _predicate(condition: Condition) -> tuple[str, dict[str, Any]]:
    if condition.kind == "list":
        names = {f"v{n}": value for n, value in enumerate(condition.values)}
        return " || ".join(f"@ == ${name}" for name in names), names
    if condition.kind == "range":
        # "~" sorts behind every digit: a bound in minutes takes in all their seconds.
        bounds = {"low": condition.start, "high": condition.end and f"{condition.end}~"}
        given = {name: value for name, value in bounds.items() if value}
        signs = {"low": ">=", "high": "<="}
        return " && ".join(f"@ {signs[name]} ${name}" for name in given), given
    if condition.kind == "pattern":
        flag = ' flag "i"' if condition.vr == "PN" else ""
        return f"@ like_regex {json.dumps(condition.regex, ensure_ascii=False)}{flag}", {}
    if condition.vr in NUMERIC_VR:
        try:
            return "@ == $value", {"value": float(condition.text)}
        except ValueError:
            return "@ == $value", {"value": condition.text}
    return "@ == $value", {"value": condition.text}


class _JsonPath(JSONField):
    """Only for casting text to PostgreSQL's jsonpath."""

    def db_type(self, connection: Any) -> str:
        del connection
        return "jsonpath"
