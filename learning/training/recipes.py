"""The recipe to begin with, by what is learned, from how much, on which machine."""

from collections.abc import Sequence
from dataclasses import replace

from learning.training.config import TrainConfig
from learning.training.registry import NETWORKS
from learning.training.tasks.base import Task

FEW_VOLUMES = 50
BATCH, BATCH_OF_VOLUMES = 32, 8
# A Cox loss compares a case with those of its batch alone, so small ones hide most comparisons. Where memory
# runs out the loop learns from a batch in parts, and compares within these: a large batch begins with the
# largest risk sets that the machine holds, a small one never has them.
RISK_SET, RISK_SET_OF_VOLUMES = 64, 32


def recommended(
    task: Task, *, dimensions: str, sample_count: int, on_gpu: bool, modality: str = "radiograph",
    size: Sequence[int] = (),
) -> TrainConfig:  # fmt: skip
    """A configuration that trains in minutes to hours on such a machine.

    On a CPU the small networks, measured on radiographs (ResNet) and hippocampi (SegResNet); on a
    GPU the usual widths, and DynUNet, which follows nnU-Net, once there are volumes enough for it and
    their `size` goes through it.
    """
    base = TrainConfig(modality=modality, batch_size=_batch_size(task, dimensions))
    if task.is_dense:
        return _segmentation(base, dimensions, sample_count, on_gpu, size)
    if task.kind == "ordinal":
        base = replace(base, class_weights=False)  # chosen where rare grades matter most
    if not on_gpu:
        return base
    few = sample_count < 1000
    return replace(
        base,
        network="resnet18" if few or dimensions != "2d" else "densenet121",
        learning_rate=1e-3,
        epochs=60 if few else 30,
    )


def _batch_size(task: Task, dimensions: str) -> int:
    if task.kind == "time_to_event":
        return RISK_SET if dimensions == "2d" else RISK_SET_OF_VOLUMES
    return BATCH if dimensions == "2d" else BATCH_OF_VOLUMES


def _segmentation(
    base: TrainConfig, dimensions: str, sample_count: int, on_gpu: bool, size: Sequence[int]
) -> TrainConfig:
    small = "segresnet_small" if dimensions == "3d" else "unet_small"
    large = ("dynunet", "segresnet") if sample_count >= FEW_VOLUMES else ("segresnet",)
    sides = size[-2:] if dimensions == "2.5d" else size
    fitting = (name for name in large if NETWORKS[name].takes(sides))
    return replace(
        base,
        class_weights=False,  # structures weigh by the Dice part of the loss already
        network=next(fitting, small) if on_gpu else small,
        batch_size=2 if dimensions == "3d" else 8,
        epochs=200 if on_gpu else 30,
        learning_rate=1e-3 if on_gpu else 3e-3,
        weight_decay=0.01,
        gradient_norm=1.0,
        max_steps=50_000,
    )
