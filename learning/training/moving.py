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
    grid = places(matrix.to(images.device, images.dtype), images.shape[2:])
    return functional.grid_sample(images, grid, align_corners=False, padding_mode="border")


def places(matrix: torch.Tensor, space: torch.Size) -> torch.Tensor:
    """(b, *space, d) places to look at by (b, d, d + 1) matrices: affine_grid in half its time.

    A place is a sum of one term per axis, so that all but one are added before they fill the space.
    """
    count, dimensions = len(matrix), len(space)
    found = matrix.new_empty(count, *space, dimensions)
    for row in range(dimensions):
        total = matrix[:, row, dimensions].reshape(count, *[1] * dimensions)
        for axis, length in enumerate(space):
            centres = (torch.arange(length, device=matrix.device) * 2 + 1) / length - 1
            shape = [length if other == axis else 1 for other in range(dimensions)]
            # Coordinates count axes from the last.
            weight = matrix[:, row, dimensions - 1 - axis].reshape(count, *[1] * dimensions)
            term = centres.to(matrix.dtype).reshape(shape) * weight
            is_last = axis == dimensions - 1
            total = torch.add(total, term, out=found[..., row]) if is_last else total + term
    return found
