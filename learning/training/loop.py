"""The training loop: `train` reads from top to bottom."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from learning.training.batches import Source, made_ahead, maker_count
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.distributed import ALONE, Group
from learning.training.lessons import Lesson, MixedSource, Step, images_per_step
from learning.training.memory import AtOnce, ShortOfMemory, is_out_of_memory
from learning.training.networks import Architecture, on_device
from learning.training.precision import is_mixed
from learning.training.run import OnProgress, Run, Watch
from learning.training.semi_supervised import MeanTeacher, answering, with_teacher
from learning.training.tasks import Task, Weighting
from learning.training.transfer import Start, start_afresh
from learning.training.validation import require_fitting, validation_loss


class DivergedTraining(RuntimeError):
    """The loss is no longer a number."""


@dataclass
class Trained:
    """The network at its best validation loss, its fitted task, and what each evaluation saw."""

    network: nn.Module
    task: Task
    curves: list[dict[str, float]] = field(default_factory=list)


def choose_device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def train(
    *,
    config: TrainConfig,
    task: Task,
    architecture: Architecture,
    training: Samples,
    validation: Samples,
    unlabeled: Samples | None = None,
    seed: int,
    checkpoints: Checkpoints,
    on_progress: OnProgress,
    start: Start = start_afresh,
    group: Group = ALONE,
    at_once: int | None = None,
) -> Trained:
    """Train from scratch, or go on from the newest checkpoint; both give the same weights on CPU.

    `unlabeled` images, whose labels are all missing, are learned from by `config.unlabeled`; without any
    this is its ablation: the same network, seed, labeled batches and steps. `start` may load weights to
    begin from. `on_progress` may raise to stop; the checkpoint stays for a resume. `at_once` images are
    learned from at once at most; nothing: those of a whole step. Raises UnfitSamples, Unlearnable,
    DivergedTraining, OutOfMemory; in a group ShortOfMemory.
    """
    for samples in (training, validation, unlabeled):
        if samples is not None:
            require_fitting(architecture, task, samples)
    task.require_learnable(training.labels)
    task = task.fitted(training.labels)
    torch.set_num_threads(config.threads)
    device = choose_device()
    network = on_device(with_teacher(begun(architecture, start, seed), config, task), device)
    run = Run.begin(
        network, group.wrapped(network, device), config, config.steps(len(training)),
        _room(task, at_once, images_per_step(config, unlabeled)),
        is_mixed=is_mixed(device, config.mixed_precision),
    )  # fmt: skip
    run.resume(checkpoints.load())
    watch = Watch(run, on_progress, group, checkpoints, config.checkpoint_s)
    lesson = Lesson(task, _weighting(task, training, config, device), config)
    source = _source(Source(training, task, config, architecture.size, device), unlabeled)
    due = Evaluations.of(run, config)

    # One stream over all epochs: where they are short, a new one would be waited for as often.
    with _stream(source.epochs(seed, run.epoch, group), config, device) as stream:
        while not run.is_over(config.patience):
            # Seeds of the epoch: a resumed run draws what an uninterrupted one would have drawn.
            torch.manual_seed(seed * 1_000_003 + run.epoch)
            loss = _epoch(run, stream, lesson, group, watch)
            figures = None
            if due.are_now(run):
                found = validation_loss(
                    answering(network, config), validation, task, architecture, config, device,
                    run.at_once, watch.look,
                )  # fmt: skip
                figures = run.record(loss, group.agreed(found))
            watch.keep(figures)
            watch.look(figures)

    network.load_state_dict(run.best)
    return Trained(answering(network, config), task, run.curves)


def _source(labeled: Source, unlabeled: Samples | None) -> Source | MixedSource:
    return labeled if unlabeled is None else MixedSource.of(labeled, unlabeled)


def _room(task: Task, at_once: int | None, wanted: int) -> AtOnce:
    """How many images are learned from at once: what memory sufficed for, or those of a whole step."""
    least = 1 if task.is_dense else 2  # batch norm needs two
    return AtOnce("training", least, at_once or wanted, is_short=at_once is not None)


@dataclass
class Evaluations:
    """When a run is evaluated: as often as the recipe says, after an epoch, and at the end of the run."""

    every: int  # steps
    next_step: int

    @classmethod
    def of(cls, run: Run, config: TrainConfig) -> "Evaluations":
        every = max(run.steps // config.evaluations, 1)
        return cls(every, (run.step // every + 1) * every)

    def are_now(self, run: Run) -> bool:
        """Whether one is due; the next one then is another."""
        if run.step < min(self.next_step, run.steps):
            return False
        self.next_step = (run.step // self.every + 1) * self.every
        return True


def _stream(
    tasks: Iterator[Callable[[], tuple[Step, bool]]], config: TrainConfig, device: torch.device
) -> contextlib.closing[Any]:
    if not config.prefetch:
        return contextlib.closing(task() for task in tasks)
    return contextlib.closing(made_ahead(tasks, maker_count(device, config.makers), config.threads))


def begun(architecture: Architecture, start: Start, seed: int) -> nn.Module:
    """The network with which a run of this seed begins."""
    torch.manual_seed(seed)
    network = architecture.build()
    start(network, replace(architecture, outputs=architecture.outputs + 1).build)
    return network


def _epoch(
    run: Run,
    stream: Iterator[tuple[Step, bool]],
    lesson: Lesson,
    group: Group,
    watch: Watch,
) -> float:
    """The mean loss over the batches of one epoch. Raises DivergedTraining, OutOfMemory, ShortOfMemory."""
    losses: list[torch.Tensor] = []
    run.learner.train()
    is_last = False
    while not is_last:
        step, is_last = next(stream)
        losses.append(_gradients(run, step, lesson, group))
        run.advance(lesson.config.gradient_norm)
        if isinstance(run.network, MeanTeacher):
            run.network.update()
        watch.look()
    run.epoch += 1
    loss = float(torch.stack(losses).mean())  # once an epoch: a GPU waits for nobody
    if not math.isfinite(loss):
        raise DivergedTraining(f"the loss became {loss} in epoch {run.epoch}")
    return loss


def _gradients(run: Run, step: Step, lesson: Lesson, group: Group) -> torch.Tensor:
    """The step's loss, with its gradients in place.

    Where memory runs out, the same images are done again in halves: their gradients add up to (nearly)
    those of the whole, so the recipe does not change with the machine.
    """
    learned = partial(lesson.gradients, run, step, group)
    if group.size == 1:
        return run.room.fitted(learned, len(step))
    try:
        return learned(run.at_once)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # The others wait for these gradients: all begin again from the checkpoint, with fewer.
    raise ShortOfMemory("memory ran out in one of several processes")


def _weighting(
    task: Task, training: Samples, config: TrainConfig, device: torch.device
) -> Weighting:
    # Oversampling has balanced the classes already; both would count rarity twice.
    is_weighted = config.class_weights and not config.oversample
    # Masks stay in their file: no array holds them all.
    labels = training.labels if task.is_dense else np.asarray(training.labels)
    weights = task.class_weights(labels) if is_weighted else None
    return Weighting(weights, config.focal_gamma, config.label_smoothing).on(device)
