"""One optimisation loop for whatever gives a loss: detection, pre-training, semi-supervision.

It knows neither the data nor the task. Randomness depends only on the seed and the step, so a run that
goes on from a checkpoint draws what an uninterrupted one would have drawn.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.batches import made_ahead, maker_count
from learning.training.distributed import ALONE
from learning.training.memory import AtOnce
from learning.training.precision import is_mixed
from learning.training.run import OnProgress, Run, Store, Watch

Made = TypeVar("Made")
SAVE_S = 5.0  # between checkpoints; each is the whole network several times over


class DivergedLoss(RuntimeError):
    """The loss is no longer a number; says at which step."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW under a one-cycle learning rate."""

    steps: int = 1000
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.15
    largest_gradient: float = 10.0  # the first steps of a heatmap head have steep ones
    report_every: int = 50  # steps between points of the curve

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "report_every"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


def whole(batch: Made, _at_once: int) -> Iterator[tuple[Made, float]]:
    """A batch that cannot be learned from in parts: its loss compares each sample with the others."""
    yield batch, 1.0


def fit(
    network: torch.nn.Module,
    make: Callable[[int, torch.Generator], Made],
    batch_loss: Callable[[torch.nn.Module, Made], torch.Tensor],
    schedule: Schedule,
    *,
    seed: int,
    store: Store,
    on_progress: OnProgress = lambda _progress: None,
    after_step: Callable[[torch.nn.Module], None] = lambda _network: None,
    validated: Callable[[Callable[[], None]], float | None] = lambda _look: None,
    room: AtOnce,
    parts: Callable[[Made, int], Iterator[tuple[Made, float]]] = whole,
) -> list[dict[str, float]]:
    """Train in place, or go on from the newest state; returns what each report said.

    `make(step, generator)` makes the batch of a step ahead, in a thread, with all randomness from the
    generator; `batch_loss(network, batch)` learns from it. `parts(batch, at_once)` divides one where
    memory runs out, each with its share, down to the smallest of `room`. `validated(look)` gives a loss
    for the curve, and calls `look` while it works. `on_progress` may raise to stop; the state stays for a
    resume. Raises DivergedLoss, OutOfMemory.
    """
    device = next(network.parameters()).device
    run = Run.begin(network, network, schedule, schedule.steps, room, is_mixed=is_mixed(device))
    state = store.load()
    run.resume(state)
    losses = list((state or {}).get("losses", [])) if run.step else []
    watch = Watch(run, on_progress, ALONE, store, SAVE_S)
    network.train()
    tasks = _tasks(make, seed, range(run.step, schedule.steps))
    with contextlib.closing(made_ahead(tasks, maker_count(device), threads=1)) as stream:
        for batch in stream:
            learned = partial(_learned, run, batch, parts, batch_loss)
            losses.append(room.fitted(learned, room.count))
            run.advance(schedule.largest_gradient)
            after_step(network)
            figures = None
            if run.step % schedule.report_every == 0 or run.step == schedule.steps:
                figures = _reported(run, losses, partial(validated, watch.look))
                losses = []
            watch.keep(figures, partial(_unreported, losses, run.step))
            watch.look(figures)
    network.load_state_dict(run.best)
    return run.curves


def _unreported(losses: list[torch.Tensor], step: int) -> dict[str, Any]:
    """The losses since the last report, for a checkpoint. Raises DivergedLoss: none is written then."""
    kept = [loss.cpu() for loss in losses]
    if kept:
        _mean(kept, step)
    return {"losses": kept}


def _tasks(
    make: Callable[[int, torch.Generator], Made], seed: int, steps: range
) -> Iterator[Callable[[], Made]]:
    for step in steps:
        yield partial(_made, make, seed, step)


def _made(make: Callable[[int, torch.Generator], Made], seed: int, step: int) -> Made:
    return make(step, torch.Generator().manual_seed(seed * 1_000_003 + step))


def _learned(
    run: Run,
    batch: Made,
    parts: Callable[[Made, int], Iterator[tuple[Made, float]]],
    batch_loss: Callable[[torch.nn.Module, Made], torch.Tensor],
    at_once: int,
) -> torch.Tensor:
    return run.learned(parts(batch, at_once), partial(batch_loss, run.network))


def _reported(
    run: Run, losses: list[torch.Tensor], validated: Callable[[], float | None]
) -> dict[str, float]:
    """A point of the curve. Raises DivergedLoss: once a report, so that a GPU waits for nobody."""
    loss = _mean([loss.cpu() for loss in losses], run.step)
    found = validated()
    run.network.train()
    # The last weights are kept: a heatmap's loss is at its least long before its boxes are at their best.
    figures = run.record(loss, None)
    if found is not None:
        figures["validation_loss"] = found  # in the curve too
    return figures


def _mean(losses: list[torch.Tensor], step: int) -> float:
    loss = float(torch.stack(losses).mean())
    if not math.isfinite(loss):
        raise DivergedLoss(f"the loss became {loss} by step {step}")
    return loss


def batch_of_step(count: int, size: int, step: int, seed: int) -> NDArray[np.int64]:
    """The rows of one batch: every epoch is a new order of all rows, cut into full batches.

    Fewer rows than a batch give all rows each step.
    """
    if count == 0:
        raise ValueError("there is nothing to train on")
    per_epoch = max(count // size, 1)
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[place * size : (place + 1) * size]
