"""The loss on samples that are not learned from, and whether samples fit a network at all."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.networks import Architecture
from learning.training.predict import Block, raw_outputs, window_outputs
from learning.training.tasks import Task, Weighting


class UnfitSamples(ValueError):
    """The samples do not have the shape that the network takes; names the sample."""


def require_fitting(architecture: Architecture, task: Task, samples: Samples) -> None:
    """Raises UnfitSamples naming the first sample whose shape is wrong."""
    if architecture.outputs != task.outputs or architecture.entry.is_dense != task.is_dense:
        raise UnfitSamples(
            f"{architecture.network} with {architecture.outputs} outputs does not answer a "
            f"{task.kind} task, which needs {task.outputs}"
        )
    columns = 0 if samples.columns is None else samples.columns.shape[1]
    if columns != architecture.columns:
        raise UnfitSamples(f"the network reads {architecture.columns} columns, not {columns}")
    for row in range(len(samples)):
        shape = samples.images[row].shape
        if len(shape) != 1 + architecture.spatial or shape[0] != sum(architecture.channels):
            raise UnfitSamples(f"image {row} has the shape {shape}")
        if task.is_dense and np.shape(samples.labels[row]) != shape[1:]:
            raise UnfitSamples(f"mask {row} does not lie in the grid of its image")
        if not task.is_dense and shape[1:] != architecture.size:
            raise UnfitSamples(
                f"image {row} has the size {shape[1:]}, the network takes {architecture.size}"
            )


@torch.no_grad()
def validation_loss(
    network: nn.Module,
    samples: Samples,
    task: Task,
    architecture: Architecture,
    config: TrainConfig,
    device: torch.device,
    at_once: int,
    look: Callable[[], None] = lambda: None,
) -> float | None:
    """Mean loss, without weights against imbalance; None where no sample can tell.

    `at_once` images are learned from at once: without gradients twice as many fit. `look` is called after
    each volume or block, and may raise to stop.
    """
    if len(samples) == 0:
        return None
    if task.is_dense:
        return _dense_loss(network, samples, task, architecture, config, device, look)
    if not task.can_judge(np.asarray(samples.labels)):
        return None
    size = at_once * 2
    blocks = (
        Block(
            np.stack([samples.images[row] for row in range(start, stop)]),
            None if samples.columns is None else samples.columns[start:stop],
        )
        for start in range(0, len(samples), size)
        for stop in [min(start + size, len(samples))]
    )
    # All outputs at once, because the loss of survival times compares each sample with the others.
    outputs = []
    for found in raw_outputs(network, blocks, config, device):
        outputs.append(found)
        look()
    labels = torch.from_numpy(np.asarray(samples.labels)).to(device)
    return float(task.loss(torch.cat(outputs), labels, Weighting()))


def _dense_loss(
    network: nn.Module,
    samples: Samples,
    task: Task,
    architecture: Architecture,
    config: TrainConfig,
    device: torch.device,
    look: Callable[[], None],
) -> float:
    network.eval()
    losses = []
    for image, mask in zip(samples.images, samples.labels, strict=True):
        labels = torch.from_numpy(np.array(mask, np.int64))[None]

        def loss(outputs: torch.Tensor, labels: torch.Tensor = labels) -> float:
            return float(task.loss(outputs, labels.to(outputs.device), Weighting()))

        losses.append(window_outputs(network, image, architecture, config, device, loss))
        look()
    return sum(losses) / len(losses)
