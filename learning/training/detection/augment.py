"""Random flips, scale, shift and contrast of images together with their boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.boxes import Boxes, sizes
from learning.training.moving import move

LEAST_VISIBLE = 0.3  # share of a box that must stay in the image


@dataclass(frozen=True)
class BoxAugmentation:
    """How far images may be changed; every axis is drawn by itself."""

    flip: tuple[bool, ...] = (False, True)  # per axis: bodies have an up, most have no fixed left
    scale: float = 0.2
    shift: float = 0.1  # share of the axis
    contrast: float = 0.2
    offset: float = 0.2


def augment(
    images: torch.Tensor,
    boxes: Sequence[Boxes],
    labels: Sequence[NDArray[np.int64]],
    config: BoxAugmentation,
    generator: torch.Generator,
) -> tuple[torch.Tensor, list[Boxes], list[NDArray[np.int64]]]:
    """Changed (b, channels, *shape) images and what is left of their boxes and labels.

    Raises ValueError where `config.flip` does not name every axis.
    """
    shape = images.shape[2:]
    if len(config.flip) != len(shape):
        raise ValueError(f"flip names {len(config.flip)} axes, the images have {len(shape)}")
    count, dimensions = len(images), len(shape)

    def uniform(*size: int) -> torch.Tensor:
        return torch.rand(*size, generator=generator) * 2 - 1

    zoom = 1 + uniform(count, 1) * config.scale + uniform(count, dimensions) * config.scale / 4
    may_flip = torch.tensor(config.flip)
    mirror = torch.where(
        (torch.rand(count, dimensions, generator=generator) < 0.5) & may_flip, -1.0, 1.0
    )
    shift = uniform(count, dimensions) * config.shift * 2  # the image spans -1 to 1
    factor = mirror * zoom
    moved = move(images, factor, shift)
    contrast = 1 + uniform(count, 1) * config.contrast
    moved = moved * _spread(contrast, dimensions) + _spread(
        uniform(count, 1) * config.offset, dimensions
    )
    kept = [
        move_boxes(boxes[b], labels[b], factor[b].numpy(), shift[b].numpy(), shape)
        for b in range(count)
    ]
    return moved, [k[0] for k in kept], [k[1] for k in kept]


def move_boxes(
    boxes: Boxes,
    labels: NDArray[np.int64],
    factor: NDArray[np.float32],
    shift: NDArray[np.float32],
    shape: Sequence[int],
) -> tuple[Boxes, NDArray[np.int64]]:
    """The boxes where `move` puts their content, clipped; those mostly outside are left out."""
    limits, half = np.array(shape, np.float32), boxes.shape[1] // 2
    ends = [
        ((corner / limits * 2 - 1 - shift) / factor + 1) / 2 * limits
        for corner in (boxes[:, :half], boxes[:, half:])
    ]
    whole = np.concatenate([np.minimum(*ends), np.maximum(*ends)], axis=1)
    return visible(whole, labels, shape)


def visible(
    whole: Boxes, labels: NDArray[np.int64], shape: Sequence[int]
) -> tuple[Boxes, NDArray[np.int64]]:
    """Boxes clipped to an image of this shape; those mostly outside are left out."""
    limits = np.array(shape, np.float32)
    clipped = np.clip(whole, 0, np.concatenate([limits, limits])).astype(np.float32)
    is_kept = sizes(clipped).prod(axis=1) >= LEAST_VISIBLE * sizes(whole).prod(axis=1)
    return clipped[is_kept], labels[is_kept]


def _spread(values: torch.Tensor, dimensions: int) -> torch.Tensor:
    return values.reshape(-1, *[1] * (dimensions + 1))
