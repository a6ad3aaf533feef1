"""The figures of a classifier's test set, with 95 % intervals by bootstrap over patients."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from learning.training.metrics.classification import (
    Classes,
    Floats,
    accuracy,
    auc,
    calibration_error,
    mean_auc,
    reliability,
    sensitivity,
    specificity,
    youden_threshold,
)
from learning.training.metrics.intervals import Estimate, Measure, bootstrap

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


def evaluate(
    truth: Classes,
    probabilities: Floats,
    patients: Sequence[str],
    *,
    threshold: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """All figures of a test set as JSON: {"n", "per_class", "auc": {value, low, high}, …}."""
    if len(truth) == 0:
        return {"n": 0}
    called = probabilities[:, 1] >= threshold
    measures: dict[str, Measure] = {
        "auc": lambda i: mean_auc(truth[i], probabilities[i]),
        "accuracy": lambda i: accuracy(truth[i], probabilities[i]),
        "calibration_error": lambda i: calibration_error(truth[i], probabilities[i]),
    }
    if probabilities.shape[1] == 2:
        measures["sensitivity"] = lambda i: sensitivity(truth[i], called[i])
        measures["specificity"] = lambda i: specificity(truth[i], called[i])
    figures = {name: asdict(bootstrap(m, patients, rng)) for name, m in measures.items()}
    return {
        "n": len(truth),
        "per_class": np.bincount(truth, minlength=probabilities.shape[1]).tolist(),
        "threshold": threshold,
        "reliability": reliability(truth, probabilities),
        **figures,
    }
