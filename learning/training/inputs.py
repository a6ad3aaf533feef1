"""What a target's network sees of a study: series as channels, grid, intensities, clinical columns.

Knows no DICOM: which series fits a rule is answered for plain attributes, and arrays come in.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from learning.training.registry import DIMENSIONS

PLANES = ("any", "axial", "coronal", "sagittal")
PREFER = ("most_images", "thinnest", "first", "last")
NORMALISATIONS = ("window", "zscore", "percentile")
CROPS = ("resize", "centre", "foreground")
MISSING = ("exclude", "indicate")
SOURCES = ("table", "dicom")
LARGEST_SIDE = 2048
WINDOW_UNIT = (
    8  # voxels: of windows for boxes sides and steps are multiples, so that cells meet cells
)


class InvalidInput(ValueError):
    """An input's record is malformed; names the field."""


@dataclass(frozen=True)
class SeriesRule:
    """Which series of a study is meant. Among several that fit, `prefer` decides."""

    modality: str = ""  # DICOM Modality; empty takes any
    description: str = ""  # regular expression found in the Series Description, any case
    plane: str = "any"
    prefer: str = "most_images"
    number: int = 0  # of those that fit, in the order of preference; another channel takes the next


@dataclass(frozen=True)
class Channel:
    """One series as one channel (or three, of colour) of the branch `branch`."""

    name: str
    rule: SeriesRule = SeriesRule()
    branch: int = 0
    normalisation: str = "percentile"
    low: float = 0.5  # window: value that becomes 0; percentile: percent cut off below
    high: float = 99.5  # window: value that becomes 1; percentile: percent cut off above


@dataclass(frozen=True)
class Column:
    """A clinical value: a number, or one of `categories`.

    `name` is a column of the project's table with its unit, or a DICOM keyword.
    """

    name: str
    source: str = "table"  # or "dicom"
    categories: tuple[str, ...] = ()
    missing: str = "exclude"  # or "indicate": the mean, and a column that says it was missing


@dataclass(frozen=True)
class InputSpec:
    """Everything that turns a study into the network's input.

    `size` in pixels, (y, x) or (z, y, x); `spacing_mm` in the same order, empty keeps the images'
    own. `crop`: "resize" squeezes the whole image into `size`, "centre" keeps the scale and cuts or
    pads around the middle, "foreground" around what is brighter than the background.
    """

    size: tuple[int, ...]
    dimensions: str = "2d"
    channels: tuple[Channel, ...] = (Channel("image"),)
    spacing_mm: tuple[float, ...] = ()
    crop: str = "resize"
    # Masks, and boxes in volumes that may: only resampled, because windows of `size` are cut later
    keeps_size: bool = False
    neighbours: int = 1  # of a slice on each side, in 2.5D
    columns: tuple[Column, ...] = field(default=())

    @property
    def spatial(self) -> int:
        return 2 if self.dimensions == "2d" else 3

    @property
    def branches(self) -> tuple[int, ...]:
        """How many channels each branch has, as Architecture.channels wants it."""
        numbers = [channel.branch for channel in self.channels]
        return tuple(numbers.count(branch) for branch in range(max(numbers) + 1))

    def as_json(self) -> dict[str, Any]:
        found = _listed(asdict(self))
        assert isinstance(found, dict)  # noqa: S101  for the type checker
        return found

    @classmethod
    def from_json(cls, value: Any) -> "InputSpec":
        """Raises InvalidInput naming the field."""
        given = _object(value, cls, "input")
        if "size" not in given:
            raise InvalidInput("size is missing")
        given["size"] = tuple(_numbers(given["size"], "size", int))
        if "spacing_mm" in given:
            given["spacing_mm"] = tuple(_numbers(given["spacing_mm"], "spacing_mm", float))
        if "channels" in given:
            listed = _list(given["channels"], "channels")
            given["channels"] = tuple(_channel(c, f"channels[{i}]") for i, c in enumerate(listed))
        if "columns" in given:
            listed = _list(given["columns"], "columns")
            given["columns"] = tuple(_column(c, f"columns[{i}]") for i, c in enumerate(listed))
        spec = cls(**given)
        _check(spec)
        return spec


def keywords_among(columns: Iterable[Column]) -> list[str]:
    """The columns that are read from DICOM headers."""
    return [column.name for column in columns if column.source == "dicom"]


