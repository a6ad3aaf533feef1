"""The training loop: `train` reads from top to bottom."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from learning.training.batches import Batch, Source, made_ahead, maker_count
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.distributed import ALONE, Group
from learning.training.memory import AtOnce, ShortOfMemory, is_out_of_memory
from learning.training.networks import Architecture, forward, on_device
from learning.training.precision import is_mixed
from learning.training.run import OnProgress, Run, Watch
from learning.training.tasks import Task, Weighting
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
    seed: int,
    checkpoints: Checkpoints,
    on_progress: OnProgress,
    start: Callable[[nn.Module], object] = lambda _network: None,
    group: Group = ALONE,
    at_once: int | None = None,
) -> Trained:
    """Train from scratch, or go on from the newest checkpoint; both give the same weights on CPU.

    `start` may load weights to begin from. `on_progress` may raise to stop; the checkpoint stays
    for a resume. `at_once` images are learned from at once at most; nothing: a whole batch. Raises
    UnfitSamples, Unlearnable, DivergedTraining, OutOfMemory; in a group ShortOfMemory.
    """
    require_fitting(architecture, task, training)
    require_fitting(architecture, task, validation)
    task.require_learnable(training.labels)
    task = task.fitted(training.labels)
    torch.set_num_threads(config.threads)
    device = choose_device()
    network = on_device(begun(architecture, start, seed), device)
    total = config.steps(len(training))
    # Batch norm needs two.
    room = AtOnce("training", 1 if task.is_dense else 2, at_once or config.batch_size)
    run = Run.begin(
        network, group.wrapped(network, device), config, total, room,
        is_mixed=is_mixed(device, config.mixed_precision),
    )  # fmt: skip
    run.resume(checkpoints.load())
    watch = Watch(run, on_progress, group, checkpoints, config.checkpoint_s)
    weighting = _weighting(task, training, config, device)
    source = Source(training, task, config, architecture.size, device)
    evaluate_every = max(total // config.evaluations, 1)
    next_evaluation = (run.step // evaluate_every + 1) * evaluate_every

    # One stream over all epochs: where they are short, a new one would be waited for as often.
    with _stream(source.epochs(seed, run.epoch, group), config, device) as stream:
        while not run.is_over(config.patience):
            # Seeds of the epoch: a resumed run draws what an uninterrupted one would have drawn.
            torch.manual_seed(seed * 1_000_003 + run.epoch)
            loss = _epoch(run, stream, task, weighting, config, group, watch)
            figures = None
            if run.step >= min(next_evaluation, total):
                next_evaluation = (run.step // evaluate_every + 1) * evaluate_every
                found = validation_loss(
                    network, validation, task, architecture, config, device, run.at_once
                )
                figures = run.record(loss, group.agreed(found))
            watch.keep(figures)
            watch.look(figures)

    network.load_state_dict(run.best)
    return Trained(network, task, run.curves)


def _stream(
    tasks: Iterator[Callable[[], tuple[Batch, bool]]], config: TrainConfig, device: torch.device
) -> contextlib.closing[Any]:
    if not config.prefetch:
        return contextlib.closing(task() for task in tasks)
    return contextlib.closing(made_ahead(tasks, maker_count(device, config.makers), config.threads))


def begun(architecture: Architecture, start: Callable[[nn.Module], object], seed: int) -> nn.Module:
    """The network with which a run of this seed begins."""
    torch.manual_seed(seed)
    network = architecture.build()
    start(network)
    return network


def _epoch(
    run: Run,
    stream: Iterator[tuple[Batch, bool]],
    task: Task,
    weighting: Weighting,
    config: TrainConfig,
    group: Group,
    watch: Watch,
) -> float:
    """The mean loss over the batches of one epoch. Raises DivergedTraining, OutOfMemory, ShortOfMemory."""
    losses: list[torch.Tensor] = []
    run.learner.train()
    is_last = False
    while not is_last:
        batch, is_last = next(stream)
        losses.append(_gradients(run, batch, task, weighting, group))
        run.advance(config.gradient_norm)
        watch.look()
    run.epoch += 1
    loss = float(torch.stack(losses).mean())  # once an epoch: a GPU waits for nobody
    if not math.isfinite(loss):
        raise DivergedTraining(f"the loss became {loss} in epoch {run.epoch}")
    return loss


def _gradients(
    run: Run, batch: Batch, task: Task, weighting: Weighting, group: Group
) -> torch.Tensor:
    """The batch's mean loss, with its gradients in place.

    Where memory runs out, the same batch is done again in halves: its gradients add up to (nearly)
    those of the whole, so the recipe does not change with the machine.
    """

    def loss_of(part: Batch) -> torch.Tensor:
        outputs = forward(run.learner, part.images, part.columns)
        return task.loss(outputs, part.labels, weighting)

    def learned(at_once: int) -> torch.Tensor:
        parts = batch.parts(at_once, run.room.smallest)
        return run.learned(((p, len(p) / len(batch)) for p in parts), loss_of, group)

    if group.size == 1:
        return run.room.fitted(learned, len(batch))
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
