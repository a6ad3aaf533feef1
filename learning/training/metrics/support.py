"""How many patients a figure rests on: of a rare finding those who have it, however many were tested.

Draws of a bootstrap without one of the rarer answer give no figure and are left out; what remains knows
nothing of the patients who were not met.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.intervals import Estimate, at_the_edge

Flags = NDArray[np.bool_]
Answers = Sequence[Flags]
"""Of one label, the cases (n,) of each answer without which the figure cannot be taken."""
OF_EVERYBODY = frozenset({
    "accuracy", "calibration_error", "brier", "mean_absolute_error", "root_mean_square_error",
})  # fmt: skip
OF_ONE_ANSWER = {"sensitivity": 1, "specificity": 0}


@dataclass(frozen=True)
class Support:
    """Of each label that a figure is a mean over, the cases of each answer; and whose they are."""

    labels: Sequence[Answers]
    patients: NDArray[np.int64]  # (n,) a number for each patient

    @classmethod
    def of(
        cls, kind: str, truth: NDArray[Any], predictions: NDArray[np.float64],
        patients: Sequence[str], figure: str,
    ) -> "Support":  # fmt: skip
        """Of a figure of that kind, from what `figures.Examined` holds."""
        _, numbers = np.unique(np.asarray(patients, str), return_inverse=True)
        return cls(_labels(kind, truth, predictions, figure), numbers)

    def rests_on(self, rows: NDArray[np.int64]) -> int:
        """Patients with the rarest answer among these cases; 0 where the figure cannot be taken.

        Of the labels alone that have every answer there: no others enter the mean.
        """
        rarest = [min(self._count(answer, rows) for answer in label) for label in self.labels]
        return min((count for count in rarest if count), default=0)

    def _count(self, answer: Flags, rows: NDArray[np.int64]) -> int:
        return len(np.unique(self.patients[rows[answer[rows]]]))


def as_json(
    found: Mapping[str, Estimate], support_of: Callable[[str], Support], *, errors: Container[str]
) -> dict[str, Any]:
    """Figures by name. A share that is the same in every draw has an interval all the same."""

    def told(name: str, estimate: Estimate) -> Estimate:
        if name in errors:
            return estimate
        support = support_of(name)
        return at_the_edge(estimate, support.rests_on(np.arange(len(support.patients))))

    return {name: asdict(told(name, estimate)) for name, estimate in found.items()}


def drawn(truth: NDArray[Any], predictions: NDArray[np.float64]) -> Flags:
    """(n, structures) the cases in which readers drew each, whatever a network invents elsewhere.

    Where that was not kept, by an older release, those in which the network met what they drew: at least
    so many.
    """
    dice, hd95_mm = np.hsplit(predictions, 2)
    is_met = (dice > 0) | np.isfinite(hd95_mm)
    return np.asarray(np.where(np.isnan(truth), is_met, truth == 1))


def _labels(
    kind: str, truth: NDArray[Any], predictions: NDArray[np.float64], figure: str
) -> Sequence[Answers]:
    if kind == "number" or figure in OF_EVERYBODY:
        return [[np.ones(len(truth), bool)]]
    if kind == "one" and figure in OF_ONE_ANSWER:
        return [[truth == OF_ONE_ANSWER[figure]]]
    if kind == "segmentation":
        is_drawn = drawn(truth, predictions)
        if "hd95" in figure:
            is_drawn &= np.isfinite(predictions[:, truth.shape[1] :])
        return [[column] for column in is_drawn.T]
    return _OF_TRUTH[kind](truth, predictions.shape[1])


def _one(truth: NDArray[Any], classes: int) -> Sequence[Answers]:
    """Each class against the rest."""
    return [[truth == number, truth != number] for number in range(classes)]


def _ordinal(truth: NDArray[Any], grades: int) -> Sequence[Answers]:
    """Kappa is no mean over the grades, a rare one may be missed: it needs who is not of the commonest."""
    return [[truth != grade for grade in range(grades)]]


def _many(truth: NDArray[Any], _outputs: int) -> Sequence[Answers]:
    return [[label == 1, label == 0] for label in truth.T]


def _time_to_event(truth: NDArray[Any], _outputs: int) -> Sequence[Answers]:
    """Those with an event, for every pair begins with one."""
    return [[truth[:, 1] == 1]]


def _boxes(objects: NDArray[Any], _outputs: int) -> Sequence[Answers]:
    return [[label > 0] for label in objects.T]


_OF_TRUTH: dict[str, Callable[[NDArray[Any], int], Sequence[Answers]]] = {
    "one": _one, "ordinal": _ordinal, "many": _many, "time_to_event": _time_to_event,
    "boxes": _boxes,
}  # fmt: skip
