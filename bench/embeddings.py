"""HOG + PCA embeddings of NIH radiographs for benchmarks, until the product's encoder is used here.

The PCA is fitted on the training pool, without labels. Needs scikit-image.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import hog
from sklearn.decomposition import PCA

from learning.acquisition.pool import normalized

SIDE = 128
CLASSES = ("no_finding", "pneumonia")


@dataclass(frozen=True)
class Radiographs:
    """Embeddings (n, d) of length 1, class numbers, split names and patients, in one order."""

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    patients: NDArray[np.str_]


def radiographs(folder: Path, dimensions: int = 64) -> Radiographs:
    """All radiographs of a folder with labels.csv (file, label, patient, split)."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    features = np.stack([describe(folder / row["file"]) for row in rows])
    splits = np.array([row["split"] for row in rows])
    pca = PCA(dimensions, whiten=False, random_state=0).fit(features[splits == "train"])
    return Radiographs(
        normalized(pca.transform(features)),
        np.array([CLASSES.index(row["label"]) for row in rows]),
        splits,
        np.array([row["patient"] for row in rows]),
    )


def describe(path: Path) -> NDArray[np.float32]:
    """The histogram of oriented gradients of one image."""
    image = Image.open(path).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    found = hog(
        np.asarray(image, np.float32) / 255, orientations=9, pixels_per_cell=(16, 16),
        cells_per_block=(2, 2), block_norm="L2-Hys",
    )  # fmt: skip
    return np.asarray(found, np.float32)
