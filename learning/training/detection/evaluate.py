"""The figures of a detector's test set, and the score from which a box is shown."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.boxes import Boxes
from learning.training.detection.decode import Detections
from learning.training.metrics.detections import (
    Matches,
    average_precision,
    froc,
    match,
    mean_average_precision,
)
from learning.training.metrics.intervals import bootstrap

USUAL_SCORE = 0.3  # where validation cannot choose
Truth = Sequence[tuple[Boxes, NDArray[np.int64]]]


def evaluate_boxes(
    truth: Truth,
    found: Sequence[Detections],
    classes: Sequence[str],
    patients: Sequence[str],
    *,
    overlaps: Sequence[float],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Average precision (AP50 at an overlap of 0.5) and FROC over the classes with 95 % intervals.

    A box counts as the object from an overlap on: from the first one in FROC and in the figure that
    decides, which is told by class too.
    """
    if not truth:
        return {"n": 0}
    matches, *others = [_matches(truth, found, len(classes), overlap) for overlap in overlaps]
    decides, *names = [f"ap{round(100 * overlap)}" for overlap in overlaps]

    def mean_froc(rows: NDArray[np.int64]) -> float | None:
        known = [value for one in matches if (value := froc(one, rows)) is not None]
        return float(np.mean(known)) if known else None

    return {
        "n": len(truth),
        "patients": len(set(patients)),
        "metric": {"name": decides, "higher_is_better": True},
        "objects": {n: int(m.objects.sum()) for n, m in zip(classes, matches, strict=True)},
        f"{decides}_of": {n: average_precision(m) for n, m in zip(classes, matches, strict=True)},
        decides: asdict(bootstrap(partial(mean_average_precision, matches), patients, rng)),
        "froc": asdict(bootstrap(mean_froc, patients, rng)),
        **{
            name: asdict(bootstrap(partial(mean_average_precision, other), patients, rng))
            for name, other in zip(names, others, strict=True)
        },
    }


def thresholds_of_boxes(
    truth: Truth, found: Sequence[Detections], class_count: int, *, overlap: float
) -> tuple[float, ...]:
    """Of each class the score with the best F1 on validation."""
    return tuple(_best_f1(one) for one in _matches(truth, found, class_count, overlap))


def _matches(
    truth: Truth, found: Sequence[Detections], class_count: int, overlap: float
) -> list[Matches]:
    guesses = [(d.boxes, d.scores, d.labels) for d in found]
    return [match(truth, guesses, label=c, overlap=overlap) for c in range(class_count)]


def _best_f1(matches: Matches) -> float:
    scores = np.concatenate([*matches.scores, np.zeros(0)])
    hits = np.concatenate([*matches.is_hit, np.zeros(0, bool)])
    objects = int(matches.objects.sum())
    if not objects or not hits.any():
        return USUAL_SCORE
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * np.cumsum(hits[order]) / (objects + np.arange(1, len(order) + 1))
    return float(scores[order][int(f1.argmax())])
