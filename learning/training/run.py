"""The state of one training run: what a checkpoint holds and what its watcher is told."""

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from learning.training.distributed import ALONE, Group
from learning.training.memory import AtOnce
from learning.training.schedule import one_cycle

Part = TypeVar("Part")
TELL_EVERY_S = 1.0
SAVING_SHARE = 0.1  # of the time at most: writing a large network takes long


@dataclass(frozen=True)
class Progress:
    """Where a run stands. `figures` are those of an evaluation that has just been made."""

    step: int
    steps: int
    epoch: int
    seconds_left: float
    images_at_once: int
    figures: dict[str, float] | None = None
    saved_step: int = 0  # of the newest checkpoint that this process wrote; 0: none yet
    is_short: bool = False  # of memory: a step learns from its images in parts
    training: int = 0  # which of two; 0: there is one alone


OnProgress = Callable[[Progress], None]


class Rates(Protocol):
    """How fast a run learns: a TrainConfig, or the Schedule of another loop."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup_share(self) -> float: ...


@dataclass
class Run:
    """A network being trained, with everything that a resume needs to be exact."""

    network: nn.Module
    learner: nn.Module  # the network, or what averages its gradients over processes
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.OneCycleLR
    scaler: torch.amp.GradScaler
    steps: int
    room: AtOnce  # how many images are learned from at once
    best: dict[str, Any]
    best_loss: float = math.inf
    unimproved: int = 0
    step: int = 0
    epoch: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def begin(
        cls, network: nn.Module, learner: nn.Module, rates: Rates, steps: int, room: AtOnce,
        *, is_mixed: bool,
    ) -> "Run":  # fmt: skip
        # Fused: all weights in one pass, on a CPU in half the time of one weight after the other.
        optimizer = torch.optim.AdamW(
            [weight for weight in learner.parameters() if weight.requires_grad],
            lr=rates.learning_rate, weight_decay=rates.weight_decay, fused=True,
        )  # fmt: skip
        schedule = one_cycle(optimizer, rates.learning_rate, steps, rates.warmup_share)
        device = next(network.parameters()).device
        scaler = torch.amp.GradScaler(device.type, enabled=is_mixed)
        best = copy.deepcopy(network.state_dict())
        return cls(network, learner, optimizer, schedule, scaler, steps, room, best)

    @property
    def at_once(self) -> int:
        return self.room.count

    @at_once.setter
    def at_once(self, count: int) -> None:
        """What a checkpoint remembers; memory may have become less since."""
        if count < self.room.count:
            self.room.lower(count)

    def is_over(self, patience: int) -> bool:
        return self.step >= self.steps or bool(patience and self.unimproved >= patience)

    def advance(self, gradient_norm: float) -> None:
        """One step of the optimiser along the gradients that lie ready."""
        if gradient_norm:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.learner.parameters(), gradient_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.step < self.steps:
            self.schedule.step()
        self.step += 1

    def record(self, loss: float, validation_loss: float | None) -> dict[str, float]:
        """Note an evaluation, and keep the weights where they are the best so far."""
        figures = {"step": float(self.step), "epoch": float(self.epoch), "loss": loss}
        figures["learning_rate"] = float(self.schedule.get_last_lr()[0])
        if validation_loss is not None:
            figures["validation_loss"] = validation_loss
        if validation_loss is None or validation_loss < self.best_loss:
            self.best, self.unimproved = copy.deepcopy(self.network.state_dict()), 0
            self.best_loss = math.inf if validation_loss is None else validation_loss
        else:
            self.unimproved += 1
        self.curves.append(figures)
        return figures

    def learned(
        self, parts: Iterable[tuple[Part, float]], loss_of: Callable[[Part], torch.Tensor],
        group: Group = ALONE,
    ) -> torch.Tensor:  # fmt: skip
        """The loss of a batch that comes in parts, each with its share, and its gradients in place."""
        self.learner.zero_grad(set_to_none=True)
        device = next(self.network.parameters()).device
        total, known = torch.zeros((), device=device), list(parts)
        for number, (part, share) in enumerate(known, 1):
            with group.averaging(self.learner, is_last=number == len(known)):
                with torch.autocast(device.type, enabled=self.scaler.is_enabled()):
                    loss = loss_of(part) * share
                scaled = self.scaler.scale(loss)
                scaled.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
            total += loss.detach()
        return total

    def state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in PARTS}
        return parts | {name: getattr(self, name) for name in VALUES}

    def resume(self, state: dict[str, Any] | None) -> None:
        """Go on from a checkpoint; None, or one of an older version, leaves a fresh run."""
        if state is None or not set(state) >= {*PARTS, *VALUES}:
            return
        for name in PARTS:
            getattr(self, name).load_state_dict(state[name])
        for name in VALUES:
            setattr(self, name, state[name])


PARTS = ("network", "optimizer", "schedule", "scaler")
VALUES = ("best", "best_loss", "unimproved", "step", "epoch", "curves", "at_once")


class Store(Protocol):
    """Keeps the newest state of a run, as `checkpoint.Checkpoints` does."""

    def save(self, step: int, state: dict[str, Any]) -> None: ...

    def load(self) -> dict[str, Any] | None: ...


class Watch:
    """Keeps checkpoints and tells the watcher where a run stands: of every evaluation, between them at most
    every `keep_s` seconds (more where saving takes long) and about once a second."""

    def __init__(
        self, run: Run, on_progress: OnProgress, group: Group, store: Store, keep_s: float
    ) -> None:
        self._run, self._on_progress, self._group = run, on_progress, group
        self._store, self._keep_s = store, keep_s
        self._began = self._told = self._kept = time.monotonic()
        self._from = run.step
        self._saved_step = 0
        self._saving_s = 0.0

    def keep(
        self, figures: dict[str, float] | None, more: Callable[[], dict[str, Any]] = dict
    ) -> None:
        """Write a checkpoint if it is time, with what the loop adds: the run goes on from here then."""
        began = time.monotonic()
        wait_s = max(self._keep_s, self._saving_s / SAVING_SHARE)
        is_due = figures or began - self._kept >= wait_s
        if not (self._group.is_first and is_due):
            return
        self._store.save(self._run.step, self._run.state() | more())
        self._kept = time.monotonic()
        self._saving_s = self._kept - began
        self._saved_step = self._run.step

    def look(self, figures: dict[str, float] | None = None) -> None:
        now = time.monotonic()
        if not self._group.is_first or (figures is None and now - self._told < TELL_EVERY_S):
            return
        self._told = now
        run = self._run
        pace = (now - self._began) / max(run.step - self._from, 1)
        left = pace * (run.steps - run.step)
        self._on_progress(Progress(
            run.step, run.steps, run.epoch, left, run.at_once, figures, self._saved_step,
            run.room.is_short,
        ))  # fmt: skip
