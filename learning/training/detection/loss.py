"""What the detector minimises: sums over a batch, or over a part of it, by what the whole batch holds.

So the losses of its parts add up to that of the batch.
"""

import torch
from torch.nn import functional

from learning.training.detection.network import Maps
from learning.training.detection.targets import Targets

HARD = 2.0  # alpha: how much easy cells are turned down (Law & Deng 2018)
NEAR = 4.0  # beta: how much cells near a centre are forgiven
OFFSET_WEIGHT = 0.5


def detection_loss(maps: Maps, targets: Targets) -> torch.Tensor:
    """Heatmap, size and offset together."""
    size, offset = box_losses(maps, targets)
    heat = heat_loss(maps.heat, targets.heat, targets.centres)
    return heat + size + OFFSET_WEIGHT * offset


def heat_loss(logits: torch.Tensor, heat: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Penalty-reduced focal loss (Law & Deng 2018), per object of which there are so many."""
    probability = logits.sigmoid()
    is_centre = heat.eq(1).to(logits.dtype)
    found = -functional.logsigmoid(logits) * (1 - probability) ** HARD * is_centre
    missed = (
        -functional.logsigmoid(-logits) * probability**HARD * (1 - heat) ** NEAR * (1 - is_centre)
    )
    return (found.sum() + missed.sum()) / centres.clamp(min=1)


def box_losses(maps: Maps, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted mean absolute error of log size and of offset; 0 without objects."""
    total = targets.total.clamp(min=1e-6) * maps.size.shape[1]
    size = ((maps.size - targets.size).abs() * targets.weight).sum() / total
    offset = ((maps.offset - targets.offset).abs() * targets.weight).sum() / total
    return size, offset