def columns_of(input: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns of a stored input, which may be {} for each study's middle image."""
    return InputSpec.from_json(input).columns if input else ()


def choose_series(rule: SeriesRule, series: Sequence[Mapping[str, Any]]) -> int | None:
    """The place of the series that the rule means, or None.

    Each has "modality", "description", "plane", "image_count", "thickness_mm" (or None) and
    "number"; the order of the sequence does not matter where the numbers differ.
    """
    fitting = [
        place
        for place, one in enumerate(series)
        if (not rule.modality or one["modality"] == rule.modality)
        and (not rule.description or re.search(rule.description, one["description"], re.IGNORECASE))
        and rule.plane in ("any", one["plane"])
    ]

    def order(place: int) -> tuple[float, float]:
        one = series[place]
        wanted = {
            "most_images": -one["image_count"],
            "thinnest": one["thickness_mm"] if one["thickness_mm"] is not None else float("inf"),
            "first": one["number"],
            "last": -one["number"],
        }
        return wanted[rule.prefer], one["number"]

    fitting.sort(key=order)
    return fitting[rule.number] if rule.number < len(fitting) else None


def _check(spec: InputSpec) -> None:
    _one_of(spec.dimensions, "dimensions", DIMENSIONS)
    _one_of(spec.crop, "crop", CROPS)
    if len(spec.size) != spec.spatial or not all(1 <= s <= LARGEST_SIDE for s in spec.size):
        raise InvalidInput(f"size must have {spec.spatial} sides between 1 and {LARGEST_SIDE}")
    if spec.spacing_mm and (
        len(spec.spacing_mm) != spec.spatial or not all(0.01 <= s <= 100 for s in spec.spacing_mm)
    ):
        raise InvalidInput(f"spacing_mm must have {spec.spatial} values between 0.01 and 100")
    if not spec.channels or not 0 <= spec.neighbours <= 16:
        raise InvalidInput("channels must name a series, and neighbours lie between 0 and 16")
    if 0 in spec.branches:
        raise InvalidInput("channels: branches must be numbered from 0 without gaps")
    if sorted(spec.channels, key=lambda c: c.branch) != list(spec.channels):
        raise InvalidInput("channels must be listed branch by branch")
    for kind, names in {
        "channels": [c.name for c in spec.channels], "columns": [c.name for c in spec.columns],
    }.items():  # fmt: skip
        if len(set(names)) != len(names):
            raise InvalidInput(f"{kind}: names must differ")


def _channel(value: Any, place: str) -> Channel:
    given = _object(value, Channel, place)
    if not isinstance(given.get("name"), str) or not given["name"]:
        raise InvalidInput(f"{place}.name must be a text")
    if "rule" in given:
        given["rule"] = _rule(given["rule"], f"{place}.rule")
    for name in ("low", "high"):
        if name in given:
            [given[name]] = _numbers([given[name]], f"{place}.{name}", float)
    channel = Channel(**given)
    _one_of(channel.normalisation, f"{place}.normalisation", NORMALISATIONS)
    if not channel.low < channel.high:
        raise InvalidInput(f"{place}.high must lie above low")
    if channel.normalisation == "percentile" and (channel.low < 0 or channel.high > 100):
        raise InvalidInput(f"{place}: percentiles must lie between 0 and 100")
    if type(channel.branch) is not int or not 0 <= channel.branch < 16:
        raise InvalidInput(f"{place}.branch must be a whole number below 16")
    return channel


def _rule(value: Any, place: str) -> SeriesRule:
    rule = SeriesRule(**_object(value, SeriesRule, place))
    if not isinstance(rule.modality, str) or not isinstance(rule.description, str):
        raise InvalidInput(f"{place}: modality and description must be texts")
    if len(rule.description) > 200:
        raise InvalidInput(f"{place}.description is longer than 200 characters")
    try:
        re.compile(rule.description)
    except re.error as error:
        raise InvalidInput(f"{place}.description is no regular expression: {error}") from None
    _one_of(rule.plane, f"{place}.plane", PLANES)
    _one_of(rule.prefer, f"{place}.prefer", PREFER)
    if type(rule.number) is not int or not 0 <= rule.number < 100:
        raise InvalidInput(f"{place}.number must be a whole number below 100")
    return rule


def _column(value: Any, place: str) -> Column:
    given = _object(value, Column, place)
    if not isinstance(given.get("name"), str) or not given["name"]:
        raise InvalidInput(f"{place}.name must be a text")
    categories = _list(given.get("categories", []), f"{place}.categories")
    if not all(isinstance(c, str) for c in categories) or len(set(categories)) != len(categories):
        raise InvalidInput(f"{place}.categories must be different texts")
    given["categories"] = tuple(categories)
    column = Column(**given)
    _one_of(column.source, f"{place}.source", SOURCES)
    _one_of(column.missing, f"{place}.missing", MISSING)
    return column


def _object(value: Any, kind: type, place: str) -> dict[str, Any]:
    known = {f.name for f in fields(kind)}
    if not isinstance(value, dict):
        raise InvalidInput(f"{place} must be an object")
    unknown = sorted(str(name) for name in set(value) - known)
    if unknown:
        raise InvalidInput(f"{place} has no field {unknown[0]}")
    return dict(value)


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{place} must be a list")
    return list(value)


def _numbers(value: Any, place: str, kind: type) -> list[Any]:
    listed = _list(value, place)
    for number in listed:
        is_number = isinstance(number, int if kind is int else int | float)
        if not is_number or isinstance(number, bool) or abs(number) == float("inf"):
            raise InvalidInput(f"{place} must hold numbers")
    return [kind(number) for number in listed]


def _one_of(value: Any, place: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InvalidInput(f"{place} must be one of {', '.join(known)}")


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(one) for name, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, tuple | list) else value
