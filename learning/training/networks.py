"""The networks by name; all from MONAI."""

from collections.abc import Callable

import torch
from monai.networks.nets.densenet import DenseNet
from monai.networks.nets.resnet import ResNet

Builder = Callable[[int], torch.nn.Module]


def resnet10(class_count: int) -> torch.nn.Module:
    """A quarter-width ResNet-10: trains in a minute on one core, 0.31 million weights."""
    return ResNet(
        "basic", [1, 1, 1, 1], [16, 32, 64, 128], spatial_dims=2, n_input_channels=1,
        conv1_t_size=5, conv1_t_stride=2, num_classes=class_count,
    )  # fmt: skip


def resnet18(class_count: int) -> torch.nn.Module:
    """ResNet-18 at full width, for a GPU."""
    return ResNet(
        "basic", [2, 2, 2, 2], [64, 128, 256, 512], spatial_dims=2, n_input_channels=1,
        conv1_t_size=7, conv1_t_stride=2, num_classes=class_count,
    )  # fmt: skip


def densenet(class_count: int) -> torch.nn.Module:
    """DenseNet-121, the classic of chest radiographs, for a GPU."""
    return DenseNet(
        spatial_dims=2, in_channels=1, out_channels=class_count, init_features=64, growth_rate=32,
        block_config=(6, 12, 24, 16),
    )  # fmt: skip


NETWORKS: dict[str, Builder] = {
    "resnet10": resnet10,
    "resnet18": resnet18,
    "densenet121": densenet,
}


def build(name: str, class_count: int) -> torch.nn.Module:
    """A freshly initialised network. Raises ValueError for an unknown name."""
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name](class_count)


def on_device(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """Move to the device with channels last, the layout that convolutions on GPUs are fast in."""
    moved: torch.nn.Module = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
