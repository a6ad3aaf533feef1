"""What one step of training learns from: labeled images, or in turn with them some without labels."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.training.batches import Batch, Source
from learning.training.config import LIMITS, TrainConfig
from learning.training.data import Samples
from learning.training.distributed import ALONE, Group
from learning.training.networks import forward
from learning.training.networks.architecture import memory_format
from learning.training.resumable import batch_of_step
from learning.training.run import Run
from learning.training.semi_supervised import MeanTeacher, ramp_up, taught_loss
from learning.training.tasks import Task, Weighting

AUGMENTATIONS = ("rotate_degrees", "scale", "shift", "contrast", "noise")
STRONGER = 2.5  # times as much of them, for the network that learns without labels


@dataclass(frozen=True)
class Mixed:
    """Labeled images and, in turn with them, unlabeled ones: every part of it has its share of both.

    `batch` holds all of them as the student sees them, the labels of the unlabeled are missing. `weak` holds
    the unlabeled once more, in the same order, as the teacher sees them.
    """

    batch: Batch
    is_labeled: NDArray[np.bool_]  # (b,)
    weak: Batch

    def __len__(self) -> int:
        return len(self.batch)


Step = Batch | Mixed


@dataclass(frozen=True)
class Part:
    """Images that are learned from at once, and how much of their step they are."""

    batch: Batch
    share: float  # of the step's labeled images
    taught: Tensor | None = None  # (b, k) probabilities of the teacher; NaN for labeled images
    taught_weight: float = 0.0  # of one image that the teacher speaks of


@dataclass(frozen=True)
class Lesson:
    """How a step becomes a loss."""

    task: Task
    weighting: Weighting
    config: TrainConfig

    def gradients(self, run: Run, step: Step, group: Group, at_once: int) -> Tensor:
        """The step's loss, with its gradients in place, from at most `at_once` images at once."""
        parts = ((part, 1.0) for part in self._parts(run, step, at_once))
        return run.learned(parts, partial(self._loss, run), group)

    def _loss(self, run: Run, part: Part) -> Tensor:
        outputs = forward(run.learner, part.batch.images, part.batch.columns)
        loss = self.task.loss(outputs, part.batch.labels, self.weighting) * part.share
        if part.taught is None:
            return loss
        return loss + part.taught_weight * taught_loss(self.task, outputs, part.taught, self.config)

    def _parts(self, run: Run, step: Step, at_once: int) -> Iterator[Part]:
        smallest = run.room.smallest
        if isinstance(step, Batch):
            for batch in step.parts(at_once, smallest):
                yield Part(batch, len(batch) / len(step))
            return
        taught = self._taught(run, step, at_once)
        risen = ramp_up(run.step, self.config.unlabeled_ramp * run.steps)
        weight = self.config.unlabeled_weight * risen / len(step.weak)
        start = 0
        for batch in step.batch.parts(at_once, smallest):
            stop = start + len(batch)
            share = step.is_labeled[start:stop].sum() / step.is_labeled.sum()
            yield Part(batch, float(share), taught[start:stop], weight)
            start = stop

    @torch.no_grad()
    def _taught(self, run: Run, step: Mixed, at_once: int) -> Tensor:
        """(b, k) what the teacher says of the unlabeled images; NaN for the labeled."""
        assert isinstance(run.network, MeanTeacher)  # noqa: S101  for the type checker
        teacher = run.network.teacher.eval()
        with torch.autocast(step.weak.images.device.type, enabled=run.scaler.is_enabled()):
            outputs = torch.cat(
                [forward(teacher, b.images, b.columns) for b in step.weak.parts(at_once, 1)]
            )
        said = self.task.predictions(outputs.float())
        taught = said.new_full((len(step), said.shape[1]), torch.nan)
        places = torch.from_numpy(np.flatnonzero(~step.is_labeled)).to(said.device)
        return taught.index_copy_(0, places, said)


@dataclass(frozen=True)
class MixedSource:
    """What mixed steps are made from: the very batches of `labeled`, and images beside them."""

    labeled: Source
    weak: Source
    strong: Source

    @classmethod
    def of(cls, labeled: Source, unlabeled: Samples) -> "MixedSource":
        weak = replace(labeled, samples=unlabeled)
        return cls(labeled, weak, replace(weak, config=stronger(labeled.config)))

    def epochs(
        self, seed: int, first: int, group: Group = ALONE
    ) -> Iterator[Callable[[], tuple[Mixed, bool]]]:
        """As `Source.epochs`."""
        steps = itertools.count(first * self.labeled.steps_per_epoch)
        for step, make in zip(steps, self.labeled.epochs(seed, first, group), strict=False):
            yield partial(self._made, make, step, seed, group)

    def _made(
        self, make: Callable[[], tuple[Batch, bool]], step: int, seed: int, group: Group
    ) -> tuple[Mixed, bool]:
        labeled, is_last = make()
        wanted = self.labeled.config.unlabeled_per_label * self.labeled.batch_size
        rows = batch_of_step(len(self.weak.samples), wanted, step, seed)
        rows = np.resize(rows, -(-len(rows) // group.size) * group.size)  # shares are equal
        rows = rows[group.rank :: group.size]
        drawn = np.random.SeedSequence([seed, step, group.rank], spawn_key=(1,))
        of_weak, of_strong = (int(n >> np.uint64(1)) for n in drawn.generate_state(2, np.uint64))
        strong = self.strong.batch(rows, of_strong)
        return mixed(labeled, strong, self.weak.batch(rows, of_weak)), is_last


def mixed(labeled: Batch, strong: Batch, weak: Batch) -> Mixed:
    """The labeled and the strongly changed images in turn, as evenly as their numbers allow."""
    places = [(np.arange(len(batch)) + 0.5) / len(batch) for batch in (labeled, strong)]
    order = np.argsort(np.concatenate(places), kind="stable")
    rows = torch.from_numpy(order).to(labeled.images.device)
    columns = None
    if labeled.columns is not None and strong.columns is not None:
        columns = torch.cat([labeled.columns, strong.columns])[rows]
    images = torch.cat([labeled.images, strong.images])[rows]
    batch = Batch(
        images.contiguous(memory_format=memory_format(images.ndim - 2)),
        torch.cat([labeled.labels, strong.labels])[rows], columns,
    )  # fmt: skip
    return Mixed(batch, order < len(labeled), weak)


def stronger(config: TrainConfig) -> TrainConfig:
    """The recipe with more of its own augmentation: what it leaves alone (a side, a colour) stays so."""
    changed = {
        name: min(STRONGER * getattr(config, name), LIMITS[name][1]) for name in AUGMENTATIONS
    }
    return TrainConfig.from_json(config.as_json() | changed)


def images_per_step(config: TrainConfig, unlabeled: Samples | None) -> int:
    """How many images a network learns from in one step."""
    return config.batch_size * (1 if unlabeled is None else 1 + config.unlabeled_per_label)
