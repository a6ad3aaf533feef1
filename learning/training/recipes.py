"""The recipe to begin with, by what is learned, from how much, on which machine."""

from dataclasses import replace

from learning.training.config import TrainConfig
from learning.training.tasks.base import Task

FEW_VOLUMES = 50


def recommended(
    task: Task, *, dimensions: str, sample_count: int, on_gpu: bool, modality: str = "radiograph"
) -> TrainConfig:
    """A configuration that trains in minutes to hours on such a machine.

    On a CPU the small networks, measured on radiographs (ResNet) and hippocampi (SegResNet); on a
    GPU the usual widths, and DynUNet, which follows nnU-Net, once there are volumes enough for it.
    """
    base = TrainConfig(modality=modality)
    if task.is_dense:
        return _segmentation(base, dimensions, sample_count, on_gpu)
    if task.kind == "ordinal":
        base = replace(base, class_weights=False)  # chosen where rare grades matter most
    if task.kind == "time_to_event":
        # The risk sets of small batches hide most comparisons.
        base = replace(base, batch_size=64)
    if not on_gpu:
        return base if dimensions == "2d" else replace(base, batch_size=8)
    few = sample_count < 1000
    return replace(
        base,
        network="resnet18" if few or dimensions != "2d" else "densenet121",
        learning_rate=1e-3,
        batch_size=32 if dimensions == "2d" else 8,
        epochs=60 if few else 30,
    )


def _segmentation(
    base: TrainConfig, dimensions: str, sample_count: int, on_gpu: bool
) -> TrainConfig:
    small = "segresnet_small" if dimensions == "3d" else "unet_small"
    large = "dynunet" if sample_count >= FEW_VOLUMES else "segresnet"
    return replace(
        base,
        class_weights=False,  # structures weigh by the Dice part of the loss already
        network=large if on_gpu else small,
        batch_size=2 if dimensions == "3d" else 8,
        epochs=200 if on_gpu else 30,
        learning_rate=1e-3 if on_gpu else 3e-3,
        weight_decay=0.01,
        gradient_norm=1.0,
        max_steps=50_000,
    )
