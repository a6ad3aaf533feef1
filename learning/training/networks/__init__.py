"""Networks by name: all from MONAI, each with its embedding, in 2D, 2.5D and 3D."""

from learning.training.networks.architecture import (
    Architecture,
    InvalidArchitecture,
    forward,
    on_device,
)
from learning.training.networks.features import embed, keep_dropping
from learning.training.registry import NETWORKS, Network

__all__ = [
    "NETWORKS", "Architecture", "InvalidArchitecture", "Network", "embed", "forward",
    "keep_dropping", "on_device",
]  # fmt: skip
