"""The contract of all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

# (n,) or (n, k), where -1 in whole numbers and NaN in floats mean missing; of a segmentation any
# sequence of masks.
Labels = Any


class InvalidTask(ValueError):
    """A task's record is malformed; names the field."""


class InvalidLabel(ValueError):
    """An answer does not fit the task; names its place."""


class Unlearnable(ValueError):
    """These labels cannot teach a model; says why."""


@dataclass(frozen=True)
class Metric:
    """The figure that decides between models."""

    name: str
    higher_is_better: bool


@dataclass(frozen=True)
class Weighting:
    """How a loss treats imbalance: class weights (classes,), focal gamma, label smoothing."""

    weights: torch.Tensor | None = None
    focal_gamma: float = 0.0
    label_smoothing: float = 0.0

    def on(self, device: torch.device) -> "Weighting":
        weights = None if self.weights is None else self.weights.to(device)
        return Weighting(weights, self.focal_gamma, self.label_smoothing)


@dataclass(frozen=True)
class Task(ABC):
    """One kind of target. Frozen: what is fitted to the training labels is a new task."""

    kind: ClassVar[str]
    metric: ClassVar[Metric]
    is_dense: ClassVar[bool] = False  # one answer per voxel, not per image

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers the network gives per image, or per voxel."""

    @abstractmethod
    def encode(self, answers: Sequence[Any]) -> Labels:
        """Answers (None = missing) as an array. Raises InvalidLabel naming the place."""

    @abstractmethod
    def require_learnable(self, labels: Labels) -> None:
        """Raises Unlearnable where no model can learn from these training labels."""

    def can_judge(self, labels: Labels) -> bool:
        """Whether the loss on these labels (an array) says anything of a network: without any it is 0."""
        known = np.isfinite(labels) if np.issubdtype(labels.dtype, np.floating) else labels >= 0
        return bool(known.any())

    def fitted(self, labels: Labels) -> Self:
        """The task with what it must know of the training labels (a number's scale)."""
        del labels
        return self

    def class_weights(self, labels: Labels) -> torch.Tensor | None:
        """Weights against imbalance for `loss`, or None where the task has no classes."""
        del labels
        return None

    def sampling_weights(self, labels: Labels) -> NDArray[np.float64] | None:
        """(n,) how often to draw each sample when rare ones are oversampled, or None."""
        del labels
        return None

    @abstractmethod
    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        """The mean loss over what is labeled; 0 with a gradient path where nothing is."""

    @abstractmethod
    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        """Raw outputs as what is stored: probabilities, numbers in their unit, log risks."""

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind} | {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Raises InvalidTask naming the field."""
        known = {field.name for field in fields(cls)}
        for name in value:
            if name not in known:
                raise InvalidTask(f"{name} is no field of a {cls.kind} task")
        try:
            return cls(**value)
        except TypeError as error:
            raise InvalidTask(f"a {cls.kind} task lacks a field: {error}") from None


def names_of(value: Any, field: str, at_least: int) -> tuple[str, ...]:
    """A list of distinct names as a tuple. Raises InvalidTask."""
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise InvalidTask(f"{field} must be a list of names")
    if len(value) < at_least or len(set(value)) != len(value):
        raise InvalidTask(f"{field} must hold at least {at_least} different names")
    return tuple(value)


def inverse_root(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Inverse square root of each count with mean 1 over those above 0; 0 for an empty class."""
    weights = np.where(counts > 0, 1 / np.sqrt(np.maximum(counts, 1)), 0.0)
    return np.asarray(weights / weights[counts > 0].mean() if (counts > 0).any() else weights)
