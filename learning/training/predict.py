"""Class probabilities for many images."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.config import TrainConfig
from learning.training.loop import choose_device
from learning.training.networks import on_device

Blocks = Iterable[NDArray[np.float16]]


@torch.no_grad()
def predict(
    network: torch.nn.Module,
    blocks: Blocks,
    config: TrainConfig,
    on_block: Callable[[int], None] = lambda _count: None,
) -> NDArray[np.float64]:
    """(n, classes) softmax probabilities of (b, side, side) blocks, averaged with the mirror image.

    The next block is loaded in a thread while the network works on this one.
    """
    device = choose_device()
    network = on_device(network, device).eval()
    found: list[NDArray[np.float64]] = []
    with ThreadPoolExecutor(1) as loader:
        source = iter(blocks)
        waiting = loader.submit(next, source, None)
        while (block := waiting.result()) is not None:
            waiting = loader.submit(next, source, None)
            found.append(_probabilities(network, block, config, device))
            on_block(len(block))
    if not found:
        return np.zeros((0, 0))
    return np.concatenate(found)


def _probabilities(
    network: torch.nn.Module, block: NDArray[np.float16], config: TrainConfig, device: Any
) -> NDArray[np.float64]:
    on_cuda = device.type == "cuda"
    images = torch.from_numpy(block.astype(np.float32))[:, None].to(
        device, memory_format=torch.channels_last
    )
    with torch.autocast(device.type, enabled=on_cuda and config.mixed_precision):
        probabilities = network(images).float().softmax(dim=1)
        if config.flip_at_test:
            mirrored = network(images.flip(3)).float().softmax(dim=1)
            probabilities = (probabilities + mirrored) / 2
    return np.asarray(probabilities.double().cpu().numpy())
