"""Answers that are numbers: a measurement, or the time until an event."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch.nn import functional

from learning.training import losses
from learning.training.tasks.base import (
    InvalidLabel,
    InvalidTask,
    Labels,
    Metric,
    Task,
    Unlearnable,
    Weighting,
)

MIN_NUMBERS = 2
MIN_EVENTS = 2


@dataclass(frozen=True)
class Number(Task):
    """A measurement. Labels (n,) float32 in its unit, NaN = missing; predictions (n, 1).

    The network learns (value - mean) / deviation of the training labels, which stay in the record.
    """

    kind = "number"
    metric = Metric("mean_absolute_error", False)
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        numbers = (self.mean, self.deviation)
        is_scale = all(type(n) in (int, float) and math.isfinite(n) for n in numbers)
        if not is_scale or self.deviation <= 0:
            raise InvalidTask("mean and deviation must be numbers, the deviation above 0")

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, answers: Sequence[Any]) -> Labels:
        return np.asarray([_number(a, f"answer {i}") for i, a in enumerate(answers)], np.float32)

    def require_learnable(self, labels: Labels) -> None:
        known = labels[np.isfinite(labels)]
        if len(np.unique(known)) < MIN_NUMBERS:
            raise Unlearnable(
                f"Training needs at least {MIN_NUMBERS} different numbers ({len(known)} labeled)."
            )

    def fitted(self, labels: Labels) -> Self:
        known = labels[np.isfinite(labels)].astype(np.float64)
        return replace(self, mean=float(known.mean()), deviation=float(known.std()) or 1.0)

    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        """Huber: a mistyped number must not steer the network."""
        del weighting
        is_known = torch.isfinite(labels)
        wanted = (torch.where(is_known, labels, self.mean) - self.mean) / self.deviation
        return losses.mean_of(
            functional.smooth_l1_loss(outputs[:, 0], wanted, reduction="none"), is_known
        )

    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs * self.deviation + self.mean


@dataclass(frozen=True)
class TimeToEvent(Task):
    """Cox regression. Labels (n, 2) float32 of time > 0 and event 0/1; predictions (n, 1) log risk.

    An answer is {"time": number, "event": true | false}; the unit of time does not matter.
    """

    kind = "time_to_event"
    metric = Metric("c_index", True)

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, answers: Sequence[Any]) -> Labels:
        return np.asarray(
            [_survival(a, f"answer {i}") for i, a in enumerate(answers)], np.float32
        ).reshape(-1, 2)

    def require_learnable(self, labels: Labels) -> None:
        known = labels[np.isfinite(labels).all(axis=1)]
        events = int((known[:, 1] == 1).sum())
        if events < MIN_EVENTS or len(np.unique(known[:, 0])) < 2:
            raise Unlearnable(
                f"Training needs at least {MIN_EVENTS} events at different times "
                f"({events} events in {len(known)} labeled cases)."
            )

    def can_judge(self, labels: Labels) -> bool:
        """An event is needed, and somebody who was still at risk when it happened."""
        times, events = labels[np.isfinite(labels).all(axis=1)].T
        return bool(any((times > moment).any() for moment in times[events == 1]))

    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        """Over the risk set of the batch: batches should be as large as memory allows."""
        del weighting
        return losses.cox_loss(outputs[:, 0], labels[:, 0], labels[:, 1])

    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs


def _number(value: Any, place: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidLabel(f"{place} must be a finite number, not {value!r}")
    return float(value)


def _survival(answer: Any, place: str) -> tuple[float, float]:
    if answer is None:
        return math.nan, math.nan
    if not isinstance(answer, dict) or set(answer) != {"time", "event"}:
        raise InvalidLabel(f"{place} must hold time and event, not {answer!r}")
    if not isinstance(answer["event"], bool):
        raise InvalidLabel(f"{place}.event must be true or false")
    time = _number(answer["time"], f"{place}.time")
    if not time > 0:
        raise InvalidLabel(f"{place}.time must be above 0")
    return time, float(answer["event"])
