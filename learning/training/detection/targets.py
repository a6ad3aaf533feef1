"""From boxes to the maps that the detector learns.

Every object is a Gaussian around its centre in its class's heatmap (Zhou et al. 2019). Size and place are
learned at every cell under the Gaussian, weighted by it, which converges in a fraction of the epochs
that learning them at the one centre cell takes (Liu et al. 2020, TTFNet).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.batches import sent
from learning.training.boxes import Boxes, centres, sizes

SPREAD = 0.54  # share of the box that the Gaussian covers (TTFNet)
SMALLEST_WEIGHT = 0.1  # cells further out say too little of the box to learn its size from


@dataclass
class Targets:
    """Maps of a batch on the grid of cells, b x channels x grid."""

    heat: torch.Tensor  # (b, classes, *grid), 1 at centres
    size: torch.Tensor  # (b, dimensions, *grid), log of voxels / stride
    offset: torch.Tensor  # (b, dimensions, *grid), cells from the cell's middle to the box's
    weight: torch.Tensor  # (b, 1, *grid), 0 where size and offset mean nothing
    # Of the whole batch, also where this is a part: how many centres, and the sum of the weights
    centres: torch.Tensor
    total: torch.Tensor

    def to(self, device: torch.device) -> "Targets":
        return Targets(*(sent(one, device) for one in vars(self).values()))

    def of(self, start: int, stop: int) -> "Targets":
        """Those of some of the images."""
        maps = ("heat", "size", "offset", "weight")
        return replace(self, **{name: getattr(self, name)[start:stop] for name in maps})


def grid_shape(shape: Sequence[int], stride: int) -> tuple[int, ...]:
    """How many cells a network of that stride makes of an image."""
    return tuple(-(-length // stride) for length in shape)


def encode(
    boxes: Sequence[Boxes],
    labels: Sequence[NDArray[np.int64]],
    *,
    shape: Sequence[int],
    stride: int,
    class_count: int,
) -> Targets:
    """Targets of a batch of images of one shape; boxes in voxels, see `learning.training.boxes`."""
    maps = [
        _encode_one(b, c, shape, stride, class_count) for b, c in zip(boxes, labels, strict=True)
    ]
    heat, size, offset, weight = (
        torch.from_numpy(np.stack(parts)) for parts in zip(*maps, strict=True)
    )
    return Targets(heat, size, offset, weight, heat.eq(1).sum(), weight.sum())


def _encode_one(
    boxes: Boxes, labels: NDArray[np.int64], shape: Sequence[int], stride: int, class_count: int
) -> tuple[NDArray[np.float32], ...]:
    grid, dimensions = grid_shape(shape, stride), len(shape)
    heat = np.zeros((class_count, *grid), np.float32)
    size = np.zeros((dimensions, *grid), np.float32)
    offset = np.zeros((dimensions, *grid), np.float32)
    weight = np.zeros((1, *grid), np.float32)
    middles, lengths = centres(boxes) / stride, sizes(boxes) / stride
    for row in np.argsort(
        -lengths.prod(axis=1), kind="stable"
    ):  # small objects are drawn last, on top
        window, gaussian, distances = _gaussian(middles[row], lengths[row], grid)
        in_class = heat[labels[row]][window]
        np.maximum(in_class, gaussian, out=in_class)
        is_own = gaussian >= SMALLEST_WEIGHT
        for axis in range(dimensions):
            size[axis][window][is_own] = np.log(lengths[row, axis])
            offset[axis][window][is_own] = distances[axis][is_own]
        weight[0][window][is_own] = gaussian[is_own]
    return heat, size, offset, weight


def _gaussian(
    middle: NDArray[np.float32], length: NDArray[np.float32], grid: tuple[int, ...]
) -> tuple[tuple[slice, ...], NDArray[np.float32], list[NDArray[np.float32]]]:
    """A window of the grid, the Gaussian in it (1 in the centre's cell) and the way to the middle."""
    cell = np.clip(np.floor(middle).astype(int), 0, np.array(grid) - 1)
    sigma = (SPREAD * length + 1) / 6
    reach = np.ceil(3 * sigma).astype(int)
    window = tuple(
        slice(max(c - r, 0), min(c + r + 1, n)) for c, r, n in zip(cell, reach, grid, strict=True)
    )
    axes = np.meshgrid(*(np.arange(w.start, w.stop) for w in window), indexing="ij")
    exponent = sum(((a - c) / s) ** 2 for a, c, s in zip(axes, cell, sigma, strict=True))
    distances = [(m - a - 0.5).astype(np.float32) for a, m in zip(axes, middle, strict=True)]
    return window, np.exp(-np.asarray(exponent) / 2).astype(np.float32), distances
