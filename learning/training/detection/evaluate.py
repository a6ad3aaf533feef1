"""What a detector found in its test set, and the score from which a box is shown."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.training.boxes import Boxes
from learning.training.detection.decode import Detections
from learning.training.metrics.box_figures import packed
from learning.training.metrics.detections import Matches, match
from learning.training.metrics.figures import Examined

USUAL_SCORE = 0.3  # where validation cannot choose
Truth = Sequence[tuple[Boxes, NDArray[np.int64]]]


def examined_boxes(
    truth: Truth,
    found: Sequence[Detections],
    classes: Sequence[str],
    patients: Sequence[str],
    *,
    overlaps: Sequence[float],
) -> Examined:
    """What every figure of the test set follows from: the objects, and the hits at each overlap.

    A box counts as the object from an overlap on: from the first one in FROC and in the figure that
    decides (average precision; AP50 at an overlap of 0.5).
    """
    matches = [_matches(truth, found, len(classes), overlap) for overlap in overlaps]
    return Examined(
        kind="boxes", truth=np.stack([one.objects for one in matches[0]], axis=1),
        predictions=packed(matches), patients=patients, classes=tuple(classes),
        overlaps=tuple(overlaps),
    )  # fmt: skip


def thresholds_of_boxes(
    truth: Truth, found: Sequence[Detections], class_count: int, *, overlap: float
) -> tuple[float, ...]:
    """Of each class the score with the best F1 on validation, midway to the next detection below.

    On the last hit itself it would miss the next object that is found with a little less certainty.
    """
    return tuple(_best_f1(one) for one in _matches(truth, found, class_count, overlap))


def _matches(
    truth: Truth, found: Sequence[Detections], class_count: int, overlap: float
) -> list[Matches]:
    guesses = [(d.boxes, d.scores, d.labels) for d in found]
    return [match(truth, guesses, label=c, overlap=overlap) for c in range(class_count)]


def _best_f1(matches: Matches) -> float:
    ranked, objects = matches.ranked, int(matches.objects.sum())
    if not objects or not ranked.is_hit.any():
        return USUAL_SCORE
    f1 = 2 * np.cumsum(ranked.is_hit) / (objects + np.arange(1, len(ranked.is_hit) + 1))
    best = int(np.where(ranked.is_last, f1, 0).argmax())  # what scores alike is shown together
    scores = np.sort(np.concatenate([np.zeros(1), *matches.scores]))[::-1]  # 0 below all
    return float(scores[best : best + 2].mean())
