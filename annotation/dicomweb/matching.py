"""PURE. QIDO-RS query parameters as typed conditions (PS3.18 §8.3.4, PS3.4 C.2.2.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pydicom.datadict import keyword_for_tag, tag_for_keyword

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
CONTROL = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching",
           "multiplevaluematching", "accept"}  # fmt: skip


class BadQuery(ValueError):
    """A parameter is malformed; the message names it."""


@dataclass(frozen=True)
class Condition:
    """One matching key: a keyword and what its value must be."""

    keyword: str
    kind: str  # "exact", "pattern", "range" or "list"
    text: str = ""
    values: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None

    @property
    def regex(self) -> str:
        """The wildcard pattern as a PostgreSQL regular expression, case-insensitive for names."""
        pieces = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in self.text)
        return f"^{''.join(pieces)}$"


@dataclass(frozen=True)
class Query:
    """A parsed search request."""

    conditions: tuple[Condition, ...] = ()
    include: tuple[str, ...] = ()
    include_all: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    is_fuzzy: bool = False
    unknown: tuple[str, ...] = field(default=())


def parse_query(parameters: Iterable[tuple[str, str]]) -> Query:
    """Parse decoded (name, value) pairs. Raises BadQuery."""
    conditions: list[Condition] = []
    include: list[str] = []
    unknown: list[str] = []
    numbers = {"limit": DEFAULT_LIMIT, "offset": 0}
    include_all = is_fuzzy = False
    for name, value in parameters:
        if name in numbers:
            numbers[name] = _number(name, value)
        elif name == "includefield":
            include_all = include_all or value == "all"
            include += [k for k in map(keyword_of, value.split(",")) if k]
        elif name == "fuzzymatching":
            is_fuzzy = value.lower() == "true"
        elif name not in CONTROL:
            keyword = keyword_of(name)
            if keyword is None:
                unknown.append(name)
            elif value not in ("", "*"):  # universal matching
                conditions.append(_condition(keyword, value))
    return Query(
        tuple(conditions), tuple(include), include_all, min(numbers["limit"], MAX_LIMIT),
        numbers["offset"], is_fuzzy, tuple(unknown),
    )  # fmt: skip


def keyword_of(attribute: str) -> str | None:
    """The keyword of a tag of 8 hex digits or of a keyword; None for anything else."""
    name = attribute.strip()
    if re.fullmatch(r"[0-9A-Fa-f]{8}", name):
        return keyword_for_tag(int(name, 16)) or None
    return name if tag_for_keyword(name) is not None else None


def _condition(keyword: str, value: str) -> Condition:
    if keyword.endswith("Date"):
        return _date_condition(keyword, value)
    if keyword.endswith("UID"):
        return Condition(keyword, "list", values=tuple(re.split(r"[,\\]", value)))
    if "*" in value or "?" in value:
        return Condition(keyword, "pattern", text=value)
    return Condition(keyword, "exact", text=value)


def _date_condition(keyword: str, value: str) -> Condition:
    first, dash, last = value.partition("-")
    start, end = _date(keyword, first), _date(keyword, last)
    if not dash:
        return Condition(keyword, "range", start=start, end=start)
    return Condition(keyword, "range", start=start, end=end)


def _date(keyword: str, text: str) -> date | None:
    if text == "":
        return None
    try:
        if not re.fullmatch(r"\d{8}", text):
            raise ValueError
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise BadQuery(f"{keyword} must be YYYYMMDD or a range of two dates") from None


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise BadQuery(f"{name} must be a whole number of 0 or more")
    return int(value)
