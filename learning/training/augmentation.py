"""Random augmentation in 2D and 3D that a seed fully determines; masks follow their images."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from learning.training.config import TrainConfig
from learning.training.moving import places

Generator = torch.Generator
Intensity = Callable[[Tensor, TrainConfig, Generator], Tensor]
FIELD_POINTS = 4  # knots per axis of an MR coil's uneven field
NOISE_PLACES = 1 << 20
CT_SHARE = 0.3  # Hounsfield units are calibrated: of the contrast knob, this much is left


def augment(
    images: Tensor, labels: Tensor | None, config: TrainConfig, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """Move and recolour (b, c, *space) images; (b, *space) masks move along, nearest neighbour.

    Volumes turn in their plane only: a slice is often ten times as thick as its pixels are wide.
    """
    recolour = intensity_of(config)
    if not (config.flip or config.rotate_degrees or config.scale or config.shift):
        return recolour(images, config, generator), labels
    grid = places(movement(images, config, generator), images.shape[2:])
    moved = functional.grid_sample(images, grid, align_corners=False, padding_mode="border")
    if labels is not None:
        # Shifted by one, so that what comes in from outside (0) means unknown (-1).
        shifted = functional.grid_sample(
            (labels[:, None] + 1).to(images.dtype), grid, mode="nearest", align_corners=False
        )
        labels = shifted[:, 0].to(labels.dtype) - 1
    return recolour(moved, config, generator), labels


def movement(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """(b, 2, 3) or (b, 3, 4) affine matrices in the coordinates of grid_sample."""
    count, sides = len(images), images.shape[:1:-1]  # x first, as grid_sample has it
    angle = _uniform(generator, count) * np.deg2rad(config.rotate_degrees)
    scale = 1 + _uniform(generator, count) * config.scale
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5 * config.flip, -1.0, 1.0)
    shift = _uniform(generator, count, len(sides)) * config.shift * 2
    matrix = torch.diag_embed(scale[:, None].repeat(1, len(sides)))
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    aspect = sides[1] / sides[0]  # without it, a turn would shear images that are not square
    matrix[:, 0, 0], matrix[:, 0, 1] = cosine * mirror, -sine * aspect
    matrix[:, 1, 0], matrix[:, 1, 1] = sine * mirror / aspect, cosine
    return torch.cat([matrix, shift[:, :, None]], dim=2).to(images.device)


def intensity_of(config: TrainConfig) -> Intensity:
    """The recolouring of the recipe's modality."""
    return RECIPES[config.modality]


def radiograph(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Exposure and processing differ: gain, offset and noise."""
    return _noisy(_gain_and_offset(images, config.contrast, 1, generator), config, generator)


def ct(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Calibrated values: little gain and offset, noise as of another dose."""
    changed = _gain_and_offset(images, config.contrast * CT_SHARE, 1, generator)
    return _noisy(changed, config, generator)


def mr(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Arbitrary units that differ by sequence, a coil's smooth uneven field, noise."""
    count, channels, *space = images.shape
    changed = _gain_and_offset(images, config.contrast, channels, generator)
    knots = _uniform(generator, count, 1, *[FIELD_POINTS] * len(space)).to(images.device)
    field = functional.interpolate(
        knots, space, mode="bilinear" if len(space) == 2 else "trilinear", align_corners=True
    )
    return _noisy(changed * (1 + field * config.contrast), config, generator)


def ultrasound(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Gain that changes with depth (down the image), and speckle, which multiplies."""
    changed = _gain_and_offset(images, config.contrast, 1, generator)
    slope = _spread(_uniform(generator, len(images)), images) * config.contrast
    depth = torch.linspace(-1, 1, images.shape[-2], device=images.device)[:, None]
    speckle = _noise(images, generator)
    return changed * (1 + slope * depth) * (1 + speckle * config.noise)


def colour(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Light and dyes differ: gain and offset of each colour by itself."""
    changed = _gain_and_offset(images, config.contrast, images.shape[1], generator)
    return _noisy(changed, config, generator)


RECIPES: dict[str, Intensity] = {
    "radiograph": radiograph, "ct": ct, "mr": mr, "ultrasound": ultrasound, "colour": colour,
}  # fmt: skip


def _uniform(generator: Generator, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=generator) * 2 - 1


def _spread(values: Tensor, images: Tensor) -> Tensor:
    """(b,) or (b, c) values in the shape of the images' axes, on their device."""
    ones = [1] * (images.ndim - values.ndim)
    return values.reshape(*values.shape, *ones).to(images.device)


def _gain_and_offset(images: Tensor, by: float, channels: int, generator: Generator) -> Tensor:
    if not by:
        return images
    gain = 1 + _uniform(generator, len(images), channels) * by
    offset = _uniform(generator, len(images), channels) * by
    return torch.addcmul(_spread(offset, images), images, _spread(gain, images))


def _noisy(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    if not config.noise:
        return images
    return images.add(_noise(images, generator), alpha=config.noise)


def _noise(images: Tensor, generator: Generator) -> Tensor:
    """Normal numbers in the images' shape, each image's from a random place in a table.

    Fresh ones would cost as much as the rest of the augmentation together.
    """
    each = images[0].numel()
    table = _table(each)
    starts = torch.randint(len(table) - each, (len(images),), generator=generator).tolist()
    rows = torch.stack([table[start : start + each] for start in starts])
    return rows.reshape(images.shape).to(images.device)


@lru_cache(maxsize=2)
def _table(each: int) -> Tensor:
    return torch.randn(each + NOISE_PLACES, generator=Generator().manual_seed(0))
