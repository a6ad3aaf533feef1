"""The training loop: one function that reads from top to bottom."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import LabeledImages, augment, batches, class_weights, shuffled
from learning.training.networks import build, on_device

OnEpoch = Callable[[dict[str, float], int, int], None]  # (figures, step, steps)


class DivergedTraining(RuntimeError):
    """The loss is no longer a number."""


@dataclass
class Trained:
    """The network at its best validation loss, and what each evaluation saw."""

    network: torch.nn.Module
    curves: list[dict[str, float]] = field(default_factory=list)


def choose_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    *,
    config: TrainConfig,
    class_count: int,
    training: LabeledImages,
    validation: LabeledImages,
    seed: int,
    checkpoints: Checkpoints,
    on_epoch: OnEpoch,
) -> Trained:
    """Train from scratch, or go on from the newest checkpoint; both give the same weights on CPU.

    Raises DivergedTraining. `on_epoch` may raise to stop; the checkpoint stays for a resume.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(seed)
    device = choose_device()
    on_cuda = device.type == "cuda"
    network = on_device(build(config.network, class_count), device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    total = config.steps(len(training))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=total + 1, pct_start=config.warmup_share
    )
    scaler = torch.amp.GradScaler("cuda", enabled=on_cuda and config.mixed_precision)
    weights = class_weights(training.labels, class_count) if config.class_weights else None
    weights = weights.to(device) if weights is not None else None
    best = copy.deepcopy(network.state_dict())
    best_loss, unimproved, step, epoch = math.inf, 0, 0, 0
    curves: list[dict[str, float]] = []

    state = checkpoints.load()
    if state is not None:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        scaler.load_state_dict(state["scaler"])
        best, best_loss, unimproved = state["best"], state["best_loss"], state["unimproved"]
        step, epoch, curves = state["step"], state["epoch"], state["curves"]

    evaluate_every = max(total // config.evaluations, 1)
    next_evaluation = (step // evaluate_every + 1) * evaluate_every
    while step < total and not (config.patience and unimproved >= config.patience):
        # A generator per epoch: a resumed run draws what an uninterrupted one would have drawn.
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        losses: list[float] = []
        network.train()
        for images, labels in shuffled(training, config.batch_size, generator):
            images = augment(images, config, generator).to(
                device, memory_format=torch.channels_last
            )
            with torch.autocast(device.type, enabled=on_cuda and config.mixed_precision):
                loss = functional.cross_entropy(
                    network(images),
                    labels.to(device),
                    weight=weights,
                    label_smoothing=config.label_smoothing,
                )
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            scaler.step(optimizer)
            scaler.update()
            losses.append(float(loss.detach()))
            if step < total:
                schedule.step()
            step += 1
        epoch += 1
        if not all(map(math.isfinite, losses)):
            raise DivergedTraining(f"the loss became {losses[-1]} in epoch {epoch}")

        if step < min(next_evaluation, total):
            continue
        next_evaluation = (step // evaluate_every + 1) * evaluate_every
        figures = {"step": float(step), "epoch": float(epoch), "loss": sum(losses) / len(losses)}
        validation_loss = mean_loss(network, validation, config, device)
        if validation_loss is not None:
            figures["validation_loss"] = validation_loss
        if validation_loss is None or validation_loss < best_loss:
            best, unimproved = copy.deepcopy(network.state_dict()), 0
            best_loss = math.inf if validation_loss is None else validation_loss
        else:
            unimproved += 1
        curves.append(figures)
        checkpoints.save(
            step,
            {
                "network": network.state_dict(), "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(), "scaler": scaler.state_dict(), "best": best,
                "best_loss": best_loss, "unimproved": unimproved, "step": step, "epoch": epoch,
                "curves": curves,
            },
        )  # fmt: skip
        on_epoch(figures, step, total)

    network.load_state_dict(best)
    return Trained(network, curves)


@torch.no_grad()
def mean_loss(
    network: torch.nn.Module, data: LabeledImages, config: TrainConfig, device: Any
) -> float | None:
    """Mean cross-entropy over a labeled set; None where it is empty."""
    if len(data) == 0:
        return None
    network.eval()
    total, start = 0.0, 0
    for images in batches(data.images, config.batch_size * 2):
        labels = torch.from_numpy(data.labels[start : start + len(images)]).to(device)
        total += float(
            functional.cross_entropy(network(images.to(device)), labels, reduction="sum")
        )
        start += len(images)
    return total / len(data)
