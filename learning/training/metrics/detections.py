"""How good boxes are: average precision and FROC.

Boxes are matched image by image once and ranked once; every figure, and every draw of a bootstrap, then
only says how often each image counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.boxes import Boxes, iou

FALSE_PER_IMAGE = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # the operating points of LUNA16
Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Matches:
    """Detections of one class in many images, each a hit or not, and how many objects there were."""

    scores: Sequence[NDArray[np.float64]]  # per image
    is_hit: Sequence[NDArray[np.bool_]]  # per image
    objects: NDArray[np.int64]  # per image

    def __len__(self) -> int:
        return len(self.objects)

    @cached_property
    def ranked(self) -> "Ranked":
        scores = np.concatenate([*self.scores, np.zeros(0)])
        is_hit = np.concatenate([*self.is_hit, np.zeros(0, bool)])
        image = np.repeat(
            np.arange(len(self)), np.asarray([len(found) for found in self.scores], np.int64)
        )
        order = np.argsort(-scores, kind="stable")
        return Ranked(is_hit[order], image[order], _ends_of_ties(scores[order]))


@dataclass(frozen=True)
class Ranked:
    """The detections of all images, best first, sorted once for every draw of a bootstrap."""

    is_hit: NDArray[np.bool_]
    image: Indices  # that each lies in
    is_last: NDArray[np.bool_]  # of its score


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


@dataclass(frozen=True)
class Curve:
    """Found objects and false boxes above each distinct score, (scores, draws), highest score first.

    `objects` and `images`: (draws,), how many there are of each.
    """

    hits: Floats
    false_boxes: Floats
    objects: Floats
    images: Floats

    def average_precision(self) -> Floats:
        """(draws,) area under precision over recall, precision made monotone (VOC 2010 on)."""
        if len(self.hits) == 0:
            return np.where(self.objects > 0, 0.0, np.nan)
        precision = self.hits / np.maximum(self.hits + self.false_boxes, 1)
        envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        gained = np.diff(self.hits, prepend=0.0, axis=0)
        return divided((gained * envelope).sum(axis=0), self.objects)

    def sensitivity(self, false_per_image: float) -> Floats:
        """(draws,) share of objects above the lowest threshold with at most so many false boxes."""
        is_allowed = self.false_boxes <= false_per_image * self.images
        best = np.max(np.where(is_allowed, self.hits, 0.0), axis=0, initial=0.0)
        return divided(best, self.objects)

    def froc(self) -> Floats:
        """(draws,) mean sensitivity at FALSE_PER_IMAGE (van Ginneken et al. 2010)."""
        found: Floats = np.mean([self.sensitivity(rate) for rate in FALSE_PER_IMAGE], axis=0)
        return found


def curve(matches: Matches, weights: NDArray[Any]) -> Curve:
    """The operating points where the images count as often as (images, draws) `weights` says."""
    counts = np.asarray(weights, np.float64)
    ranked = matches.ranked
    own = counts[ranked.image]
    hits = np.cumsum(own * ranked.is_hit[:, None], axis=0)[ranked.is_last]
    false_boxes = np.cumsum(own * ~ranked.is_hit[:, None], axis=0)[ranked.is_last]
    return Curve(hits, false_boxes, matches.objects @ counts, counts.sum(axis=0))


def average_precision(matches: Matches, images: Indices | None = None) -> float | None:
    """`Curve.average_precision` of the images, which may repeat; None without objects."""
    return of_one_draw(curve(matches, times(matches, images)).average_precision())


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
    return of_one_draw(curve(matches, times(matches, images)).sensitivity(false_per_image))


def froc(matches: Matches, images: Indices | None = None) -> float | None:
    """`Curve.froc` of the images, which may repeat; None without objects."""
    return of_one_draw(curve(matches, times(matches, images)).froc())


def times(matches: Matches, images: Indices | None) -> NDArray[np.int64]:
    """(images, 1) how often each image counts: once without a choice."""
    if images is None:
        return np.ones((len(matches), 1), np.int64)
    return np.bincount(images, minlength=len(matches))[:, None]


def divided(above: Floats, below: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    found = np.full(below.shape, np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


def of_one_draw(found: Floats) -> float | None:
    """Of figures of a single draw; None where it is no number."""
    return float(found[0]) if np.isfinite(found[0]) else None


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


def _ends_of_ties(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A threshold cannot part equal scores: only the last of each tie is an operating point."""
    return np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
