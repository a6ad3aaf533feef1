"""Several branches, clinical columns and stacks of slices around the networks of the registry."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

COLUMN_FEATURES = 32


class Fusion(nn.Module):
    """One encoder per branch of channels, plus columns, into one linear head.

    images: (b, sum of channels, *space); columns: (b, k), standardised.
    """

    def __init__(
        self, branches: Sequence[nn.Module], features: Sequence[int], channels: Sequence[int],
        columns: int, outputs: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.channels = list(channels)
        self.columns = (
            nn.Sequential(nn.Linear(columns, COLUMN_FEATURES), nn.ReLU()) if columns else None
        )
        self.head = nn.Linear(sum(features) + COLUMN_FEATURES * bool(columns), outputs)

    def forward(self, images: Tensor, columns: Tensor | None = None) -> Tensor:
        parts = [
            branch(part)
            for branch, part in zip(
                self.branches, torch.split(images, self.channels, 1), strict=True
            )
        ]
        if self.columns is not None:
            if columns is None:
                raise ValueError("this network needs the columns beside the images")
            parts.append(self.columns(columns))
        found: Tensor = self.head(torch.cat(parts, dim=1))
        return found


class WithColumns(nn.Module):
    """A network that reads columns as one that takes images alone: for the maps that explain one case.

    columns: (k,), standardised.
    """

    columns: Tensor

    def __init__(self, network: nn.Module, columns: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("columns", columns)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.network(images, self.columns.expand(len(images), -1))
        return found


def neighbour_channels(volume: Tensor, neighbours: int) -> Tensor:
    """(b, c, z, h, w) as (b * z, c * (2 * neighbours + 1), h, w); the edges repeat their slice."""
    batch, channels, depth, height, width = volume.shape
    padded = functional.pad(volume, (0, 0, 0, 0, neighbours, neighbours), mode="replicate")
    stacks = padded.unfold(2, 2 * neighbours + 1, 1)  # (b, c, z, h, w, k)
    moved = stacks.permute(0, 2, 1, 5, 3, 4)
    return moved.reshape(batch * depth, channels * (2 * neighbours + 1), height, width)


class SliceSegmenter(nn.Module):
    """2.5D: a 2D network segments each slice of a volume, seeing the slices beside it."""

    def __init__(self, network: nn.Module, neighbours: int) -> None:
        super().__init__()
        self.network = network
        self.neighbours = neighbours

    def forward(self, volume: Tensor) -> Tensor:
        slices: Tensor = self.network(neighbour_channels(volume, self.neighbours))
        return torch.unflatten(slices, 0, (volume.shape[0], volume.shape[2])).transpose(1, 2)


class SliceEncoder(nn.Module):
    """2.5D: features of each slice by a 2D network, pooled by learned attention (Ilse et al. 2018)."""

    def __init__(self, encoder: nn.Module, features: int, neighbours: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.attention = nn.Sequential(nn.Linear(features, 64), nn.Tanh(), nn.Linear(64, 1))
        self.neighbours = neighbours

    def forward(self, volume: Tensor) -> Tensor:
        features = self.encoder(neighbour_channels(volume, self.neighbours))
        features = torch.unflatten(features, 0, (volume.shape[0], volume.shape[2]))
        shares: Tensor = self.attention(features).softmax(dim=1)
        return (shares * features).sum(dim=1)
