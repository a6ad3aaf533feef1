"""What the stored headers say of cases, as the few values that subgroups are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR, tag_for_keyword

from annotation.archive.clinical import AGE_TAGS, NUMBERS, WORDS, years_of
from annotation.archive.headers import header_values
from annotation.core.errors import InvalidInput
from annotation.dicomweb.blinding import names_patient
from annotation.labeling.models import Case

Values = tuple[str | None, ...]
AGE_BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"))
OLDEST = "80+"
MOST_NUMBERS = 6  # a measurement with more values than that is divided at its quartiles


@dataclass(frozen=True)
class Attribute:
    """Which tags are read, and what they mean together."""

    name: str
    tags: tuple[str, ...]
    value_of: Callable[[Values], str | None]
    is_number: bool = False


def _joined(values: Values) -> str | None:
    return " ".join(value for value in values if value) or None


def _age_band(values: Values) -> str | None:
    """From PatientAge, else from birth date and study date."""
    age, born, taken = values
    years = years_of(age, born, taken)
    if years is None:
        return None
    return next((band for below, band in AGE_BANDS if years < below), OLDEST)


NAMED = {
    attribute.name: attribute
    for attribute in (
        Attribute("sex", ("00100040",), _joined),
        Attribute("age", AGE_TAGS, _age_band),
        Attribute("scanner", ("00080070", "00081090"), _joined),  # manufacturer and model
        Attribute("site", ("00080080",), _joined),  # InstitutionName
        Attribute("view", ("00185101",), _joined),
    )
}


def attribute_of(name: str) -> Attribute:
    """One of NAMED, or any DICOM keyword that tells groups apart. Raises InvalidInput."""
    if name in NAMED:
        return NAMED[name]
    number = tag_for_keyword(name)
    if number is None:
        raise InvalidInput(f"{name!r} is no DICOM keyword.", field="attribute")
    tag, vr = f"{number:08X}", dictionary_VR(number)
    if vr not in NUMBERS | WORDS or names_patient([tag], vr):
        raise InvalidInput(
            f"{name} names people, objects or moments; groups are not made of it.",
            field="attribute",
        )
    return Attribute(name, (tag,), _joined, is_number=vr in NUMBERS)


def values_by_attribute(
    cases: Sequence[UUID], attributes: Sequence[Attribute]
) -> dict[str, list[str | None]]:
    """One value per case and attribute, None where the header has none; in one statement for all."""
    studies = dict(Case.objects.filter(pk__in=cases).values_list("pk", "study_id"))
    tags = list(dict.fromkeys(tag for attribute in attributes for tag in attribute.tags))
    headers = header_values(list(set(studies.values())), tags)
    nothing: Values = (None,) * len(tags)
    rows = [headers.get(studies[case], nothing) if case in studies else nothing for case in cases]
    found = {}
    for attribute in attributes:
        places = [tags.index(tag) for tag in attribute.tags]
        values = [attribute.value_of(tuple(row[place] for place in places)) for row in rows]
        found[attribute.name] = _in_quarters(values) if attribute.is_number else values
    return found


def _in_quarters(values: Sequence[str | None]) -> list[str | None]:
    """Measurements with many values become their quarters; others stay as they are."""
    numbers = [_number(value) for value in values]
    known = np.asarray([number for number in numbers if number is not None])
    if len(np.unique(known)) <= MOST_NUMBERS:
        return [None if number is None else f"{number:g}" for number in numbers]
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75]))
    names = _names_of(edges)
    return [
        None if number is None else names[int(np.searchsorted(edges, number))] for number in numbers
    ]


def _names_of(edges: NDArray[np.float64]) -> list[str]:
    """Of the parts between the edges, in their order; without words, which would need a language."""
    between = [f"{low:g} – {high:g}" for low, high in pairwise(edges)]
    return [f"≤ {edges[0]:g}", *between, f"> {edges[-1]:g}"]


def in_order(attribute: Attribute, value: str) -> tuple[float, str]:
    """A key that sorts measurements by size and everything else by name."""
    if not attribute.is_number:
        return 0.0, value
    first = float(value.strip("≤> ").split(" – ")[0])
    return -np.inf if value[0] == "≤" else np.inf if value[0] == ">" else first, value


def _number(value: str | None) -> float | None:
    """The first of several values."""
    try:
        number = float((value or "").split("\\")[0])
    except ValueError:
        return None
    return number if np.isfinite(number) else None
