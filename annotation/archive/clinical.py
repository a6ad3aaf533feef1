"""Header values of studies as clinical values: age in years, numbers, coded words."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from pydicom.datadict import dictionary_VR, tag_for_keyword

from annotation.archive.headers import header_values

AGE = "PatientAge"
AGE_TAGS = ("00101010", "00100030", "00080020")  # age, birth date, study date
AGE_UNITS = {"Y": 1.0, "M": 12.0, "W": 52.0, "D": 365.0}  # of a year
NUMBERS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"})
WORDS = frozenset({"CS", "LO", "SH"})
LARGEST = 1e15  # beyond it JSON may give a number back in another form; NaN is not below it either

Value = float | str | None


def is_number(keyword: str) -> bool:
    """Whether the attribute is measured rather than named. The keyword must be known."""
    return keyword == AGE or dictionary_VR(_tag(keyword)) in NUMBERS


def clinical_headers(
    studies: Sequence[UUID], keywords: Sequence[str]
) -> dict[UUID, dict[str, Value]]:
    """By study and DICOM keyword, None where the header has none. Keywords must be known.

    What should be a number and is none stays the text that it is.
    """
    if not keywords:
        return {}
    tags_of = {k: AGE_TAGS if k == AGE else (f"{_tag(k):08X}",) for k in keywords}
    tags = list(dict.fromkeys(tag for wanted in tags_of.values() for tag in wanted))
    found = header_values(list(studies), tags)
    return {
        study: {k: _value(k, dict(zip(tags, row, strict=True)), tags_of[k]) for k in keywords}
        for study, row in found.items()
    }


def years_of(age: str | None, born: str | None, taken: str | None) -> float | None:
    """From PatientAge, else from birth date and study date."""
    return _years(age) if age else _between(born, taken)


def _value(keyword: str, row: Mapping[str, str | None], tags: Sequence[str]) -> Value:
    if keyword == AGE:
        age, born, taken = (row[tag] for tag in tags)
        return years_of(age, born, taken)
    value = row[tags[0]]
    return _number_or_text(value) if value is not None and is_number(keyword) else value


def _number_or_text(value: str) -> float | str:
    try:
        number = float(value)
    except ValueError:
        return value
    return number if abs(number) < LARGEST else value


def _years(age: str) -> float | None:
    unit = AGE_UNITS.get(age[-1:])
    return int(age[:-1]) / unit if unit and age[:-1].isdecimal() else None


def _between(born: str | None, taken: str | None) -> float | None:
    try:
        days = (date.fromisoformat(taken or "") - date.fromisoformat(born or "")).days
    except ValueError:
        return None
    return days / 365.25 if days >= 0 else None


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return tag
