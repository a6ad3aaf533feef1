"""One optimisation loop for whatever gives a loss: detection, pre-training, semi-supervision.

It knows neither the data nor the task. Randomness depends only on the seed and the step, so a run that
goes on from a checkpoint draws what an uninterrupted one would have drawn.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training.schedule import one_cycle

BatchLoss = Callable[[torch.nn.Module, int, torch.Generator], torch.Tensor]
OnReport = Callable[[dict[str, float], int, int], None]  # (figures, step, steps)


class DivergedLoss(RuntimeError):
    """The loss is no longer a number; says at which step."""


class Store(Protocol):
    """Keeps the newest state of a run, as `checkpoint.Checkpoints` does."""

    def save(self, step: int, state: dict[str, Any]) -> None: ...

    def load(self) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW under a one-cycle learning rate."""

    steps: int = 1000
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.15
    largest_gradient: float = 10.0  # the first steps of a heatmap head have steep ones
    report_every: int = 50  # steps between checkpoints

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "report_every"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


def fit(
    network: torch.nn.Module,
    batch_loss: BatchLoss,
    schedule: Schedule,
    *,
    seed: int,
    store: Store,
    on_report: OnReport = lambda *_: None,
    after_step: Callable[[torch.nn.Module], None] = lambda _network: None,
) -> list[dict[str, float]]:
    """Train in place, or go on from the newest state; returns what each report said.

    `batch_loss(network, step, generator)` draws its batch by the step and all randomness from the
    generator. `on_report` may raise to stop; the state stays for a resume. Raises DivergedLoss.
    """
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    rates = one_cycle(optimizer, schedule.learning_rate, schedule.steps, schedule.warmup_share)
    step, curves, losses = 0, [], []
    if (state := store.load()) is not None:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        rates.load_state_dict(state["rates"])
        step, curves = state["step"], state["curves"]

    network.train()
    while step < schedule.steps:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        loss = batch_loss(network, step, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, schedule.largest_gradient)
        optimizer.step()
        rates.step()
        after_step(network)
        step += 1
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise DivergedLoss(f"the loss became {losses[-1]} at step {step}")
        if step % schedule.report_every and step < schedule.steps:
            continue
        curves.append({"step": float(step), "loss": sum(losses) / len(losses)})
        losses = []
        store.save(
            step,
            {
                "network": network.state_dict(), "optimizer": optimizer.state_dict(),
                "rates": rates.state_dict(), "step": step, "curves": curves,
            },
        )  # fmt: skip
        on_report(curves[-1], step, schedule.steps)
        network.train()
    return curves


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
