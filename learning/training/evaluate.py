"""The figures of a test set, with 95 % intervals over patients, and thresholds from validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.classification import youden_threshold
from learning.training.metrics.figures import Examined, figures
from learning.training.metrics.masks import ClassOverlap
from learning.training.operating_points import MIN_PATIENTS, USUAL
from learning.training.tasks import Labels, ManyAnswers, OneAnswer, Task, TimeToEvent

Floats = NDArray[np.float64]


def evaluate(
    task: Task,
    truth: Labels,
    predictions: Floats,
    patients: Sequence[str],
    *,
    thresholds: Sequence[float],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """All figures of a test set as JSON: {"n", "metric", "auc": {value, low, high}, ...}.

    `truth` as the task encodes it, `predictions` (n, k) as it stores them. `task.metric.name` is always
    among the figures; where it cannot be told, its value is None and "absent_because" says why.
    Raises ValueError for a task with one answer per voxel: see `evaluate_masks`.
    """
    if task.is_dense:
        raise ValueError(f"a {task.kind} task is evaluated by its masks")
    return figures(examined(task, truth, predictions, patients, thresholds=thresholds), rng)


def examined(
    task: Task,
    truth: Labels,
    predictions: Floats,
    patients: Sequence[str],
    *,
    thresholds: Sequence[float] = (),
) -> Examined:
    """The arguments of `evaluate` in the shape that needs no torch; without cases, of the right widths."""
    classes = tuple(getattr(task, "classes", ()))
    if len(patients) == 0:
        truth = np.zeros((0, *_shape_of_truth(task)), np.int64)
        predictions = np.zeros((0, max(len(classes), 1)))
    return Examined(
        kind=task.kind,
        truth=np.asarray(truth),
        predictions=np.asarray(predictions, np.float64),
        patients=patients,
        classes=classes,
        thresholds=tuple(thresholds),
    )


def thresholds_of(
    task: Task, truth: Labels, predictions: Floats, patients: Sequence[str]
) -> tuple[float, ...]:
    """Where answers are called positive, chosen on validation by Youden's index.

    One for two classes, one per finding of "many"; empty for all other tasks, which need none. 0.5 where
    fewer than MIN_PATIENTS are positive, or negative.
    """
    if isinstance(task, ManyAnswers):
        return tuple(
            _threshold(truth[:, n], predictions[:, n], patients) for n in range(len(task.classes))
        )
    if type(task) is OneAnswer and len(task.classes) == 2:  # a grade is an answer too, without one
        return (_threshold(truth, predictions[:, 1], patients),)
    return ()


def evaluate_masks(
    structures: Sequence[str],
    cases: Sequence[Sequence[ClassOverlap]],
    patients: Sequence[str],
    *,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Mean Dice and HD95, over all structures and of each, from `compare_maps` of every case.

    "labels" holds the structures with "missed", the cases that miss or invent one: read it beside the
    HD95, which leaves those cases out.
    """
    test = Examined(
        kind="segmentation",
        truth=mask_truth(cases, len(structures)),
        predictions=mask_values(cases, len(structures)),
        patients=patients,
        classes=tuple(structures),
    )
    return figures(test, rng)


def mask_truth(cases: Sequence[Sequence[ClassOverlap]], structure_count: int) -> Floats:
    """(n, structures): 1 where readers drew the structure, else 0."""
    rows = [[o.is_drawn for o in case] for case in cases]
    return np.asarray(rows, np.float64).reshape(len(cases), structure_count)


def mask_values(cases: Sequence[Sequence[ClassOverlap]], structure_count: int) -> Floats:
    """(n, 2 * structures): the Dice of each structure, then the HD95 in mm of each; NaN where none."""
    rows = [[o.dice for o in case] + [o.hd95_mm for o in case] for case in cases]
    return np.asarray(rows, np.float64).reshape(len(cases), 2 * structure_count)


def _shape_of_truth(task: Task) -> tuple[int, ...]:
    """Of one case."""
    if isinstance(task, ManyAnswers):
        return (len(task.classes),)
    return (2,) if isinstance(task, TimeToEvent) else ()


def _threshold(truth: NDArray[Any], scores: Floats, patients: Sequence[str]) -> float:
    is_finite = np.isfinite(scores)
    sizes = [len(set(np.asarray(patients)[is_finite & (truth == answer)])) for answer in (0, 1)]
    if min(sizes) < MIN_PATIENTS:
        return USUAL
    is_usable = is_finite & ((truth == 0) | (truth == 1))
    return youden_threshold(truth[is_usable].astype(np.int64), scores[is_usable])
