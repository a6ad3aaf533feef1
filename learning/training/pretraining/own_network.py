"""A network of the registry that learns without labels: its weights, by its own names, less the head."""

import numpy as np
import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from numpy.typing import NDArray

from learning.training.networks import Architecture
from learning.training.networks.features import take_off_head
from learning.training.pretraining.contrastive import ContrastiveConfig, pretrain_contrastive
from learning.training.pretraining.masked import MaskedConfig, pretrain_masked
from learning.training.resumable import OnReport, Schedule, Store

SHARED = (
    "in_channels", "img_size", "patch_size", "hidden_size", "mlp_dim", "num_layers", "num_heads",
    "spatial_dims",
)  # fmt: skip
REPORTS = 50  # of a run: each is a checkpoint, a point of the curve and a chance to stop


def pretrain_own(
    architecture: Architecture,
    images: NDArray[np.float16],
    *,
    steps: int,
    batch_size: int,
    seed: int,
    store: Store,
    on_report: OnReport = lambda *_: None,
    device: torch.device | None = None,
) -> dict[str, torch.Tensor]:
    """Learn from (n, channels, *size) images: a ViT as a masked autoencoder, others by contrast.

    Goes on from the newest state. Raises ValueError for networks that segment, DivergedLoss.
    """
    if architecture.entry.is_dense:
        raise ValueError(f"{architecture.network} segments; it has no vector per image")
    torch.manual_seed(seed)
    options = {"seed": seed, "store": store, "on_report": on_report, "device": device}
    if architecture.entry.family == "ViT" and architecture.is_plain():
        masked = MaskedConfig(batch_size=batch_size, schedule=_schedule(steps, 1e-3, 0.05))
        learned = pretrain_masked(_autoencoder(architecture), images, masked, **options)  # type: ignore[arg-type]
        return _kept(learned.vit_weights())
    network = architecture.build()
    take_off_head(network, network.firstread_features[0])  # type: ignore[index, arg-type]
    contrast = ContrastiveConfig(batch_size=batch_size, schedule=_schedule(steps, 3e-3, 1e-3))
    return _kept(pretrain_contrastive(network, images, contrast, **options).state_dict())  # type: ignore[arg-type]


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
