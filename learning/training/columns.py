"""Clinical columns as numbers: standardised on the training set, categories one by one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.inputs import Column
from learning.training.preparation import UnusableInput


@dataclass(frozen=True)
class ColumnEncoder:
    """Columns with the mean and deviation of the training set, which stay in a model's record."""

    columns: tuple[Column, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def fit(cls, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> "ColumnEncoder":
        """Learn the scale of each number. Raises UnusableInput where a column has no value."""
        means, deviations = [], []
        for column in columns:
            known = [v for row in rows if (v := _value(column, row)) is not None]
            if not known:
                raise UnusableInput(f"{column.name}: no training case has a value")
            numbers = np.asarray([0.0] if column.categories else known, np.float64)
            means.append(float(numbers.mean()))
            deviations.append(float(numbers.std()) or 1.0)
        return cls(tuple(columns), tuple(means), tuple(deviations))

    @property
    def width(self) -> int:
        """How many columns the network reads."""
        return sum(
            max(len(column.categories), 1) + (column.missing == "indicate")
            for column in self.columns
        )

    def encode(self, row: Mapping[str, Any]) -> NDArray[np.float32]:
        """(width,) of one case. Raises UnusableInput naming a missing or wrong value."""
        found: list[float] = []
        for column, mean, deviation in zip(self.columns, self.means, self.deviations, strict=True):
            value = _value(column, row)
            if value is None and column.missing == "exclude":
                raise UnusableInput(f"{column.name} is missing")
            if column.categories:
                found += [float(value == category) for category in column.categories]
            else:
                found.append(0.0 if value is None else (float(value) - mean) / deviation)
            if column.missing == "indicate":
                found.append(float(value is None))
        return np.asarray(found, np.float32)

    def as_json(self) -> dict[str, Any]:
        return {"means": list(self.means), "deviations": list(self.deviations)}

    @classmethod
    def from_json(cls, columns: Sequence[Column], value: Mapping[str, Any]) -> "ColumnEncoder":
        return cls(tuple(columns), tuple(value["means"]), tuple(value["deviations"]))


def _value(column: Column, row: Mapping[str, Any]) -> Any:
    """The row's value, None where missing. Raises UnusableInput for a wrong one."""
    value = row.get(column.name)
    if value is None or value == "":
        return None
    if column.categories:
        if value not in column.categories:
            raise UnusableInput(f"{column.name} is {value!r}, which is no category")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableInput(f"{column.name} is {value!r}, which is no number")
    return value
