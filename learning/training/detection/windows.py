"""Images larger than what the detector takes at once: cut in training, gone over when it searches."""

from collections.abc import Sequence

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch.nn import functional

from learning.training.batches import cut_out
from learning.training.boxes import Boxes, centres
from learning.training.detection.augment import visible
from learning.training.detection.network import Detector, Maps
from learning.training.detection.targets import grid_shape
from learning.training.inputs import WINDOW_UNIT
from learning.training.memory import room

Size = tuple[int, ...]
WINDOWS = 2  # at once
MIDDLE = 0.5  # share of a window's side within which a chosen box has its centre


def cut_window(
    image: NDArray[np.float16],
    boxes: Boxes,
    labels: NDArray[np.int64],
    size: Size,
    object_share: float,
    generator: torch.Generator,
) -> tuple[NDArray[np.float16], Boxes, NDArray[np.int64]]:
    """A window of a (channels, *space) image and what it shows of the boxes.

    For so large a share it lies around one of the boxes, not always in the middle; else anywhere.
    """
    space = image.shape[1:]

    def drawn(count: int) -> NDArray[np.float64]:
        return torch.rand(count, generator=generator, dtype=torch.float64).numpy()

    room = np.maximum(np.subtract(space, size), 0)
    start = np.floor(drawn(len(size)) * (room + 1))
    is_around = float(drawn(1)[0]) < object_share
    place, shift = drawn(1)[0], drawn(len(size)) - 0.5
    if is_around and len(boxes):
        centre = centres(boxes)[int(place * len(boxes))]
        start = np.clip(np.round(centre - np.asarray(size) * (0.5 + shift * MIDDLE)), 0, room)
    first = tuple(int(n) for n in start)
    missing = np.maximum(np.subtract(size, space), 0)  # is padded, half of it before
    moved = boxes - np.tile(np.asarray(first) - missing // 2, 2)
    return cut_out(image, first, size, None), *visible(moved.astype(np.float32), labels, size)


def window_maps(network: Detector, images: torch.Tensor, size: Size, overlap: float) -> Maps:
    """What the network says of (b, channels, *space) images of any size, from overlapping windows.

    Windows are weighted by a Gaussian, because a network knows least at a window's edge.
    """
    space = tuple(images.shape[2:])
    whole = [
        max(-(-have // WINDOW_UNIT) * WINDOW_UNIT, want)
        for have, want in zip(space, size, strict=True)
    ]
    behind = [(0, want - have) for have, want in zip(space, whole, strict=True)]
    padded = functional.pad(
        images, [n for pair in reversed(behind) for n in pair], value=float(images.min())
    )

    size_end = network.shape.class_count + network.shape.dimensions

    def stacked(part: torch.Tensor) -> torch.Tensor:
        maps = network(part)
        return torch.cat([maps.heat, maps.size, maps.offset], dim=1)

    def found_in(at_once: int) -> torch.Tensor:
        # At last put together in the machine's own memory.
        together = images.device if at_once else torch.device("cpu")
        found = sliding_window_inference(
            padded.to(together), size, sw_batch_size=max(at_once, 1), predictor=stacked,
            overlap=_overlaps(size, overlap), mode="gaussian", sw_device=images.device,
            device=together,
        )  # fmt: skip
        assert isinstance(found, torch.Tensor)  # noqa: S101  for the type checker
        return found

    found = room(network, "windows", smallest=0).fitted(found_in, WINDOWS)
    for axis, cells in enumerate(grid_shape(space, network.shape.stride), start=2):
        found = found.narrow(axis, 0, cells)
    classes = network.shape.class_count
    return Maps(found[:, :classes], found[:, classes:size_end], found[:, size_end:])


def _overlaps(size: Sequence[int], overlap: float) -> list[float]:
    """By axis, so that windows lie whole units apart."""
    steps = [max(round(side * (1 - overlap) / WINDOW_UNIT), 1) * WINDOW_UNIT for side in size]
    # MONAI rounds down to whole voxels: a little more than the step stays the step.
    return [max(1 - (step + 0.01) / side, 0.0) for step, side in zip(steps, size, strict=True)]
