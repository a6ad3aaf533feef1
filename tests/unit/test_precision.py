"""Channels last and mixed precision, seen by the first layer of networks that learn and answer.

CPUs know both; that half precision is only used where it is faster is a setting, which is turned here.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from learning.training import precision
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.detection.network import DetectorShape
from learning.training.detection.train import BoxedImages, DetectorConfig, detect, train_detector
from learning.training.loop import train
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict, segment
from learning.training.resumable import Schedule
from learning.training.tasks import OneAnswer, Segmentation

CPU = torch.device("cpu")
TINY = TrainConfig(batch_size=2, epochs=1, min_steps=2, evaluations=1, flip_at_test=False)
SIDES, SQUARE = OneAnswer(("left", "right")), Segmentation(("square",))
FLAT = Architecture("resnet10", 2, channels=(2,), size=(16, 16))
DEEP = Architecture("resnet10", 2, "3d", channels=(2,), size=(16, 16, 16))
FEW = Architecture("resnet10", 2, "2.5d", channels=(2,), size=(4, 16, 16))
MASKS = Architecture("segresnet_small", 2, channels=(2,), size=(16, 16))


@dataclass
class Seen:
    """What the first convolution is given, and gives."""

    inputs: str = "all"  # whose layout is looked at; or of "training", or "none"
    layouts: list = field(default_factory=list)
    types: set = field(default_factory=set)
    weights: list = field(default_factory=list)

    def watch(self, network, _with_one_more):
        first = next(m for m in network.modules() if hasattr(m, "kernel_size"))
        first.register_forward_hook(self.note)

    def note(self, layer, given, found):
        layout = torch.channels_last if given[0].ndim == 4 else torch.channels_last_3d
        # Windows and stacks of slices are copies in another layout; the weights decide for convolutions.
        if self.inputs == "all" or (layer.training and self.inputs == "training"):
            self.layouts.append(given[0].is_contiguous(memory_format=layout))
        self.weights.append(layer.weight.is_contiguous(memory_format=layout))
        self.types.add(found.dtype)

    def told(self):
        found = (len(self.weights) > 0, all(self.layouts), all(self.weights), self.types)
        self.layouts, self.weights, self.types = [], [], set()
        return found


def lasted(dtype):
    return (True, True, True, {dtype})


def samples(architecture):
    images = np.random.default_rng(0).normal(0, 1, (4, 2, *architecture.size)).astype(np.float16)
    if not architecture.entry.is_dense:
        return Samples(images, np.arange(4) % 2)
    return Samples(images, (images[:, 0] > 1).astype(np.int64))


def learned(architecture, folder, seen, config=TINY):
    task = SQUARE if architecture.entry.is_dense else SIDES
    return train(
        config=config, task=task, architecture=architecture, training=samples(architecture),
        validation=samples(architecture), seed=1, checkpoints=Checkpoints(folder),
        on_progress=lambda _progress: None, start=seen.watch,
    )  # fmt: skip


@pytest.fixture(params=["full", "half"])
def dtype(request, monkeypatch):
    """What convolutions give: in half precision where it is used on this device."""
    if request.param == "half":
        monkeypatch.setattr(precision, "MIXED_ON", {"cpu"})
    return torch.bfloat16 if request.param == "half" else torch.float32


@pytest.mark.parametrize(
    "architecture", [FLAT, FEW, DEEP, MASKS], ids=["2d", "2.5d", "3d", "masks"]
)
def test_networks_learn_and_answer_with_channels_last(architecture, dtype, tmp_path):
    seen = Seen({FEW: "none", MASKS: "training"}.get(architecture, "all"))
    trained = learned(architecture, tmp_path, seen)  # looks at its validation set too
    assert seen.told() == lasted(dtype)
    images = samples(architecture).images
    if architecture.entry.is_dense:
        larger = np.concatenate([images[0], images[1]], axis=-1)  # gone over in windows
        [found] = segment(Members([trained.network]), larger, trained.task, architecture, TINY, CPU)
    else:
        members = Members([trained.network])
        found = predict(members, [Block(images)], trained.task, TINY, CPU).mean
    assert seen.told() == lasted(dtype)
    assert np.isfinite(found).all()
    assert {weight.dtype for weight in trained.network.parameters()} == {torch.float32}


def test_a_recipe_may_refuse_mixed_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "MIXED_ON", {"cpu"})
    seen = Seen()
    learned(FLAT, tmp_path, seen, replace(TINY, mixed_precision=False))
    assert seen.told() == lasted(torch.float32)


@pytest.mark.parametrize("window", [(), (16, 16)], ids=["whole", "windows"])
def test_a_detector_learns_and_finds_in_the_same_precision(dtype, window, tmp_path):
    seen = Seen()
    images = np.random.default_rng(0).normal(0, 1, (4, 1, 32, 32)).astype(np.float16)
    boxes = [np.array([[4, 4, 14, 14]], np.float32)] * 4
    data = BoxedImages(images, boxes, [np.zeros(1, np.int64)] * 4)
    config = DetectorConfig(2, Schedule(steps=2, learning_rate=1e-3), window=window)
    network = train_detector(
        data, DetectorShape(1, width=4, neck=8), config, seed=1, store=Checkpoints(tmp_path),
        validation=data, start=seen.watch,
    )  # fmt: skip
    assert seen.told() == lasted(dtype)
    detect(network, [images], window=window)
    assert seen.told() == lasted(dtype)
    later = network.smooth[0].weight
    assert later.is_contiguous(memory_format=torch.channels_last)
