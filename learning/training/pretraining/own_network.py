"""A target's own network learns without labels: its weights, by its own names, less the head."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from monai.networks.nets.resnet import ResNet
from torch import nn

from learning.training.detection.network import Detector, levels
from learning.training.networks import Architecture
from learning.training.networks.features import take_off_head
from learning.training.pretraining.contrastive import (
    ContrastiveConfig,
    Images,
    pretrain_contrastive,
)
from learning.training.pretraining.masked import MaskedConfig, pretrain_masked
from learning.training.pretraining.views import ViewConfig
from learning.training.resumable import Schedule
from learning.training.run import OnProgress, Store

SHARED = (
    "in_channels", "img_size", "patch_size", "hidden_size", "mlp_dim", "num_layers", "num_heads",
    "spatial_dims",
)  # fmt: skip
REPORTS = 50  # of a run: each is a checkpoint and a point of the curve


@dataclass(frozen=True)
class Run:
    """One pre-training; it goes on from the newest state in its store.

    Without `flip` no image is mirrored: the network must not learn that left and right are alike.
    """

    steps: int
    batch_size: int
    seed: int
    store: Store
    flip: bool
    on_progress: OnProgress = lambda _progress: None
    device: torch.device | None = None

    def options(self) -> dict[str, Any]:
        return {
            "seed": self.seed, "store": self.store, "on_progress": self.on_progress,
            "device": self.device,
        }  # fmt: skip


def pretrain_own(architecture: Architecture, images: Images, run: Run) -> dict[str, torch.Tensor]:
    """Learn from n (channels, *size) images: a ViT as a masked autoencoder, others by contrast.

    Clinical columns are left out: there is nothing to contrast. Raises ValueError for networks that
    segment, DivergedLoss.
    """
    if architecture.entry.is_dense:
        raise ValueError(f"{architecture.network} segments; it has no vector per image")
    torch.manual_seed(run.seed)
    seen = replace(architecture, columns=0)
    if seen.entry.family == "ViT" and seen.is_plain():
        masked = MaskedConfig(batch_size=run.batch_size, schedule=_schedule(run.steps, 1e-3, 0.05))
        learned = pretrain_masked(_autoencoder(seen), images, masked, **run.options())
        return _kept(learned.vit_weights())
    network = seen.build()
    take_off_head(network, network.firstread_features[0])  # type: ignore[index, arg-type]
    return _contrasted(network, images, run)


def pretrain_detector(detector: Detector, images: Images, run: Run) -> dict[str, torch.Tensor]:
    """Teach the detector's backbone by contrast. Raises DivergedLoss."""
    torch.manual_seed(run.seed)
    return _contrasted(_Pooled(detector.backbone), images, run)


class _Pooled(nn.Module):
    """The mean of the backbone's coarsest level as the vector of an image."""

    def __init__(self, backbone: ResNet) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return levels(self.backbone, images)[-1].flatten(2).mean(dim=2)


def _contrasted(encoder: nn.Module, images: Images, run: Run) -> dict[str, torch.Tensor]:
    contrast = ContrastiveConfig(
        batch_size=run.batch_size,
        views=ViewConfig(flip=run.flip),
        schedule=_schedule(run.steps, 3e-3, 1e-3),
    )
    return _kept(pretrain_contrastive(encoder, images, contrast, **run.options()).state_dict())


def _schedule(steps: int, learning_rate: float, weight_decay: float) -> Schedule:
    return Schedule(
        steps=steps, learning_rate=learning_rate, weight_decay=weight_decay,
        report_every=max(steps // REPORTS, 1),
    )  # fmt: skip


def _autoencoder(architecture: Architecture) -> MaskedAutoEncoderViT:
    """MONAI's, with the encoder of the registry's ViT and half its width to paint with."""
    given = architecture.definition().arguments
    return MaskedAutoEncoderViT(
        **{name: given[name] for name in SHARED},
        decoder_hidden_size=given["hidden_size"] // 2,
        decoder_mlp_dim=given["mlp_dim"] // 2,
        decoder_num_layers=2,
        decoder_num_heads=given["num_heads"],
    )


def _kept(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in weights.items()}
