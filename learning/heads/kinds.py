"""What differs between the kinds of question a light head answers: labels, agreement, figures."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.pool import Answers, Pool
from learning.estimates.stopping import concordance, kappa
from learning.heads.head import Head, Kind
from learning.training.metrics import classification as metrics
from learning.training.metrics import values
from learning.training.metrics.support import Support

Labels = NDArray[Any]
Floats = NDArray[np.float64]
COVERED_95 = 1.96  # standard deviations to each side
THIRDS = ("lowest third", "middle third", "highest third")


@dataclass(frozen=True)
class Scale:
    """Of a number: its unit, and the least and the greatest that a reader may answer."""

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None


class HeadKind(ABC):
    """Of n cases and C classes. What a head says of each, `said`, is (n, C) probabilities."""

    kind: ClassVar[Kind]
    answers: ClassVar[Answers]
    examined: ClassVar[str]  # the kind of figures of such a network
    forecast: ClassVar[str] = "auc"  # the figure between 0 and 1 that is looked ahead
    deciding: ClassVar[str] = "auc"  # what networks of this kind are compared by

    @abstractmethod
    def unlabeled(self, count: int, class_count: int) -> Labels:
        """The labels of cases of which nothing is known."""

    @abstractmethod
    def label(self, answer: Any, classes: Sequence[str], settled: Collection[str]) -> Any:
        """An answer as a row of the labels; None where it says nothing of these classes.

        Of several answers it says something of the `settled` options alone.
        """

    @abstractmethod
    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        """Which cases have a label: (n,)."""

    @abstractmethod
    def is_learnable(self, labels: Labels) -> bool:
        """Whether there are two answers to tell apart."""

    def asked(self, labels: Labels, classes: Sequence[str]) -> Sequence[str]:
        """The classes that any label speaks of: of the others a head says one half of every case."""
        del labels
        return classes

    @abstractmethod
    def counts(self, labels: Labels, class_count: int) -> list[int]:
        """How many labels each class can be learned from."""

    @abstractmethod
    def kept(
        self, label: Any, classes: Sequence[str], head_classes: Sequence[str]
    ) -> dict[str, Any]:
        """A row of the labels as the fields of an outcome of a head that tells `head_classes` apart.

        None of them where it says nothing of these.
        """

    @abstractmethod
    def agreement(self, before: Floats, after: Floats) -> float:
        """Cohen's kappa of what two heads said."""

    @abstractmethod
    def figures(self, labels: Labels, said: Floats) -> dict[str, float | None]:
        """On known labels; None where a figure cannot be told."""

    def rests_on(self, labels: Labels, said: Floats, patients: NDArray[np.str_]) -> int:
        """How many patients the deciding figure on known labels rests on."""
        support = Support.of(self.examined, labels, said, list(patients), self.deciding)
        return support.rests_on(np.arange(len(labels)))

    def said(self, head: Head, vectors: NDArray[np.float32]) -> Floats:
        """What the head says of each case."""
        return head.predict(vectors).astype(np.float64)

    def pool(
        self, head: Head, vectors: NDArray[np.float32], classes: Sequence[str], scale: Scale
    ) -> Pool:
        """Open cases as strategies see them: class weights rank rare answers up, readers hear the truth."""
        del scale
        return Pool(
            probabilities=head.predict_weighted(vectors), told=head.predict(vectors),
            embeddings=vectors, classes=tuple(classes), answers=self.answers,
        )  # fmt: skip

    def names(self, classes: Sequence[str]) -> Sequence[str]:
        """What `counts` counts."""
        return classes


class Exclusive(HeadKind):
    """One class of several, as class numbers (n,), -1 where unknown."""

    kind = "one"
    answers = "one"
    examined = "one"

    def unlabeled(self, count: int, class_count: int) -> Labels:
        del class_count
        return np.full(count, -1, np.int64)

    def label(self, answer: Any, classes: Sequence[str], settled: Collection[str]) -> Any:
        del settled
        is_class = isinstance(answer, str) and answer in classes
        return classes.index(answer) if is_class else None

    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        return np.asarray(labels >= 0)

    def is_learnable(self, labels: Labels) -> bool:
        return len(np.unique(labels)) > 1

    def counts(self, labels: Labels, class_count: int) -> list[int]:
        return [int(count) for count in np.bincount(labels, minlength=class_count)]

    def kept(
        self, label: Any, classes: Sequence[str], head_classes: Sequence[str]
    ) -> dict[str, Any]:
        answer = classes[label]
        return {"answer": answer} if answer in head_classes else {}

    def agreement(self, before: Floats, after: Floats) -> float:
        return kappa(before.argmax(axis=1), after.argmax(axis=1))

    def figures(self, labels: Labels, said: Floats) -> dict[str, float | None]:
        return {
            "auc": metrics.mean_auc(labels, said),
            "average_precision": metrics.mean_average_precision(labels, said),
            "accuracy": metrics.accuracy(labels, said),
        }


class Graded(Exclusive):
    """Grades on a scale: as exclusive classes, measured by how far the answers are apart."""

    examined = "ordinal"
    forecast = "quadratic_kappa"
    deciding = "quadratic_kappa"

    def figures(self, labels: Labels, said: Floats) -> dict[str, float | None]:
        grades = said.shape[1]
        kappa_of = values.quadratic_kappa(labels, said.argmax(axis=1), grades)
        return {**super().figures(labels, said), "quadratic_kappa": kappa_of}


