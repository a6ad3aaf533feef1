"""What differs between the kinds of question a light head answers: labels, agreement, figures."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.pool import Answers
from learning.estimates.stopping import kappa
from learning.heads.head import Kind
from learning.training.metrics import classification as metrics

Labels = NDArray[Any]
Floats = NDArray[np.float64]


class HeadKind(ABC):
    """Of n cases and C classes; probabilities are (n, C)."""

    kind: ClassVar[Kind]
    answers: ClassVar[Answers]

    @abstractmethod
    def unlabeled(self, count: int, class_count: int) -> Labels:
        """The labels of cases of which nothing is known."""

    @abstractmethod
    def label(self, answer: Any, classes: Sequence[str], asked: Collection[str]) -> Any:
        """An answer as a row of the labels; None where it says nothing of these classes."""

    @abstractmethod
    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        """Which cases have a label: (n,)."""

    @abstractmethod
    def is_learnable(self, labels: Labels) -> bool:
        """Whether there are two answers to tell apart."""

    @abstractmethod
    def counts(self, labels: Labels, class_count: int) -> list[int]:
        """How many labels each class can be learned from."""

    @abstractmethod
    def agreement(self, before: Floats, after: Floats) -> float:
        """Cohen's kappa of two heads' answers."""

    @abstractmethod
    def figures(self, labels: Labels, probabilities: Floats) -> dict[str, float | None]:
        """On known labels; None where a figure cannot be told."""


class Exclusive(HeadKind):
    """One class of several, as class numbers (n,), -1 where unknown; grades as well."""

    kind = "one"
    answers = "one"

    def unlabeled(self, count: int, class_count: int) -> Labels:
        del class_count
        return np.full(count, -1, np.int64)

    def label(self, answer: Any, classes: Sequence[str], asked: Collection[str]) -> Any:
        del asked
        is_class = isinstance(answer, str) and answer in classes
        return classes.index(answer) if is_class else None

    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        return np.asarray(labels >= 0)

    def is_learnable(self, labels: Labels) -> bool:
        return len(np.unique(labels)) > 1

    def counts(self, labels: Labels, class_count: int) -> list[int]:
        return [int(count) for count in np.bincount(labels, minlength=class_count)]

    def agreement(self, before: Floats, after: Floats) -> float:
        return kappa(before.argmax(axis=1), after.argmax(axis=1))

    def figures(self, labels: Labels, probabilities: Floats) -> dict[str, float | None]:
        return {
            "auc": metrics.mean_auc(labels, probabilities),
            "average_precision": metrics.mean_average_precision(labels, probabilities),
            "accuracy": metrics.accuracy(labels, probabilities),
        }


class Independent(HeadKind):
    """Each class present or not, as (n, C) of 1, 0 or NaN where nobody looked for it."""

    kind = "many"
    answers = "many"

    def unlabeled(self, count: int, class_count: int) -> Labels:
        return np.full((count, class_count), np.nan)

    def label(self, answer: Any, classes: Sequence[str], asked: Collection[str]) -> Any:
        if not isinstance(answer, list):
            return None
        return [float(name in answer) if name in asked else np.nan for name in classes]

    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(labels).any(axis=1))

    def is_learnable(self, labels: Labels) -> bool:
        return bool(((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).any())

    def counts(self, labels: Labels, class_count: int) -> list[int]:
        """Of the rarer answer, yes or no: a label that everybody has teaches nothing."""
        del class_count
        rarer = np.minimum((labels == 1).sum(axis=0), (labels == 0).sum(axis=0))
        return [int(count) for count in rarer]

    def agreement(self, before: Floats, after: Floats) -> float:
        """That of the label that changed most: the mean would hide it among the settled ones."""
        called = zip((before >= 0.5).T, (after >= 0.5).T, strict=True)
        return min(kappa(old.astype(np.int64), new.astype(np.int64)) for old, new in called)

    def figures(self, labels: Labels, probabilities: Floats) -> dict[str, float | None]:
        return {
            "auc": metrics.macro(metrics.auc, labels, probabilities),
            "average_precision": metrics.macro(metrics.average_precision, labels, probabilities),
            "balanced_accuracy": metrics.macro(_balanced_accuracy, labels, probabilities),
        }


def _balanced_accuracy(is_positive: NDArray[np.bool_], scores: Floats) -> float | None:
    """Mean of sensitivity and specificity at one half; None without both answers."""
    if is_positive.all() or not is_positive.any():
        return None
    is_right = (scores >= 0.5) == is_positive
    return float((is_right[is_positive].mean() + is_right[~is_positive].mean()) / 2)


HEAD_KINDS: dict[str, HeadKind] = {
    "one": Exclusive(), "ordinal": Exclusive(), "many": Independent(),
}  # fmt: skip
"""The kinds of target that a light head learns."""
