"""Train a detector on images with boxes, and find boxes in images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.batches import stacked
from learning.training.boxes import Boxes, check_boxes
from learning.training.detection.augment import BoxAugmentation, augment
from learning.training.detection.decode import Detections, decode
from learning.training.detection.loss import detection_loss
from learning.training.detection.network import Detector, DetectorShape
from learning.training.detection.targets import encode
from learning.training.detection.windows import cut_window, window_maps
from learning.training.resumable import OnReport, Schedule, Store, batch_of_step, fit


@dataclass(frozen=True)
class BoxedImages:
    """n standardised (channels, *shape) images, and per image (k, 2d) boxes and (k,) labels."""

    images: Sequence[NDArray[np.float16]] | NDArray[np.float16]
    boxes: Sequence[Boxes]
    labels: Sequence[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class DetectorConfig:
    """The recipe; the first one tried, see bench/detection.py for what it reaches."""

    batch_size: int = 8
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=1500, learning_rate=2e-3))
    augmentation: BoxAugmentation | None = field(default_factory=BoxAugmentation)
    window: tuple[int, ...] = ()  # cut from each image; none: images of one shape are taken whole
    object_share: float = 0.5  # of the windows, around a box


def train_detector(
    data: BoxedImages,
    shape: DetectorShape,
    config: DetectorConfig,
    *,
    seed: int,
    store: Store,
    on_report: OnReport = lambda *_: None,
    device: torch.device | None = None,
    start: Callable[[torch.nn.Module], None] = lambda _network: None,
) -> Detector:
    """A detector trained from scratch, from what `start` loads, or from the newest state.

    Raises InvalidBoxes, DivergedLoss.
    """
    if len(data.images) != len(data.boxes):
        raise ValueError(f"{len(data.images)} images, but boxes of {len(data.boxes)}")
    check_boxes(data.boxes, data.labels, dimensions=shape.dimensions, class_count=shape.class_count)
    device = device or torch.device("cpu")
    torch.manual_seed(seed)
    network = Detector(shape)
    start(network)
    network = network.to(device)
    if shape.dimensions == 2:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch_loss(module: torch.nn.Module, step: int, generator: torch.Generator) -> torch.Tensor:
        rows = batch_of_step(len(data), config.batch_size, step, seed)
        images, boxes, labels = _batch(data, rows, config, generator)
        if config.augmentation is not None:
            images, boxes, labels = augment(images, boxes, labels, config.augmentation, generator)
        targets = encode(
            boxes,
            labels,
            shape=images.shape[2:],
            stride=shape.stride,
            class_count=shape.class_count,
        )
        return detection_loss(module(images.to(device)), targets.to(device))

    fit(network, batch_loss, config.schedule, seed=seed, store=store, on_report=on_report)
    return network


def _batch(
    data: BoxedImages, rows: NDArray[np.int64], config: DetectorConfig, generator: torch.Generator
) -> tuple[torch.Tensor, list[Boxes], list[NDArray[np.int64]]]:
    """Images of these rows, or a window of each, with their boxes and labels."""
    boxes, labels = [data.boxes[r] for r in rows], [data.labels[r] for r in rows]
    if not config.window:
        return torch.from_numpy(stacked(data.images, rows).astype(np.float32)), boxes, labels
    cut = [
        cut_window(
            data.images[int(row)], mine, classes, config.window, config.object_share, generator
        )
        for row, mine, classes in zip(rows, boxes, labels, strict=True)
    ]
    images = torch.from_numpy(np.stack([image for image, _, _ in cut]).astype(np.float32))
    return images, [found for _, found, _ in cut], [found for _, _, found in cut]


@torch.no_grad()
def detect(
    network: Detector,
    blocks: Iterable[NDArray[np.float16]],
    *,
    least_score: float = 0.05,
    at_most: int = 100,
    overlap: float = 0.5,
    window: tuple[int, ...] = (),
    window_overlap: float = 0.5,
) -> list[Detections]:
    """Detections of (b, channels, *shape) blocks of images, in order; in windows where one is given."""
    network.eval()
    device = next(network.parameters()).device
    found: list[Detections] = []
    for block in blocks:
        images = torch.from_numpy(np.asarray(block, np.float32)).to(device)
        maps = window_maps(network, images, window, window_overlap) if window else network(images)
        found += decode(
            maps, shape=images.shape[2:], stride=network.shape.stride,
            at_most=at_most, least_score=least_score, overlap=overlap,
        )  # fmt: skip
    return found
