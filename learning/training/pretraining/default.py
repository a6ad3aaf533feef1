"""The default encoder of machines without a GPU: SimCLR for minutes, beside whitened HOG.

Chosen on the validation split of 1,000 radiographs (bench/encoders.py): a linear probe on both together was
better than on either.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.nets.resnet import ResNet
from numpy.typing import NDArray

from learning.training.pretraining.contrastive import ContrastiveConfig, pretrain_contrastive
from learning.training.pretraining.descriptor import (
    Whitening,
    describe,
    fit_whitening,
    joined,
)
from learning.training.pretraining.embed import embed
from learning.training.run import OnProgress, Store

WIDTH = 128  # of the vectors that the network gives


@dataclass(frozen=True)
class DefaultEncoder:
    """A trained network and the whitening of the pool that it was trained on."""

    network: torch.nn.Module
    whitening: Whitening

    def embed(self, blocks: Iterable[NDArray[np.float16]]) -> NDArray[np.float32]:
        """(n, d) float32 of length 1, for (b, 1, *shape) blocks of images in order."""
        found = [
            joined([embed(self.network, [block]), self.whitening(describe(block[:, 0]))])
            for block in blocks
        ]
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def small_encoder(dimensions: int, seed: int) -> torch.nn.Module:
    """A quarter-width ResNet-10, freshly initialised: (b, 1, *shape) to (b, WIDTH)."""
    torch.manual_seed(seed)
    return ResNet(
        "basic", [1, 1, 1, 1], [16, 32, 64, WIDTH], spatial_dims=dimensions, n_input_channels=1,
        conv1_t_size=5, conv1_t_stride=2, feed_forward=False,
    )  # fmt: skip


def fit_default_encoder(
    images: NDArray[np.float16],
    config: ContrastiveConfig,
    *,
    seed: int,
    store: Store,
    on_progress: OnProgress = lambda _progress: None,
    device: torch.device | None = None,
) -> DefaultEncoder:
    """Learn from a pool of (n, 1, *shape) images without labels; goes on from the newest state.

    Raises ValueError for more than one channel or fewer than three images, DivergedLoss.
    """
    if images.shape[1] != 1:
        raise ValueError(f"images must have one channel, not {images.shape[1]}")
    whitening = fit_whitening(describe(images[:, 0]))
    network = pretrain_contrastive(
        small_encoder(images.ndim - 2, seed), images, config, seed=seed, store=store,
        on_progress=on_progress, device=device,
    )  # fmt: skip
    return DefaultEncoder(network, whitening)
