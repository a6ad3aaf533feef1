"""Images as tensors, and random augmentation that a seed fully determines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from learning.training.config import TrainConfig


@dataclass(frozen=True)
class LabeledImages:
    """(n, side, side) standardised images and (n,) class numbers."""

    images: NDArray[np.float16]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or len(self.images) != len(self.labels):
            raise ValueError(f"images {self.images.shape} do not fit labels {self.labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)


def batches(
    images: Sequence[NDArray[np.float16]] | NDArray[np.float16], size: int
) -> Iterator[torch.Tensor]:
    """(b, 1, side, side) float32 tensors in order."""
    for start in range(0, len(images), size):
        block = np.asarray(images[start : start + size], np.float32)
        yield torch.from_numpy(block)[:, None]


def shuffled(
    data: LabeledImages, size: int, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One epoch of full batches in random order (all samples where there are fewer than one batch)."""
    order = torch.randperm(len(data), generator=generator).numpy()
    count = max(len(data) // size, 1)
    for index in range(count):
        picked = order[index * size : (index + 1) * size]
        if len(picked) == 1:  # batch norm needs two
            picked = np.repeat(picked, 2)
        images = torch.from_numpy(data.images[picked].astype(np.float32))[:, None]
        yield images, torch.from_numpy(data.labels[picked])


def augment(images: torch.Tensor, config: TrainConfig, generator: torch.Generator) -> torch.Tensor:
    """Random rotation, scale, shift, flip, contrast and noise of (b, 1, h, w)."""
    count = len(images)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator) * 2 - 1

    angle = uniform(count) * np.deg2rad(config.rotate_degrees)
    scale = 1 + uniform(count) * config.scale
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5 * config.flip, -1.0, 1.0)
    shift = uniform(count, 2) * config.shift * 2
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    top = torch.stack([cosine * mirror, -sine, shift[:, 0]], dim=1)
    bottom = torch.stack([sine * mirror, cosine, shift[:, 1]], dim=1)
    grid = functional.affine_grid(
        torch.stack([top, bottom], dim=1), list(images.shape), align_corners=False
    )
    moved = functional.grid_sample(images, grid, align_corners=False, padding_mode="border")
    contrast = 1 + uniform(count, 1, 1, 1) * config.contrast
    offset = uniform(count, 1, 1, 1) * config.contrast
    noise = torch.randn(moved.shape, generator=generator) * config.noise
    return moved * contrast + offset + noise


def class_weights(labels: NDArray[np.int64], class_count: int) -> torch.Tensor:
    """Inverse square root of each class's frequency, with mean 1 over the classes present."""
    counts = np.bincount(labels, minlength=class_count).astype(np.float64)
    weights = np.where(counts > 0, 1 / np.sqrt(np.maximum(counts, 1)), 0.0)
    return torch.tensor(weights / weights[counts > 0].mean(), dtype=torch.float32)
