"""The figures of a classifier's test set, with 95 % intervals by bootstrap over patients."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from learning.training.metrics.classification import (
    Floats,
    accuracy,
    auc,
    calibration_error,
    mean_auc,
    mean_average_precision,
    reliability,
    sensitivity,
    specificity,
    youden_threshold,
)
from learning.training.metrics.intervals import Estimate, Measure, bootstrap
from learning.training.metrics.masks import ClassOverlap, mean_by_class
from learning.training.metrics.values import concordance, mean_absolute_error, quadratic_kappa, r2
from learning.training.tasks.base import Labels, Task

__all__ = [
    "Estimate",
    "accuracy",
    "auc",
    "bootstrap",
    "calibration_error",
    "evaluate",
    "mean_auc",
    "reliability",
    "sensitivity",
    "specificity",
    "youden_threshold",
]


def thresholds_of(task: Task, truth: Labels, predictions: Floats) -> tuple[float, ...]:
    """Youden's, of the positive class or of each finding; empty where nothing is called."""
    if task.kind == "one" and predictions.shape[1] == 2:
        return (youden_threshold(truth, predictions[:, 1]),)
    if task.kind == "many":
        return tuple(
            youden_threshold((truth[:, c] == 1).astype(np.int64), predictions[:, c])
            for c in range(predictions.shape[1])
        )
    return ()


def evaluate(
    task: Task,
    truth: Labels,
    predictions: Floats,
    patients: Sequence[str],
    *,
    thresholds: Sequence[float],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """All figures of a test set as JSON: {"n", "auc": {value, low, high}, …}."""
    if len(truth) == 0:
        return {"n": 0}
    measures = _MEASURES[task.kind](truth, predictions, thresholds)
    figures = {name: asdict(bootstrap(m, patients, rng)) for name, m in measures.items()}
    return {"n": len(truth), **_described(task, truth, predictions, thresholds), **figures}


def _described(
    task: Task, truth: Labels, predictions: Floats, thresholds: Sequence[float]
) -> dict[str, Any]:
    if task.kind not in ("one", "ordinal"):
        return {}
    found: dict[str, Any] = {
        "per_class": np.bincount(truth, minlength=predictions.shape[1]).tolist(),
        "reliability": reliability(truth, predictions),
    }
    return found | ({"threshold": thresholds[0]} if thresholds else {})


def _choices(truth: Labels, predictions: Floats, thresholds: Sequence[float]) -> dict[str, Measure]:
    measures: dict[str, Measure] = {
        "auc": lambda i: mean_auc(truth[i], predictions[i]),
        "average_precision": lambda i: mean_average_precision(truth[i], predictions[i]),
        "accuracy": lambda i: accuracy(truth[i], predictions[i]),
        "calibration_error": lambda i: calibration_error(truth[i], predictions[i]),
    }
    if predictions.shape[1] == 2:
        called = predictions[:, 1] >= (thresholds[0] if thresholds else 0.5)
        measures["sensitivity"] = lambda i: sensitivity(truth[i], called[i])
        measures["specificity"] = lambda i: specificity(truth[i], called[i])
    return measures


def _grades(truth: Labels, predictions: Floats, _thresholds: Sequence[float]) -> dict[str, Measure]:
    grades = predictions.argmax(axis=1)
    count = predictions.shape[1]
    return {
        "quadratic_kappa": lambda i: quadratic_kappa(truth[i], grades[i], count),
        "accuracy": lambda i: accuracy(truth[i], predictions[i]),
    }


def _findings(
    truth: Labels, predictions: Floats, _thresholds: Sequence[float]
) -> dict[str, Measure]:
    def mean(rows: Any) -> float | None:
        found = [
            auc(truth[rows, c] == 1, predictions[rows, c]) for c in range(predictions.shape[1])
        ]
        known = [value for value in found if value is not None]
        return float(np.mean(known)) if known else None

    return {"mean_auc": mean}


def _numbers(
    truth: Labels, predictions: Floats, _thresholds: Sequence[float]
) -> dict[str, Measure]:
    said = predictions[:, 0]
    return {
        "mean_absolute_error": lambda i: mean_absolute_error(truth[i], said[i]),
        "r2": lambda i: r2(truth[i], said[i]),
    }


def _times(truth: Labels, predictions: Floats, _thresholds: Sequence[float]) -> dict[str, Measure]:
    times, events, risks = truth[:, 0], truth[:, 1] == 1, predictions[:, 0]
    return {"c_index": lambda i: concordance(times[i], events[i], risks[i])}


_MEASURES: dict[str, Callable[[Labels, Floats, Sequence[float]], dict[str, Measure]]] = {
    "one": _choices, "ordinal": _grades, "many": _findings, "number": _numbers,
    "time_to_event": _times,
}  # fmt: skip


def evaluate_masks(
    cases: Sequence[Sequence[ClassOverlap]],
    names: Sequence[str],
    patients: Sequence[str],
    *,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Mean Dice and HD95 over cases and structures."""
    if not cases:
        return {"n": 0}

    def mean(figure: str) -> Measure:
        def measure(rows: Any) -> float | None:
            found = mean_by_class([cases[row] for row in rows], figure)
            known = [value for value in found if value is not None]
            return float(np.mean(known)) if known else None

        return measure

    figures = {"mean_dice": mean("dice"), "mean_hd95_mm": mean("hd95_mm")}
    return {"n": len(cases), "structures": list(names)} | {
        name: asdict(bootstrap(m, patients, rng)) for name, m in figures.items()
    }
