"""PURE. What another server says of its studies, read from DICOM JSON (PS3.18 Annex F).

The other side is not trusted: every value is taken as text of limited length, UIDs must be UIDs,
and no URL in an answer (RetrieveURL, BulkDataURI) is ever read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 1000
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
FAILURE_REASONS = {  # PS3.18 Table I.2-2; ranges by their first digits
    0x0110: "processing failure",
    0x0111: "another object is stored under this UID",
    0x0117: "invalid object",
    0x0122: "SOP class not supported",
    0x0124: "not authorized",
    0xA700: "out of resources",
    0xA900: "the object does not fit its SOP class",
    0xC000: "cannot be understood",
    0xC122: "transfer syntax not supported",
}


@dataclass(frozen=True)
class RemoteStudy:
    """A study as another server lists it; empty text and None where it says nothing."""

    study_instance_uid: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    study_description: str
    accession_number: str
    modalities: tuple[str, ...]
    series_count: int | None
    instance_count: int | None


@dataclass(frozen=True)
class RemoteSeries:
    """A series as another server lists it."""

    series_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    instance_count: int | None


@dataclass(frozen=True)
class RemoteInstance:
    """Where one instance lies on the other server."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class StoreOutcome:
    """What became of the instances that were sent; `failed` gives the reason by UID."""

    stored: frozenset[str]
    failed: Mapping[str, str]


def is_uid(text: str) -> bool:
    return len(text) <= 64 and UID.fullmatch(text) is not None


def study_of(record: Any) -> RemoteStudy | None:
    """None where the record names no study."""
    uid = _text(record, "0020000D")
    if not is_uid(uid):
        return None
    return RemoteStudy(
        study_instance_uid=uid,
        patient_id=_text(record, "00100020"),
        patient_name=_text(record, "00100010"),
        patient_birth_date=_text(record, "00100030"),
        patient_sex=_text(record, "00100040"),
        study_date=_text(record, "00080020"),
        study_description=_text(record, "00081030"),
        accession_number=_text(record, "00080050"),
        modalities=tuple(sorted(set(_texts(record, "00080061"))))[:50],
        series_count=_number(record, "00201206"),
        instance_count=_number(record, "00201208"),
    )


def series_of(record: Any) -> RemoteSeries | None:
    """None where the record names no series."""
    uid = _text(record, "0020000E")
    if not is_uid(uid):
        return None
    return RemoteSeries(
        series_instance_uid=uid,
        modality=_text(record, "00080060"),
        series_number=_number(record, "00200011"),
        series_description=_text(record, "0008103E"),
        body_part_examined=_text(record, "00180015"),
        instance_count=_number(record, "00201209"),
    )


def instance_of(record: Any, study_uid: str) -> RemoteInstance | None:
    """None where the record does not say which instance of the study it is."""
    series_uid, sop_uid = _text(record, "0020000E"), _text(record, "00080018")
    if _text(record, "0020000D") not in ("", study_uid):
        return None
    if not is_uid(series_uid) or not is_uid(sop_uid):
        return None
    return RemoteInstance(study_uid, series_uid, sop_uid)


def outcome_of(record: Any) -> StoreOutcome:
    """Reads a store response (PS3.18 Annex I): stored with or without warnings, and failed."""
    stored = {_text(item, "00081155") for item in _items(record, "00081199")}
    failed = {
        _text(item, "00081155"): _reason(_number(item, "00081197"))
        for item in _items(record, "00081198")
    }
    return StoreOutcome(frozenset(stored - failed.keys()), failed)


def _reason(code: int | None) -> str:
    if code is None:
        return "no reason given"
    for known in (code, code & 0xFF00, code & 0xF000):
        if known in FAILURE_REASONS:
            return f"{FAILURE_REASONS[known]} ({code:04X}H)"
    return f"failure reason {code:04X}H"


def _values(record: Any, tag: str) -> list[Any]:
    element = record.get(tag) if isinstance(record, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _items(record: Any, tag: str) -> list[dict[str, Any]]:
    return [value for value in _values(record, tag) if isinstance(value, dict)]


def _texts(record: Any, tag: str) -> list[str]:
    found = []
    for value in _values(record, tag):
        if isinstance(value, dict):  # a person's name
            value = value.get("Alphabetic") or value.get("Ideographic")
        if isinstance(value, str | int | float):
            found.append(str(value)[:MAX_TEXT])
    return found


def _text(record: Any, tag: str) -> str:
    return next(iter(_texts(record, tag)), "")


def _number(record: Any, tag: str) -> int | None:
    try:
        return int(_text(record, tag))
    except ValueError:
        return None
