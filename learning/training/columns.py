"""Clinical columns as numbers: standardised on the training set, categories one by one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.inputs import Column
from learning.training.preparation import UnusableInput

Row = Mapping[str, Any]  # one case's values by the columns' names


class InvalidColumns(ValueError):
    """An encoder's record is malformed, or of other columns."""


@dataclass(frozen=True)
class ColumnEncoder:
    """Columns with the mean and deviation of the training set, which stay in a model's record."""

    columns: tuple[Column, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def fit(cls, columns: Sequence[Column], rows: Sequence[Row]) -> "ColumnEncoder":
        """Learn the scale of each number. Raises UnusableInput where a column has no value at all."""
        means, deviations = [], []
        for column in columns:
            known = [v for row in rows if (v := _value(column, row)) is not None]
            if not known:
                raise UnusableInput(f"{column.name}: no training case has a value")
            numbers = np.asarray([0.0] if column.categories else known, np.float64)
            means.append(float(numbers.mean()))
            deviations.append(_deviation(numbers))
        return cls(tuple(columns), tuple(means), tuple(deviations))

    @property
    def width(self) -> int:
        """How many columns the network reads."""
        return width_of(self.columns)

    def encode(self, row: Row) -> NDArray[np.float32]:
        """(width,) of one case. Raises UnusableInput naming a missing or wrong value."""
        found: list[float] = []
        for column, mean, deviation in zip(self.columns, self.means, self.deviations, strict=True):
            value = _value(column, row)
            if column.categories:
                found += [float(value == category) for category in column.categories]
            else:
                found.append(0.0 if value is None else (float(value) - mean) / deviation)
            if column.missing == "indicate":
                found.append(float(value is None))
        return np.asarray(found, np.float32)

    def encode_all(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """(n, width); also of no rows."""
        found = [self.encode(row) for row in rows]
        return np.stack(found) if found else np.zeros((0, self.width), np.float32)

    def as_json(self) -> dict[str, Any]:
        names = [column.name for column in self.columns]
        return {"names": names, "means": list(self.means), "deviations": list(self.deviations)}

    @classmethod
    def from_json(cls, columns: Sequence[Column], value: Mapping[str, Any]) -> "ColumnEncoder":
        """Raises InvalidColumns where the record is not of these columns."""
        names = [column.name for column in columns]
        if value.get("names", names) != names:
            raise InvalidColumns(
                f"the columns must be {', '.join(names)}, as the model learned them"
            )
        means, deviations = value.get("means"), value.get("deviations")
        for numbers in (means, deviations):
            if not isinstance(numbers, list) or len(numbers) != len(columns):
                raise InvalidColumns(f"means and deviations must be {len(columns)} numbers each")
            if not all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
                raise InvalidColumns("means and deviations must be numbers")
        assert means is not None and deviations is not None  # noqa: S101  for the type checker
        if not all(deviation > 0 for deviation in deviations):
            raise InvalidColumns("deviations must lie above 0")
        return cls(tuple(columns), tuple(map(float, means)), tuple(map(float, deviations)))


def _deviation(numbers: NDArray[np.float64]) -> float:
    """1 where all are the same, which rounding may hide."""
    found = float(numbers.std())
    return found if found > 1e-9 * float(np.abs(numbers).max()) else 1.0


def width_of(columns: Sequence[Column]) -> int:
    """How many numbers a network reads of these columns."""
    return sum(max(len(c.categories), 1) + (c.missing == "indicate") for c in columns)


def check_row(columns: Sequence[Column], row: Row) -> None:
    """Raises UnusableInput naming the first value that is wrong, or missing where it must not be."""
    for column in columns:
        _value(column, row)


def _value(column: Column, row: Row) -> Any:
    """The row's value, None where it may be missing. Raises UnusableInput, without the value: reasons
    are shown beside cases, in records and on model cards.
    """
    value = row.get(column.name)
    if value is None or value == "":
        if column.missing == "exclude":
            raise UnusableInput(f"{column.name} is missing")
        return None
    if column.categories:
        if value not in column.categories:
            raise UnusableInput(f"{column.name} is none of its categories")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableInput(f"{column.name} is no number")
    return value
