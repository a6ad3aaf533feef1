"""An encoder that needs no training: histograms of oriented gradients, whitened on the pool.

For the cold start on machines without weights and without a GPU. The only module that knows scikit-image.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.feature import hog
from torch.nn import functional

Images = NDArray[np.float16] | NDArray[np.float32]
Vectors = NDArray[np.float32]

SIDE = 128  # pixels that every image is described at
CELL = 16
ORIENTATIONS = 9
COMPONENTS = 128
SHRINKAGE = 1e-3  # share of the mean variance added to each: noise directions must not be blown up


@dataclass(frozen=True)
class Whitening:
    """Principal components of a pool, scaled to the same variance."""

    mean: Vectors  # (features,)
    directions: Vectors  # (features, components), each divided by its standard deviation

    def __call__(self, features: Vectors) -> Vectors:
        """(n, components) float32 of length 1."""
        return normalised(np.asarray((features - self.mean) @ self.directions, np.float32))


def describe(images: Iterable[Images]) -> Vectors:
    """(n, features) HOG vectors of (h, w) images, or of the three middle planes of (d, h, w) volumes.

    Raises ValueError for other shapes, naming the image.
    """
    found = [
        _describe_one(np.asarray(image, np.float32), place) for place, image in enumerate(images)
    ]
    return np.stack(found) if found else np.zeros((0, 0), np.float32)


def fit_whitening(features: Vectors, components: int = COMPONENTS) -> Whitening:
    """Whitening of (n, features) of a pool; deterministic. Raises ValueError for fewer than 3 rows."""
    if len(features) < 3:
        raise ValueError(f"whitening needs at least 3 images, not {len(features)}")
    mean = features.mean(axis=0, dtype=np.float64)
    _, spreads, directions = np.linalg.svd(features - mean, full_matrices=False)
    count = min(components, len(features) - 1, int((spreads > 1e-6 * spreads[0]).sum()))
    variances = spreads[:count] ** 2 / (len(features) - 1)
    directions = directions[:count] * _signs(directions[:count])
    scale = 1 / np.sqrt(variances + SHRINKAGE * variances.mean())
    return Whitening(mean.astype(np.float32), (directions.T * scale).astype(np.float32))


def normalised(vectors: Vectors) -> Vectors:
    """Rows divided by their length; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def joined(parts: Sequence[Vectors]) -> Vectors:
    """Several embeddings of the same images side by side, each with the same say, of length 1."""
    return normalised(np.concatenate([normalised(part) for part in parts], axis=1))


def _describe_one(image: Vectors, place: int) -> Vectors:
    if image.ndim == 2:
        return _hog(image)
    if image.ndim == 3:
        planes = (image.take(length // 2, axis=axis) for axis, length in enumerate(image.shape))
        return np.concatenate([_hog(plane) for plane in planes])
    raise ValueError(f"image {place} has the shape {image.shape}, not (h, w) or (d, h, w)")


def _hog(image: Vectors) -> Vectors:
    resized = functional.interpolate(
        torch.from_numpy(image)[None, None], size=(SIDE, SIDE), mode="bilinear", antialias=True
    )
    found = hog(
        resized[0, 0].numpy(), orientations=ORIENTATIONS, pixels_per_cell=(CELL, CELL),
        cells_per_block=(2, 2), block_norm="L2-Hys",
    )  # fmt: skip
    return np.asarray(found, np.float32)


def _signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make the largest part of each direction positive: SVD leaves the sign open."""
    largest = np.abs(directions).argmax(axis=1)
    return np.asarray(np.sign(directions[np.arange(len(directions)), largest])[:, None])
