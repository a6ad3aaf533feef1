"""PURE. Clinical values as a CSV file: its columns, its lines, and what is wrong by line and column.

No message repeats a cell: where a line has slipped, it may hold anything that names a patient.
"""

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

KEYS = ("StudyInstanceUID", "AccessionNumber", "PatientID")
NUMBER, CATEGORY = "number", "category"
MOST_COLUMNS = 100
MOST_LINES = 200_000
MOST_CATEGORIES = 50
MOST_UNREPEATED = 5  # lines of which each may have a category of its own
LONGEST_TEXT = 64
MOST_BYTES = 32 << 20
LARGEST = 1e15  # beyond it JSON may give a number back in another form, and hashes would differ
HEADING = re.compile(r"([^\[\]()]+?)(?:\s*\[([^\[\]]+)\]|\s*\((category)\))?")
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

Row = dict[str, float | str]


class InvalidTable(ValueError):
    """The file cannot be taken over; says where and why, without the cell's content."""


@dataclass(frozen=True)
class ClinicalColumn:
    """One value per line. The unit is a part of `key`, so that a value in another unit is another column."""

    key: str
    name: str
    unit: str
    type: str  # NUMBER or CATEGORY
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClinicalValues:
    """A whole file: which identifier its lines go by, and the values of each that has any."""

    identifier: str
    columns: tuple[ClinicalColumn, ...]
    rows: dict[str, Row]


def parse_table(data: bytes) -> ClinicalValues:
    """The columns and lines of a CSV file with commas or semicolons. Raises InvalidTable."""
    if len(data) > MOST_BYTES:
        raise InvalidTable(f"A table may not exceed {MOST_BYTES >> 20} MiB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidTable("The file is no UTF-8 text.") from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise InvalidTable(f"Line {line} holds a NUL character.")
    lines = _lines(text)
    heading, headings = next(lines, (1, []))
    identifier = _identifier(headings)
    place = headings.index(identifier)
    columns = [None if at == place else _heading(at, one) for at, one in enumerate(headings)]
    _refuse_repeated(columns)
    cells = _cells(lines, place, len(headings))
    if not cells:
        raise InvalidTable(f"There is no line below line {heading}.")
    typed = {at: _typed(column, at, cells) for at, column in enumerate(columns) if column}
    rows: dict[str, Row] = {
        key: {
            column.key: float(cell) if column.type == NUMBER else cell
            for at, column in typed.items() if (cell := line[at])
        }
        for _, key, line in cells
    }  # fmt: skip
    return ClinicalValues(identifier, tuple(typed.values()), rows)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of each line that is not empty, and its cells without spaces around them."""
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [unicodedata.normalize("NFKC", c).strip() for c in cells]
    except csv.Error as error:
        raise InvalidTable(f"Line {reader.line_num}: {error}.") from None


def _identifier(headings: Sequence[str]) -> str:
    found = [one for one in headings if one in KEYS]
    if len(found) != 1:
        raise InvalidTable(f"Line 1 must name exactly one of {', '.join(KEYS)}.")
    if not 2 <= len(headings) <= MOST_COLUMNS + 1:
        raise InvalidTable(f"Line 1 must name 1 to {MOST_COLUMNS} columns beside {found[0]}.")
    return found[0]


def _heading(at: int, heading: str) -> ClinicalColumn:
    """The column of `name`, `name [unit]` or `name (category)`; numbers until its cells say otherwise."""
    matched = HEADING.fullmatch(heading)
    if matched is None or len(heading) > LONGEST_TEXT:
        raise InvalidTable(
            f"Line 1, column {at + 1}: write name, name [unit] or name (category), with at most "
            f"{LONGEST_TEXT} characters."
        )
    name, unit, category = matched.groups()
    key = f"{name} [{unit}]" if unit else name
    return ClinicalColumn(key, name, unit or "", CATEGORY if category else NUMBER)


def _refuse_repeated(columns: Sequence[ClinicalColumn | None]) -> None:
    seen: set[str] = set()
    for at, column in enumerate(columns):
        if column and column.key in seen:
            raise InvalidTable(f"Line 1, column {at + 1}: {column.key} is there twice.")
        if column:
            seen.add(column.key)


def _cells(
    lines: Iterator[tuple[int, list[str]]], place: int, width: int
) -> list[tuple[int, str, list[str]]]:
    """(line number, identifier, cells) of every line."""
    found: dict[str, tuple[int, str, list[str]]] = {}
    for number, cells in lines:
        if len(cells) != width:
            raise InvalidTable(f"Line {number} has {len(cells)} cells, line 1 has {width}.")
        key = cells[place]
        if not key or len(key) > LONGEST_TEXT:
            raise InvalidTable(f"Line {number}: the identifier is empty or too long.")
        if key in found:
            raise InvalidTable(f"Line {number}: its identifier stands in line {found[key][0]} too.")
        if len(found) == MOST_LINES:
            raise InvalidTable(f"A table may not have more than {MOST_LINES} lines.")
        found[key] = (number, key, cells)
    return list(found.values())


def _typed(
    column: ClinicalColumn, at: int, cells: Sequence[tuple[int, str, Any]]
) -> ClinicalColumn:
    """The column with its type and categories: all cells are numbers, or none is one."""
    lines: dict[str, list[int]] = defaultdict(list)  # the first of each kind of cell
    categories: dict[str, int] = {}
    for number, _, line in cells:
        if cell := line[at]:
            kind = NUMBER if _is_number(cell) else CATEGORY
            lines[kind].append(number)
            categories.setdefault(cell, number)
    if not lines:
        raise InvalidTable(f"{column.key}: no line has a value.")
    if column.type == NUMBER and not lines[CATEGORY]:
        return column
    if lines[CATEGORY] and (column.unit or (column.type == NUMBER and lines[NUMBER])):
        raise InvalidTable(
            f"Line {lines[CATEGORY][0]}, {column.key}: this is no number. Write decimals with a point; "
            f"name the column {column.name} (category) if its values are names."
        )
    return _category(column, categories, sum(map(len, lines.values())))


def _category(
    column: ClinicalColumn, categories: dict[str, int], value_count: int
) -> ClinicalColumn:
    for cell, number in categories.items():
        if len(cell) > LONGEST_TEXT:
            raise InvalidTable(f"Line {number}, {column.key}: more than {LONGEST_TEXT} characters.")
    if len(categories) > MOST_CATEGORIES:
        line = sorted(categories.values())[MOST_CATEGORIES]
        raise InvalidTable(
            f"Line {line}, {column.key}: this is value {MOST_CATEGORIES + 1}, and a column may have at "
            f"most {MOST_CATEGORIES} different ones that are no numbers."
        )
    if len(categories) == value_count > MOST_UNREPEATED:
        raise InvalidTable(
            f"{column.key}: every line has another value, so it names patients and groups none."
        )
    return ClinicalColumn(column.key, column.name, "", CATEGORY, tuple(sorted(categories)))


def _is_number(cell: str) -> bool:
    return DECIMAL.fullmatch(cell) is not None and abs(float(cell)) < LARGEST
