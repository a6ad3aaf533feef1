"""Train a detector on images with boxes, and find boxes in images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.batches import sent, stacked
from learning.training.boxes import Boxes, check_boxes
from learning.training.detection.augment import BoxAugmentation, augment
from learning.training.detection.decode import Detections, decode
from learning.training.detection.loss import detection_loss
from learning.training.detection.network import Detector, DetectorShape, Maps
from learning.training.detection.targets import Targets, encode
from learning.training.detection.windows import cut_window, window_maps
from learning.training.memory import AtOnce, room
from learning.training.networks import on_device
from learning.training.precision import mixed
from learning.training.resumable import Schedule, batch_of_step, fit
from learning.training.run import OnProgress, Store
from learning.training.transfer import Start, start_afresh

Batch = tuple[torch.Tensor, Targets]


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
    validation: BoxedImages | None = None,
    on_progress: OnProgress = lambda _progress: None,
    device: torch.device | None = None,
    start: Start = start_afresh,
) -> Detector:
    """A detector trained from scratch, from what `start` loads, or from the newest state.

    With `validation` every report says its loss. Raises InvalidBoxes, DivergedLoss, OutOfMemory.
    """
    if len(data.images) != len(data.boxes):
        raise ValueError(f"{len(data.images)} images, but boxes of {len(data.boxes)}")
    check_boxes(data.boxes, data.labels, dimensions=shape.dimensions, class_count=shape.class_count)
    device = device or torch.device("cpu")
    torch.manual_seed(seed)
    network = Detector(shape)
    start(network, lambda: Detector(replace(shape, class_count=shape.class_count + 1)))
    network = placed(network, device)

    def made(step: int, generator: torch.Generator) -> Batch:
        rows = batch_of_step(len(data), config.batch_size, step, seed)
        return _made(data, rows, shape, config, generator, device)

    def validated(look: Callable[[], None]) -> float | None:
        if not validation:
            return None
        return _validation_loss(network, validation, shape, config, device, look)

    fit(
        network, made, _loss, config.schedule, seed=seed, store=store, on_progress=on_progress,
        validated=validated, parts=_parts,
        room=AtOnce("training", 1 if len(data) == 1 else 2, config.batch_size),  # for batch norm
    )  # fmt: skip
    return network


def placed(network: Detector, device: torch.device) -> Detector:
    """On the device, in the plane in the layout that convolutions are fast in."""
    if network.shape.dimensions == 2:
        on_device(network, device)
    return network.to(device)


def _loss(network: torch.nn.Module, batch: Batch) -> torch.Tensor:
    maps = network(batch[0])
    full = Maps(maps.heat.float(), maps.size.float(), maps.offset.float())
    return detection_loss(full, batch[1])


def _made(
    data: BoxedImages, rows: NDArray[np.int64], shape: DetectorShape, config: DetectorConfig,
    generator: torch.Generator, device: torch.device,
) -> Batch:  # fmt: skip
    """The images of these rows as they are learned from, and what is to be said of them."""
    images, boxes, labels = _batch(data, rows, config, generator)
    if config.augmentation is not None:
        images, boxes, labels = augment(images, boxes, labels, config.augmentation, generator)
    targets = encode(
        boxes, labels, shape=images.shape[2:], stride=shape.stride, class_count=shape.class_count
    )
    return sent(images, device), targets.to(device)


def _parts(batch: Batch, at_once: int) -> Iterator[tuple[Batch, float]]:
    """At most `at_once` images at once; a single one that is left goes with the part before.

    Their losses add up to that of the batch.
    """
    images, targets = batch
    start = 0
    while start < len(images):
        stop = start + at_once
        stop = len(images) if len(images) - stop < 2 else stop
        yield (images[start:stop], targets.of(start, stop)), 1.0
        start = stop


@torch.no_grad()
def _validation_loss(
    network: Detector, data: BoxedImages, shape: DetectorShape, config: DetectorConfig,
    device: torch.device, look: Callable[[], None],
) -> float | None:  # fmt: skip
    """Mean loss of images that are not learned from, in the same windows every time.

    `look` is called after each batch, and may raise to stop.
    """
    network.eval()
    still, losses = replace(config, augmentation=None), []
    for start in range(0, len(data), config.batch_size):
        rows = np.arange(start, min(start + config.batch_size, len(data)))
        batch = _made(data, rows, shape, still, torch.Generator().manual_seed(start), device)

        def loss(at_once: int, batch: Batch = batch) -> torch.Tensor:
            with mixed(device):
                found = [_loss(network, part) * share for part, share in _parts(batch, at_once)]
            return torch.stack(found).sum() * len(batch[0])

        losses.append(room(network, "validation").fitted(loss, len(rows)))
        look()
    return float(torch.stack(losses).sum()) / len(data) if losses else None


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
        images = torch.from_numpy(np.asarray(block, np.float32))

        def detected(at_once: int, images: torch.Tensor = images) -> list[Detections]:
            return [
                one
                for start in range(0, len(images), at_once)
                for one in decode(
                    _maps(network, sent(images[start : start + at_once], device), window,
                          window_overlap),
                    shape=images.shape[2:], stride=network.shape.stride, at_most=at_most,
                    least_score=least_score, overlap=overlap,
                )
            ]  # fmt: skip

        found += room(network, "prediction").fitted(detected, len(images))
    return found


def _maps(network: Detector, images: torch.Tensor, window: tuple[int, ...], overlap: float) -> Maps:
    with mixed(images.device):
        maps = window_maps(network, images, window, overlap) if window else network(images)
    return Maps(maps.heat.float(), maps.size.float(), maps.offset.float())
