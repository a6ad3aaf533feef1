"""PURE. QIDO-RS query parameters as typed conditions (PS3.18 §8.3.4, PS3.4 C.2.2.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pydicom.datadict import dictionary_VR, tag_for_keyword

DEFAULT_LIMIT = 1000
MAX_LIMIT = 5000
MAX_OFFSET = 10**9
MAX_PATTERN = 200
MAX_CONDITIONS = 50
MAX_DEPTH = 8
CONTROL = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching",
           "multiplevaluematching", "accept"}  # fmt: skip
DECLINED = {
    "emptyvaluematching": "The emptyvaluematching parameter is not supported."
    " Empty Value Matching has not been performed.",
    "multiplevaluematching": "The multiplevaluematching parameter is not supported."
    " Multiple Value Matching has not been performed.",
}
SPECIAL = set(".^$*+?()[]{}|\\-")
ACCENTS = {"a": "aàáâãäå", "c": "cç", "e": "eèéêë", "i": "iìíîï", "n": "nñ", "o": "oòóôõöø",
           "s": "sß", "u": "uùúûü", "y": "yýÿ"}  # fmt: skip
PLAIN = {accented: plain for plain, class_ in ACCENTS.items() for accented in class_}


class BadQuery(ValueError):
    """A parameter is malformed; the message names it."""


@dataclass(frozen=True)
class Condition:
    """One matching key: the attribute's path of tags, its representation, and what it must be.

    `kind` is "exact", "pattern", "range" (bounds may be empty) or "list".
    """

    path: tuple[str, ...]
    vr: str
    kind: str
    text: str = ""
    values: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    is_fuzzy: bool = False

    @property
    def tag(self) -> str:
        return self.path[0]

    @property
    def is_nested(self) -> bool:
        return len(self.path) > 1

    @property
    def regex(self) -> str:
        """A regular expression for the value, to be applied without regard to case for names."""
        if self.is_fuzzy:
            return "".join(f"(?=.*(^|[ ^=,-]){_any_accent(word)})" for word in _words(self.text))
        body = "".join(".*" if c == "*" else "." if c == "?" else _escaped(c) for c in self.text)
        if self.vr == "PN":  # one of up to three groups, with or without its empty components
            return rf"(^|=){body.rstrip('^')}\^*(=|$)"
        return f"^{body}$"


@dataclass(frozen=True)
class Query:
    """A parsed search request."""

    conditions: tuple[Condition, ...] = ()
    include: tuple[str, ...] = ()  # tags
    include_all: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    warnings: tuple[str, ...] = ()


def parse_query(parameters: Iterable[tuple[str, str]]) -> Query:
    """Parse decoded (name, value) pairs; unknown parameters are ignored. Raises BadQuery."""
    pairs = list(parameters)
    is_fuzzy = any(n == "fuzzymatching" and v.lower() == "true" for n, v in pairs)
    wanted = [piece for n, v in pairs if n == "includefield" for piece in v.split(",")]
    conditions = []
    for name, value in pairs:
        path = None if name in CONTROL else path_of(name)
        if path is not None and value.strip("*") != "":  # empty or * matches everything
            conditions.append(_condition(name, path, value, is_fuzzy=is_fuzzy))
    if len(conditions) > MAX_CONDITIONS:
        raise BadQuery(f"more than {MAX_CONDITIONS} matching keys")
    numbers = {n: _number(n, v) for n, v in pairs if n in ("limit", "offset")}
    return Query(
        tuple(conditions),
        tuple(path[0] for path in map(path_of, wanted) if path),
        "all" in wanted,
        min(numbers.get("limit", DEFAULT_LIMIT), MAX_LIMIT),
        min(numbers.get("offset", 0), MAX_OFFSET),
        tuple(DECLINED[n] for n, v in pairs if n in DECLINED and v.lower() == "true"),
    )


def path_of(attribute: str) -> tuple[str, ...] | None:
    """The tags of an attribute given by keyword or 8 hex digits, sequences joined by a dot."""
    path = tuple(_tag_of(piece.strip()) or "" for piece in attribute.split(".", MAX_DEPTH))
    return path if all(path) else None


def vr_of(tag: str) -> str:
    try:
        return dictionary_VR(int(tag, 16))
    except KeyError:
        return "UN"


def _tag_of(name: str) -> str | None:
    if re.fullmatch(r"[0-9A-Fa-f]{8}", name):
        return name.upper()
    number = tag_for_keyword(name)
    return None if number is None else f"{number:08X}"


def _condition(name: str, path: tuple[str, ...], value: str, *, is_fuzzy: bool) -> Condition:
    vr = vr_of(path[-1])
    if "\x00" in value or len(value) > 4096:
        raise BadQuery(f"{name} holds what no attribute can")
    if vr in ("DA", "TM", "DT"):
        start, end = _range(name, vr, value)
        return Condition(path, vr, "range", value, start=start, end=end)
    if vr == "UI":
        return Condition(path, vr, "list", values=tuple(re.split(r"[,\\]", value)))
    if vr == "PN" and is_fuzzy and _words(value):
        return Condition(path, vr, "pattern", value[:MAX_PATTERN], is_fuzzy=True)
    if vr == "PN" or "*" in value or "?" in value:
        if len(value) > MAX_PATTERN:
            raise BadQuery(f"{name} is longer than {MAX_PATTERN} characters")
        return Condition(path, vr, "pattern", re.sub(r"\*+", "*", value))
    return Condition(path, vr, "exact", value)


PATTERNS = {
    "DA": re.compile(r"\d{8}|\d{4}\.\d{2}\.\d{2}"),
    "TM": re.compile(r"([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)?"),
    "DT": re.compile(r"\d{4}(\d{2}(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?)?)?"),
}
EXAMPLES = {"DA": "YYYYMMDD", "TM": "HHMMSS", "DT": "YYYYMMDDHHMMSS"}


def _range(name: str, vr: str, value: str) -> tuple[str, str]:
    """First and last value as DICOM writes them; one of them empty where the range is open."""
    first, dash, last = value.strip().partition("-")
    if not dash:
        last = first
    if not (first or last):
        raise BadQuery(f"{name} must be {EXAMPLES[vr]} or a range of two")
    for piece in (first, last):
        if piece and not (PATTERNS[vr].fullmatch(piece) and _is_calendar_date(vr, piece)):
            raise BadQuery(f"{name} must be {EXAMPLES[vr]} or a range of two")
    start, end = (
        piece.replace(".", "") if vr == "DA" else piece.replace(":", "") for piece in (first, last)
    )
    return start, end


def _is_calendar_date(vr: str, text: str) -> bool:
    digits = text.replace(".", "")[:8]
    if vr == "TM" or len(digits) < 8:
        return True
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s^=,*?-]+", text[:MAX_PATTERN]) if word][:8]


def _any_accent(word: str) -> str:
    letters = (PLAIN.get(c, c) for c in word.lower())
    return "".join(f"[{ACCENTS[c]}]" if c in ACCENTS else _escaped(c) for c in letters)


def _escaped(character: str) -> str:
    return f"\\{character}" if character in SPECIAL else character


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise BadQuery(f"{name} must be a whole number of 0 or more")
    return int(value)
