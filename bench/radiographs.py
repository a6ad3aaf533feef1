"""The folder of radiographs with labels.csv (file, label, patient, view, split), as arrays."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Radiographs:
    """One split: (n, side, side) standardised images, (n,) 0 or 1, and who they are of."""

    images: NDArray[np.float16]
    labels: NDArray[np.int64]
    patients: list[str]
    views: list[str]


def load(folder: Path, split: str, side: int) -> Radiographs:
    """The images of a split, squeezed to a square."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    names = sorted({row["label"] for row in rows})
    images = []
    for row in rows:
        picture = Image.open(folder / row["file"]).convert("L")
        small = np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float32)
        images.append((small - small.mean()) / (small.std() + 1e-3))
    return Radiographs(
        np.stack(images).astype(np.float16),
        np.array([names.index(row["label"]) for row in rows], np.int64),
        [row["patient"] for row in rows],
        [row["view"] for row in rows],
    )
