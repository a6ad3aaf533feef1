"""Two looks at the same image, different enough that only its content connects them."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from learning.training.moving import move


@dataclass(frozen=True)
class ViewConfig:
    """How far a view may be from its image; every draw is per image."""

    smallest_crop: float = 0.4  # share of each axis
    flip: bool = True  # of the last axis
    contrast: float = 0.5
    offset: float = 0.4
    noise: float = 0.1
    blur: float = 0.3  # probability


def view(images: torch.Tensor, config: ViewConfig, generator: torch.Generator) -> torch.Tensor:
    """A random crop, zoomed to the full size, with other contrast, noise and sharpness.

    (b, channels, *shape) standardised images, 2D or 3D.
    """
    count, dimensions = len(images), images.ndim - 2

    def drawn(*size: int) -> torch.Tensor:
        return torch.rand(*size, generator=generator)

    share = config.smallest_crop + (1 - config.smallest_crop) * drawn(count, 1)
    stretch = 1 + (drawn(count, dimensions) - 0.5) * 0.2
    crop = (share * stretch).clamp(max=1.0)
    shift = (drawn(count, dimensions) * 2 - 1) * (1 - crop)
    mirror = torch.ones(count, dimensions)
    mirror[:, -1] = torch.where(drawn(count) < 0.5 * config.flip, -1.0, 1.0)
    moved = move(images, crop * mirror, shift)
    one_each = (count, *[1] * (dimensions + 1))
    moved = _blurred(moved, drawn(count) < config.blur)
    moved = moved * (1 + (drawn(*one_each) * 2 - 1) * config.contrast)
    moved = moved + (drawn(*one_each) * 2 - 1) * config.offset
    return moved + torch.randn(moved.shape, generator=generator) * config.noise


def _blurred(images: torch.Tensor, is_chosen: torch.Tensor) -> torch.Tensor:
    pool = functional.avg_pool2d if images.ndim == 4 else functional.avg_pool3d
    soft = pool(images, 3, stride=1, padding=1, count_include_pad=False)
    return torch.where(is_chosen.reshape(-1, *[1] * (images.ndim - 1)), soft, images)
