"""How good boxes are: average precision and FROC.

Boxes are matched image by image once; every figure, and every draw of a bootstrap, then counts rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.training.boxes import Boxes, iou

FALSE_PER_IMAGE = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # the operating points of LUNA16
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """Detections of one class in many images, each a hit or not, and how many objects there were."""

    scores: Sequence[NDArray[np.float64]]  # per image
    is_hit: Sequence[NDArray[np.bool_]]  # per image
    objects: NDArray[np.int64]  # per image

    def __len__(self) -> int:
        return len(self.objects)


def match(
    truth: Sequence[tuple[Boxes, NDArray[np.int64]]],
    found: Sequence[tuple[Boxes, NDArray[np.float32], NDArray[np.int64]]],
    *,
    label: int,
    overlap: float,
) -> Matches:
    """Give each detection, best first, the unclaimed object it overlaps most, at `overlap` or more.

    `truth` holds (boxes, labels) and `found` (boxes, scores, labels) per image (Everingham et al. 2010).
    """
    if len(truth) != len(found):
        raise ValueError(f"truth of {len(truth)} images, detections of {len(found)}")
    scores, hits, objects = [], [], []
    for (boxes, labels), (guesses, points, classes) in zip(truth, found, strict=True):
        wanted, mine = boxes[labels == label], classes == label
        order = np.argsort(-points[mine], kind="stable")
        scores.append(points[mine][order].astype(np.float64))
        hits.append(_claim(wanted, guesses[mine][order], overlap))
        objects.append(len(wanted))
    return Matches(scores, hits, np.array(objects, np.int64))


def average_precision(matches: Matches, images: Indices | None = None) -> float | None:
    """Area under precision over recall, precision made monotone (VOC 2010 on); None without objects."""
    scores, hits, objects = _gather(matches, images)
    if objects == 0:
        return None
    if len(scores) == 0:
        return 0.0
    is_last = _ends_of_ties(scores)
    recall = np.cumsum(hits)[is_last] / objects
    precision = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[is_last]
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def mean_average_precision(
    per_class: Sequence[Matches], images: Indices | None = None
) -> float | None:
    """The mean over the classes that occur."""
    known = [v for m in per_class if (v := average_precision(m, images)) is not None]
    return float(np.mean(known)) if known else None


def sensitivity_at(
    matches: Matches, false_per_image: float, images: Indices | None = None
) -> float | None:
    """Share of objects found by the lowest threshold with at most so many false boxes per image."""
    scores, hits, objects = _gather(matches, images)
    count = len(matches) if images is None else len(images)
    if objects == 0:
        return None
    is_last = _ends_of_ties(scores)
    allowed = np.cumsum(~hits)[is_last] <= false_per_image * count
    return float(np.max(np.cumsum(hits)[is_last][allowed], initial=0) / objects)


def froc(matches: Matches, images: Indices | None = None) -> float | None:
    """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false boxes per image (van Ginneken et al. 2010)."""
    found = [sensitivity_at(matches, rate, images) for rate in FALSE_PER_IMAGE]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _claim(wanted: Boxes, guesses: Boxes, overlap: float) -> NDArray[np.bool_]:
    is_hit = np.zeros(len(guesses), bool)
    if len(wanted) == 0:
        return is_hit
    overlaps = iou(guesses, wanted)
    for row in range(len(guesses)):
        best = int(overlaps[row].argmax())
        if overlaps[row, best] >= overlap:
            is_hit[row] = True
            overlaps[:, best] = -1.0
    return is_hit


def _gather(
    matches: Matches, images: Indices | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """All detections of the images, best first, and the number of objects."""
    rows = range(len(matches)) if images is None else images
    scores = np.concatenate([matches.scores[i] for i in rows] or [np.zeros(0)])
    hits = np.concatenate([matches.is_hit[i] for i in rows] or [np.zeros(0, bool)])
    order = np.argsort(-scores, kind="stable")
    return scores[order], hits[order], int(sum(matches.objects[i] for i in rows))


def _ends_of_ties(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A threshold cannot part equal scores: only the last of each tie is an operating point."""
    return np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
