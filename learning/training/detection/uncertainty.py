"""How much an image would teach the detector, for ranking (Yang et al. 2024, PPAL)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.training.boxes import Boxes, iou
from learning.training.detection.decode import Detections

Floats = NDArray[np.float64]
LIKELY = (0.05, 0.95)  # below is noise, above is settled
SMALLEST = 1e-12
PRIOR = 5.0  # objects of average difficulty that every class is counted with


def instance_entropies(detections: Detections) -> Floats:
    """(k,) summed binary entropies of each detection's independent class probabilities, in nats."""
    p = np.clip(detections.probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.asarray(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1))


def image_uncertainty(detections: Detections, class_difficulty: Floats) -> float:
    """Difficulty-weighted mean entropy of the detections in doubt; 0 where there are none.

    The mean and not the sum: a sum would rank images by how many objects they hold. PPAL sums.
    """
    is_open = (detections.scores >= LIKELY[0]) & (detections.scores <= LIKELY[1])
    if not is_open.any():
        return 0.0
    weights = class_difficulty[detections.labels[is_open]]
    return float((weights * instance_entropies(detections)[is_open]).mean())


def class_difficulty(
    truth: Sequence[tuple[Boxes, NDArray[np.int64]]], found: Sequence[Detections], class_count: int
) -> Floats:
    """(classes,) weight of each class, 1 on average, from labeled images and what was found in them.

    An object's difficulty is 1 - score x IoU of its best detection of its class, 1 where it was missed. A
    class with few objects stays near the average.
    """
    pairs = [_difficulties(*objects, d) for objects, d in zip(truth, found, strict=True)]
    labels = np.concatenate([labels for labels, _ in pairs] or [np.zeros(0, np.int64)])
    values = np.concatenate([values for _, values in pairs] or [np.zeros(0)])
    average = float(values.mean()) if len(values) else 1.0
    sums = np.bincount(labels, values, minlength=class_count) + PRIOR * average
    smoothed = sums / (np.bincount(labels, minlength=class_count) + PRIOR)
    return np.asarray(smoothed / max(float(smoothed.mean()), SMALLEST))


def _difficulties(
    boxes: Boxes, labels: NDArray[np.int64], found: Detections
) -> tuple[NDArray[np.int64], Floats]:
    quality = iou(boxes, found.boxes) * found.scores[None]
    quality[labels[:, None] != found.labels[None]] = 0.0
    return labels, 1 - quality.max(axis=1, initial=0.0)
