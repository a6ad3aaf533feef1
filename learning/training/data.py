"""Images and labels of a run: in memory, or in files of which only the rows in use are read."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from learning.training.tasks.base import Labels

Image = NDArray[Any]  # (channels, *space), float16 or float32
SUFFIXES = (".bin", ".shapes.npy", ".json")  # of an ArrayFile


@dataclass(frozen=True)
class Samples:
    """n images (channels, *space), their encoded labels, and (n, k) standardised columns.

    `images`, and the masks of a segmentation, are any sequence of arrays: a list, one array, or an
    ArrayFile, of which only the rows of a batch come into memory.
    """

    images: Sequence[Image] | NDArray[Any]
    labels: Labels
    columns: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images do not fit {len(self.labels)} labels")
        if self.columns is not None and (
            self.columns.ndim != 2 or len(self.columns) != len(self.images)
        ):
            raise ValueError(f"columns {self.columns.shape} do not fit {len(self.images)} images")

    def __len__(self) -> int:
        return len(self.labels)

    def save(self, folder: Path) -> None:
        """Write everything as files that other processes can map."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _save(folder / "images", self.images)
        if isinstance(self.labels, np.ndarray) and self.labels.dtype != object:
            np.save(folder / "labels.npy", self.labels)
        else:
            _save(folder / "masks", self.labels)
        if self.columns is not None:
            np.save(folder / "columns.npy", self.columns)

    @classmethod
    def load(cls, folder: Path) -> "Samples":
        table = folder / "labels.npy"
        labels: Any = np.load(table) if table.exists() else ArrayFile(folder / "masks")
        columns = folder / "columns.npy"
        return cls(
            ArrayFile(folder / "images"), labels, np.load(columns) if columns.exists() else None
        )


class ArrayFile(Sequence[NDArray[Any]]):
    """Arrays of one type and any shapes in one file, read through a memory map."""

    def __init__(self, path: Path) -> None:
        self._path = path
        header = json.loads(path.with_suffix(".json").read_text())
        self._dtype = np.dtype(header["dtype"])
        self._shapes = np.load(path.with_suffix(".shapes.npy"))
        sizes = self._shapes.prod(axis=1) if len(self._shapes) else np.zeros(0, np.int64)
        self._ends = np.cumsum(sizes)
        is_filled = len(self._ends) and self._ends[-1]
        self._values = (
            np.memmap(path.with_suffix(".bin"), self._dtype, mode="r")
            if is_filled
            else np.zeros(0, self._dtype)
        )

    @classmethod
    def write(cls, path: Path, arrays: Iterable[NDArray[Any]]) -> "ArrayFile":
        """Write one array after the other; what stood there is replaced at the end."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(".bin.part")
        shapes: list[tuple[int, ...]] = []
        dtype: np.dtype[Any] | None = None
        with partial.open("wb") as file:
            for array in arrays:
                dtype = dtype or array.dtype
                if array.dtype != dtype or (shapes and array.ndim != len(shapes[0])):
                    raise ValueError(f"array {len(shapes)} differs in type or axes from the first")
                file.write(np.ascontiguousarray(array).tobytes())
                shapes.append(array.shape)
            file.flush()
            os.fsync(file.fileno())
        np.save(path.with_suffix(".shapes.npy"), np.asarray(shapes, np.int64))
        path.with_suffix(".json").write_text(json.dumps({"dtype": (dtype or np.dtype("f4")).str}))
        partial.rename(path.with_suffix(".bin"))
        return cls(path)

    def link(self, path: Path) -> None:
        """The same files under another name of the same disk: they are never changed, only replaced."""
        for suffix in SUFFIXES:
            path.with_suffix(suffix).unlink(missing_ok=True)
            if self._path.with_suffix(suffix).exists():
                os.link(self._path.with_suffix(suffix), path.with_suffix(suffix))

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    @overload
    def __getitem__(self, row: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, row: slice) -> list[NDArray[Any]]: ...
    def __getitem__(self, row: int | slice) -> NDArray[Any] | list[NDArray[Any]]:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        end = self._ends[row]
        shape = self._shapes[row]
        return self._values[end - shape.prod() : end].reshape(shape)


def _save(path: Path, arrays: Any) -> None:
    if isinstance(arrays, ArrayFile):
        arrays.link(path)
    else:
        ArrayFile.write(path, arrays)
