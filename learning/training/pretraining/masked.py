"""Masked autoencoder: hide most of an image, let a vision transformer paint it (He et al. 2022)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import nn

from learning.training.batches import sent, stacked
from learning.training.memory import AtOnce
from learning.training.pretraining.contrastive import Images
from learning.training.resumable import Schedule, batch_of_step, fit
from learning.training.run import OnProgress, Store

Made = tuple[torch.Tensor, int]  # a batch, and what its hidden patches are drawn by


@dataclass(frozen=True)
class MaskedConfig:
    """The recipe."""

    batch_size: int = 64
    hidden: float = 0.75  # share of the patches
    schedule: Schedule = field(
        default_factory=lambda: Schedule(steps=2000, learning_rate=1e-3, weight_decay=0.05)
    )


def pretrain_masked(
    autoencoder: MaskedAutoEncoderViT,
    images: Images,
    config: MaskedConfig,
    *,
    seed: int,
    store: Store,
    on_progress: OnProgress = lambda _progress: None,
    device: torch.device | None = None,
) -> "MaskedEncoder":
    """Train MONAI's autoencoder on n (channels, *shape) images; returns its encoder.

    Goes on from the newest state. Raises ValueError for images of another shape, DivergedLoss,
    OutOfMemory.
    """
    shape = images[0].shape[1:]
    if tuple(shape) != tuple(autoencoder.img_size):
        raise ValueError(f"the images are {shape}, the autoencoder wants {autoencoder.img_size}")
    device = device or torch.device("cpu")
    network = autoencoder.to(device)

    def drawn(step: int, generator: torch.Generator) -> Made:
        rows = batch_of_step(len(images), config.batch_size, step, seed)
        batch = torch.from_numpy(stacked(images, rows).astype(np.float32))
        return sent(batch, device), int(torch.randint(2**31, (1,), generator=generator))

    def batch_loss(module: nn.Module, made: Made) -> torch.Tensor:
        batch, hiding = made
        with torch.random.fork_rng():  # MONAI draws the mask from torch's global state
            torch.manual_seed(hiding)
            painted, is_hidden = module(batch, config.hidden)
        return masked_loss(painted.float(), batch, is_hidden, tuple(autoencoder.patch_size))

    fit(
        network, drawn, batch_loss, config.schedule, seed=seed, store=store, on_progress=on_progress,
        parts=_parts, room=AtOnce("pre-training", count=min(config.batch_size, len(images))),
    )  # fmt: skip
    return MaskedEncoder(network)


def _parts(made: Made, at_once: int) -> Iterator[tuple[Made, float]]:
    """At most `at_once` images at once; of each as many patches are hidden, so they weigh the same."""
    batch, hiding = made
    for start in range(0, len(batch), at_once):
        part = batch[start : start + at_once]
        yield (part, hiding + start), len(part) / len(batch)


def masked_loss(
    painted: torch.Tensor, images: torch.Tensor, is_hidden: torch.Tensor, patch: tuple[int, ...]
) -> torch.Tensor:
    """Mean squared error over hidden patches, each patch standardised by itself (He et al., table 1d)."""
    wanted = patches(images, patch)
    mean, spread = wanted.mean(dim=2, keepdim=True), wanted.std(dim=2, keepdim=True)
    errors = ((painted - (wanted - mean) / (spread + 1e-3)) ** 2).mean(dim=2)
    weights = is_hidden.to(errors.dtype)
    return (errors * weights).sum() / weights.sum().clamp(min=1)


def patches(images: torch.Tensor, patch: tuple[int, ...]) -> torch.Tensor:
    """(b, patches, values per patch) of (b, channels, *shape), in the order of MONAI's embedding."""
    count, channels, *shape = images.shape
    split = [count, channels]
    for length, step in zip(shape, patch, strict=True):
        split += [length // step, step]
    dimensions = len(shape)
    grid = [2 + 2 * axis for axis in range(dimensions)]
    inner = [3 + 2 * axis for axis in range(dimensions)]
    ordered = images.reshape(split).permute(0, *grid, *inner, 1)
    return ordered.reshape(count, int(np.prod([split[g] for g in grid])), -1)


class MaskedEncoder(nn.Module):
    """The autoencoder's encoder on whole images: (b, channels, *shape) to (b, d), the mean token."""

    def __init__(self, autoencoder: MaskedAutoEncoderViT) -> None:
        super().__init__()
        self.patch_embedding = autoencoder.patch_embedding
        self.cls_token = autoencoder.cls_token
        self.blocks = autoencoder.blocks

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patch_embedding(images)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        encoded: torch.Tensor = self.blocks(tokens)
        return encoded[:, 1:].mean(dim=1)

    def vit_weights(self) -> dict[str, torch.Tensor]:
        """The same weights by the names of MONAI's `ViT(classification=True)`, without its head."""
        last = len(self.blocks) - 1
        return {
            name.replace(f"blocks.{last}.", "norm."): value
            for name, value in self.state_dict().items()
        }
