"""The record that a network can be built from again, years later."""

import importlib
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from learning.training.networks.features import mark_features, take_off_head
from learning.training.networks.fusion import Fusion, SliceEncoder, SliceSegmenter
from learning.training.registry import DIMENSIONS, NETWORKS, Definition, Network, Shape

LARGEST_COUNT = 4096


class InvalidArchitecture(ValueError):
    """A network cannot be built so; names the field."""


@dataclass(frozen=True)
class Architecture:
    """Which network, and what goes in and out.

    `channels` has one entry per branch. `size` is the input's (y, x) or (z, y, x); a 2.5D network
    takes volumes and looks at `neighbours` slices on each side of every slice.
    """

    network: str
    outputs: int
    dimensions: str = "2d"
    channels: tuple[int, ...] = (1,)
    size: tuple[int, ...] = (128, 128)
    columns: int = 0
    neighbours: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "size", tuple(self.size))
        self._check()

    @property
    def entry(self) -> Network:
        return NETWORKS[self.network]

    @property
    def spatial(self) -> int:
        """How many axes the input has: 2.5D takes volumes."""
        return 2 if self.dimensions == "2d" else 3

    def definition(self) -> Definition:
        """The registry's network as class and arguments, before any wrapping."""
        return self._definition(sum(self.channels))

    def is_plain(self) -> bool:
        """Whether the network is the registry's own, without branches, columns or slices."""
        is_one_branch = len(self.channels) == 1 or self.entry.is_dense
        return is_one_branch and not self.columns and self.dimensions != "2.5d"

    def build(self) -> nn.Module:
        """A freshly initialised network with its embedding marked."""
        if self.is_plain():
            network = instantiate(self.definition())
            path = self.entry.features
        elif self.entry.is_dense:
            network = SliceSegmenter(instantiate(self.definition()), self.neighbours)
            path = f"network.{self.entry.features}"
        else:
            network, path = self._fusion(), "head"
        mark_features(network, path, is_dense=self.entry.is_dense, dropout=self.dropout)
        return network

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"channels": list(self.channels), "size": list(self.size)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Architecture":
        """Raises InvalidArchitecture naming the field."""
        known = {field.name for field in fields(cls)}
        if not isinstance(value, dict) or not {"network", "outputs"} <= set(value) <= known:
            raise InvalidArchitecture(f"a network's record holds {', '.join(sorted(known))}")
        for name in ("channels", "size"):
            if not isinstance(value.get(name, []), list | tuple):
                raise InvalidArchitecture(f"{name} must be a list")
        return cls(**value)

    def _definition(self, channels: int) -> Definition:
        is_flat = self.dimensions != "3d"
        size = self.size[-2:] if is_flat else self.size
        stack = 2 * self.neighbours + 1 if self.dimensions == "2.5d" else 1
        shape = Shape(2 if is_flat else 3, channels * stack, self.outputs, size)
        return self.entry.define(shape)

    def _fusion(self) -> nn.Module:
        branches: list[nn.Module] = []
        widths = []
        for channels in self.channels:
            branch = instantiate(self._definition(channels))
            width = take_off_head(branch, self.entry.features)
            if self.dimensions == "2.5d":
                branch = SliceEncoder(branch, width, self.neighbours)
            branches.append(branch)
            widths.append(width)
        return Fusion(branches, widths, self.channels, self.columns, self.outputs)

    def _check(self) -> None:
        if self.network not in NETWORKS:
            raise InvalidArchitecture(
                f"unknown network {self.network!r}; known: {', '.join(sorted(NETWORKS))}"
            )
        if self.dimensions not in DIMENSIONS:
            raise InvalidArchitecture(f"dimensions must be one of {', '.join(DIMENSIONS)}")
        counts = {"outputs": self.outputs, "neighbours": self.neighbours + 1}
        counts |= {f"channels[{i}]": c for i, c in enumerate(self.channels)}
        counts |= {f"size[{i}]": s for i, s in enumerate(self.size)}
        for name, count in counts.items():
            if type(count) is not int or not 1 <= count <= LARGEST_COUNT:
                raise InvalidArchitecture(f"{name} must be a whole number above 0")
        if not self.channels or len(self.size) != self.spatial:
            raise InvalidArchitecture(f"size must have {self.spatial} sides for {self.dimensions}")
        if type(self.columns) is not int or not 0 <= self.columns <= LARGEST_COUNT:
            raise InvalidArchitecture("columns must be a whole number")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise InvalidArchitecture("dropout must lie between 0 and 1")
        if self.columns and self.entry.is_dense:
            raise InvalidArchitecture("columns: only networks for whole images can read them")
        self._check_sides()

    def _check_sides(self) -> None:
        entry = self.entry
        checked = self.size[-2:] if self.dimensions == "2.5d" else self.size
        for side in checked:
            if not entry.takes_side(side):
                raise InvalidArchitecture(
                    f"size: {self.network} takes sides of at least {entry.smallest} that are "
                    f"multiples of {entry.multiple}, not {side}"
                )
        if entry.ends_in_a_point(checked):
            raise InvalidArchitecture(
                f"size: the deepest layer of {self.network} would see a single point; enlarge a "
                f"side to {2 * entry.multiple}"
            )


def build_from_json(record: dict[str, Any]) -> nn.Module:
    """The network of an architecture's record, for MONAI's bundles."""
    return Architecture.from_json(record).build()


def instantiate(definition: Definition) -> nn.Module:
    """The class of a registry entry with its arguments; never called with names from a file."""
    module, _, name = definition.target.rpartition(".")
    network: nn.Module = getattr(importlib.import_module(module), name)(**definition.arguments)
    return network


def forward(network: nn.Module, images: Tensor, columns: Tensor | None) -> Tensor:
    """The network's raw outputs; columns only where the network reads them."""
    found: Tensor = network(images) if columns is None else network(images, columns)
    return found


def memory_format(spatial: int) -> torch.memory_format:
    """Channels last, the layout that convolutions are fast in."""
    return torch.channels_last if spatial == 2 else torch.channels_last_3d


def on_device(network: nn.Module, device: torch.device) -> nn.Module:
    """Move to the device with channels last: each weight by its own axes, which in 2.5D are two."""
    network.to(device)
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.ndim in (4, 5):
            tensor.data = tensor.data.contiguous(memory_format=memory_format(tensor.ndim - 2))
    return network