class Independent(HeadKind):
    """Each class present or not, as (n, C) of 1, 0 or NaN where it is not settled."""

    kind = "many"
    answers = "many"
    examined = "many"

    def unlabeled(self, count: int, class_count: int) -> Labels:
        return np.full((count, class_count), np.nan)

    def label(self, answer: Any, classes: Sequence[str], settled: Collection[str]) -> Any:
        if not isinstance(answer, list):
            return None
        return [float(name in answer) if name in settled else np.nan for name in classes]

    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(labels).any(axis=1))

    def is_learnable(self, labels: Labels) -> bool:
        return bool(((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).any())

    def asked(self, labels: Labels, classes: Sequence[str]) -> Sequence[str]:
        is_asked = np.asarray(np.isfinite(labels).any(axis=0))
        return [name for name, was in zip(classes, is_asked, strict=True) if was]

    def counts(self, labels: Labels, class_count: int) -> list[int]:
        """Of the rarer answer, yes or no: a label that everybody has teaches nothing."""
        del class_count
        rarer = np.minimum((labels == 1).sum(axis=0), (labels == 0).sum(axis=0))
        return [int(count) for count in rarer]

    def kept(
        self, label: Any, classes: Sequence[str], head_classes: Sequence[str]
    ) -> dict[str, Any]:
        labels = [None if math.isnan(y) else int(y) for y in label.tolist()]
        if head_classes != classes:
            by_name = dict(zip(classes, labels, strict=True))
            labels = [by_name.get(name) for name in head_classes]
        return {"labels": labels} if labels.count(None) < len(labels) else {}

    def agreement(self, before: Floats, after: Floats) -> float:
        """That of the label that changed most: the mean would hide it among the settled ones."""
        called = zip((before >= 0.5).T, (after >= 0.5).T, strict=True)
        return min(kappa(old.astype(np.int64), new.astype(np.int64)) for old, new in called)

    def figures(self, labels: Labels, said: Floats) -> dict[str, float | None]:
        return {
            "auc": metrics.macro(metrics.auc, labels, said),
            "average_precision": metrics.macro(metrics.average_precision, labels, said),
            "balanced_accuracy": metrics.macro(_balanced_accuracy, labels, said),
        }


class Scalar(HeadKind):
    """A number (n,), NaN where unknown; said are (n, 2), what is expected and its deviation."""

    kind = "number"
    examined = "number"
    forecast = "r2"
    deciding = "mean_absolute_error"

    def unlabeled(self, count: int, class_count: int) -> Labels:
        del class_count
        return np.full(count, np.nan)

    def label(self, answer: Any, classes: Sequence[str], settled: Collection[str]) -> Any:
        del classes, settled
        is_number = isinstance(answer, int | float) and not isinstance(answer, bool)
        return float(answer) if is_number and math.isfinite(answer) else None

    def is_known(self, labels: Labels) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(labels))

    def is_learnable(self, labels: Labels) -> bool:
        return len(np.unique(labels)) > 1

    def counts(self, labels: Labels, class_count: int) -> list[int]:
        """In each third of the range so far: where numbers are rare, errors are large and unseen."""
        del class_count
        return [int(count) for count in np.histogram(labels, bins=len(THIRDS))[0]]

    def names(self, classes: Sequence[str]) -> Sequence[str]:
        del classes
        return THIRDS

    def kept(
        self, label: Any, classes: Sequence[str], head_classes: Sequence[str]
    ) -> dict[str, Any]:
        del classes, head_classes
        return {"number": float(label)}

    def agreement(self, before: Floats, after: Floats) -> float:
        """Lin's concordance, which for numbers is what kappa is for classes."""
        return concordance(before[:, 0], after[:, 0])

    def figures(self, labels: Labels, said: Floats) -> dict[str, float | None]:
        """Those of a network, and how many numbers lie where 95 of 100 should."""
        expected, deviation = said.T
        return {
            "mean_absolute_error": values.mean_absolute_error(labels, expected),
            "root_mean_square_error": values.root_mean_square_error(labels, expected),
            "r2": values.r2(labels, expected),
            "spearman": values.spearman(labels, expected),
            "coverage": float((np.abs(labels - expected) <= COVERED_95 * deviation).mean()),
        }

    def said(self, head: Head, vectors: NDArray[np.float32]) -> Floats:
        return np.stack([head.predict(vectors)[:, 0], head.spread(vectors)], axis=1)

    def pool(
        self, head: Head, vectors: NDArray[np.float32], classes: Sequence[str], scale: Scale
    ) -> Pool:
        """Scored by the doubt that labels can remove; the reader is told the whole range."""
        del classes
        expected, doubt = head.predict(vectors)[:, 0].astype(np.float64), head.doubt(vectors)
        reach = COVERED_95 * np.sqrt(doubt + head.noise)
        low, high = np.clip([expected - reach, expected + reach], scale.minimum, scale.maximum)
        named = {"value": expected, "variance": doubt, "low": low, "high": high}
        return Pool(components=named, embeddings=vectors, unit=scale.unit)


def _balanced_accuracy(is_positive: NDArray[np.bool_], scores: Floats) -> float | None:
    """Mean of sensitivity and specificity at one half; None without both answers."""
    if is_positive.all() or not is_positive.any():
        return None
    is_right = (scores >= 0.5) == is_positive
    return float((is_right[is_positive].mean() + is_right[~is_positive].mean()) / 2)


HEAD_KINDS: dict[str, HeadKind] = {
    "one": Exclusive(), "ordinal": Graded(), "many": Independent(), "number": Scalar(),
}  # fmt: skip
"""The kinds of target that a light head learns."""
