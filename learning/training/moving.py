"""Zoom, mirror and shift images along their axes, in two and three dimensions."""

import torch
from torch.nn import functional


def move(images: torch.Tensor, factor: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Show at place u (in -1 to 1) what lay at factor * u + shift; (b, dimensions) each."""
    count, dimensions = factor.shape
    matrix = torch.zeros(count, dimensions, dimensions + 1)
    for axis in range(dimensions):  # grid_sample counts axes from the last
        matrix[:, dimensions - 1 - axis, dimensions - 1 - axis] = factor[:, axis]
        matrix[:, dimensions - 1 - axis, dimensions] = shift[:, axis]
    grid = functional.affine_grid(matrix.to(images.dtype), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False, padding_mode="border")
