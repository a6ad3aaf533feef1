"""Answers out of a list: exactly one, any number of them, or one grade of an order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training import losses
from learning.training.tasks.base import (
    InvalidLabel,
    Labels,
    Metric,
    Task,
    Unlearnable,
    Weighting,
    inverse_root,
    names_of,
)

MIN_PER_CLASS = (
    2  # cases with an answer, of several answers also without it; below it is not learned
)


@dataclass(frozen=True)
class OneAnswer(Task):
    """Exactly one of several classes. Labels (n,) int64; predictions (n, classes)."""

    kind = "one"
    metric = Metric("auc", True)
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", names_of(self.classes, "classes", 2))

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def encode(self, answers: Sequence[Any]) -> Labels:
        number = {name: index for index, name in enumerate(self.classes)} | {None: -1}
        return np.asarray(
            [_found(number, answer, place) for place, answer in enumerate(answers)], np.int64
        )

    def require_learnable(self, labels: Labels) -> None:
        counts = _counts(labels, len(self.classes))
        if (counts >= MIN_PER_CLASS).sum() < 2:
            listed = ", ".join(f"{n}: {c}" for n, c in zip(self.classes, counts, strict=True))
            raise Unlearnable(
                f"Training needs {MIN_PER_CLASS} labeled cases of at least two answers ({listed})."
            )

    def class_weights(self, labels: Labels) -> torch.Tensor | None:
        weights = inverse_root(_counts(labels, len(self.classes)))
        return torch.tensor(weights, dtype=torch.float32)

    def sampling_weights(self, labels: Labels) -> NDArray[np.float64] | None:
        weights = inverse_root(_counts(labels, len(self.classes)))
        return np.where(labels >= 0, weights[labels], 0.0)

    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        return losses.focal_cross_entropy(
            outputs, labels, gamma=weighting.focal_gamma, weights=weighting.weights,
            smoothing=weighting.label_smoothing,
        )  # fmt: skip

    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(dim=1)


@dataclass(frozen=True)
class OrdinalGrade(OneAnswer):
    """One grade of an order, lowest first. Labels (n,) int64; predictions (n, grades)."""

    kind = "ordinal"
    metric = Metric("quadratic_kappa", True)

    @property
    def outputs(self) -> int:
        return len(self.classes) - 1

    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        """Weights are those of a case by its grade: the distances between grades stay."""
        return losses.ordinal_loss(outputs, labels, weighting.weights)

    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        return losses.ordinal_probabilities(outputs)


@dataclass(frozen=True)
class ManyAnswers(Task):
    """Any number of findings. Labels (n, k) float32 of 0, 1 or NaN; predictions (n, k).

    An answer is the list of findings that are present, or a mapping of finding to true, false or
    None (not assessed) where only some were looked at. The training labels have taught those of
    `learned`; what is said of the others is what the network began with. None: nobody has noted which.
    """

    kind = "many"
    metric = Metric("mean_auc", True)
    classes: tuple[str, ...]
    learned: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", names_of(self.classes, "classes", 1))
        if self.learned is not None:
            object.__setattr__(self, "learned", names_of(self.learned, "learned", 0))

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def encode(self, answers: Sequence[Any]) -> Labels:
        labels = np.full((len(answers), len(self.classes)), np.nan, np.float32)
        for place, answer in enumerate(answers):
            if answer is not None:
                labels[place] = self._row(answer, place)
        return labels

    def _row(self, answer: Any, place: int) -> list[float]:
        if not isinstance(answer, dict | list | tuple | set):
            raise InvalidLabel(f"answer {place} must be a list or a mapping, not {answer!r}")
        unknown = sorted(set(answer) - set(self.classes))
        if unknown:
            raise InvalidLabel(f"answer {place} names {unknown[0]!r}, which is no class")
        if isinstance(answer, dict):
            return [_truth(answer.get(name), place) for name in self.classes]
        return [float(name in answer) for name in self.classes]

    def fitted(self, labels: Labels) -> Self:
        teaches = _teaches(*_present_and_absent(labels))
        learned = tuple(n for n, does in zip(self.classes, teaches, strict=True) if does)
        return replace(self, learned=learned)

    def require_learnable(self, labels: Labels) -> None:
        present, absent = _present_and_absent(labels)
        if not _teaches(present, absent).any():
            listed = ", ".join(
                f"{n}: {p} with, {a} without"
                for n, p, a in zip(self.classes, present, absent, strict=True)
            )
            raise Unlearnable(
                f"Training needs {MIN_PER_CLASS} cases with and {MIN_PER_CLASS} without at least "
                f"one finding ({listed})."
            )

    def class_weights(self, labels: Labels) -> torch.Tensor | None:
        present, absent = _present_and_absent(labels)
        ratio = np.where(present > 0, np.sqrt(absent / np.maximum(present, 1)), 1.0)
        return torch.tensor(np.clip(ratio, 0.1, 10.0), dtype=torch.float32)

    def sampling_weights(self, labels: Labels) -> NDArray[np.float64] | None:
        """By the rarest finding that a case has; a case without any counts as one group."""
        present = labels == 1
        rarity = inverse_root(present.sum(axis=0))
        none = inverse_root(np.asarray([max((~present.any(axis=1)).sum(), 1)]))[0]
        weights = np.where(present, rarity, 0.0).max(axis=1)
        weights = np.where(present.any(axis=1), weights, min(none, rarity.max() or 1.0))
        return np.where(np.isfinite(labels).any(axis=1), weights, 0.0)

    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        return losses.masked_binary(
            outputs, labels, gamma=weighting.focal_gamma, weights=weighting.weights
        )

    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.sigmoid()


def _present_and_absent(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many cases have each finding, and how many are known not to: (k,) each."""
    return (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)


def _teaches(present: NDArray[np.int64], absent: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (present >= MIN_PER_CLASS) & (absent >= MIN_PER_CLASS)


def _found(number: dict[str | None, int], answer: Any, place: int) -> int:
    if not isinstance(answer, str | None) or answer not in number:
        raise InvalidLabel(f"answer {place} is {answer!r}, which is no class")
    return number[answer]


def _truth(value: Any, place: int) -> float:
    if value is None:
        return float("nan")
    if not isinstance(value, bool):
        raise InvalidLabel(f"answer {place} must hold true, false or nothing, not {value!r}")
    return float(value)


def _counts(labels: Labels, class_count: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels >= 0], minlength=class_count)
