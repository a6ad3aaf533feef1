"""SimCLR: two views of an image shall lie closer than views of others (Chen et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from learning.training.batches import sent, stacked
from learning.training.memory import AtOnce
from learning.training.pretraining.views import ViewConfig, view
from learning.training.resumable import Schedule, batch_of_step, fit
from learning.training.run import OnProgress, Store

# n (channels, *shape) images of one shape, together or each by itself
Images = NDArray[np.float16] | Sequence[NDArray[np.float16]]


@dataclass(frozen=True)
class ContrastiveConfig:
    """The recipe; the first one tried, see bench/encoders.py for what it reaches."""

    batch_size: int = 128
    temperature: float = 0.2
    projection: int = 64
    views: ViewConfig = field(default_factory=ViewConfig)
    schedule: Schedule = field(
        default_factory=lambda: Schedule(steps=1000, learning_rate=3e-3, weight_decay=1e-3)
    )


class Projected(nn.Module):
    """An encoder with the head that is thrown away after pre-training."""

    def __init__(self, encoder: nn.Module, width: int, projection: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True),
            nn.Linear(width, projection),
        )  # fmt: skip

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        projected: torch.Tensor = self.head(self.encoder(images))
        return projected


def nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float) -> torch.Tensor:
    """Normalised temperature-scaled cross-entropy of (b, d) projections of two views.

    Each of the 2b views has to find its partner among the other 2b - 1. Raises ValueError below two
    images, where there is nobody to differ from.
    """
    count = len(first)
    if count < 2 or first.shape != second.shape:
        raise ValueError(f"views of at least two images are needed: {first.shape}, {second.shape}")
    # In half precision, which the caller's autocast would choose, near neighbours are all alike.
    with torch.autocast(first.device.type, enabled=False):
        every = functional.normalize(torch.cat([first, second]).float(), dim=1)
        alike = every @ every.T / temperature
        alike = alike.masked_fill(
            torch.eye(2 * count, dtype=torch.bool, device=alike.device), -torch.inf
        )
        partner = torch.arange(2 * count, device=alike.device).roll(count)
        return functional.cross_entropy(alike, partner)


def pretrain_contrastive(
    encoder: nn.Module,
    images: Images,
    config: ContrastiveConfig,
    *,
    seed: int,
    store: Store,
    on_progress: OnProgress = lambda _progress: None,
    device: torch.device | None = None,
) -> nn.Module:
    """Train `encoder` ((b, channels, *shape) to (b, d)) on (n, channels, *shape) images; returns it.

    Goes on from the newest state. Raises ValueError for fewer than two images, DivergedLoss, OutOfMemory.
    """
    if len(images) < 2:
        raise ValueError(f"contrastive pre-training needs at least two images, not {len(images)}")
    device = device or torch.device("cpu")
    torch.manual_seed(seed)
    network = Projected(encoder, _width(encoder, images), config.projection).to(device)

    def pairs(step: int, generator: torch.Generator) -> torch.Tensor:
        rows = batch_of_step(len(images), config.batch_size, step, seed)
        batch = torch.from_numpy(stacked(images, rows).astype(np.float32))
        return sent(torch.cat([view(batch, config.views, generator) for _ in range(2)]), device)

    def batch_loss(module: nn.Module, pair: torch.Tensor) -> torch.Tensor:
        first, second = module(pair).chunk(2)
        return nt_xent(first, second, config.temperature)

    size = min(config.batch_size, len(images))  # whole: each is compared with all others
    fit(
        network, pairs, batch_loss, config.schedule, seed=seed, store=store, on_progress=on_progress,
        room=AtOnce("pre-training by contrast", smallest=size, count=size),
    )  # fmt: skip
    return encoder


@torch.no_grad()
def _width(encoder: nn.Module, images: Images) -> int:
    was_training = encoder.training
    first = torch.from_numpy(images[0][None].astype(np.float32))
    vectors = encoder.eval()(first.to(next(encoder.parameters()).device))
    encoder.train(was_training)
    if vectors.ndim != 2:
        raise ValueError(f"the encoder must give (b, d) vectors, not {tuple(vectors.shape)}")
    return int(vectors.shape[1])
