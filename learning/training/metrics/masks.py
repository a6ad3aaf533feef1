"""How good label maps are: overlap and surface distance of each class.

A class that neither map holds cannot be judged: None. A class that only one of them holds has Dice 0, and
its surface distance is None with the case counted by `missed`: an infinite or invented distance would
decide the mean (Maier-Hein et al. 2024, Metrics reloaded).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LabelMap = NDArray[np.integer]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassOverlap:
    """One class in one case."""

    dice: float | None
    hd95_mm: float | None
    is_missed: bool  # held by one map and not by the other
    is_drawn: bool  # held by the truth


def compare_maps(
    truth: LabelMap, answer: LabelMap, *, class_count: int, spacing_mm: Sequence[float]
) -> list[ClassOverlap]:
    """Dice and HD95 of classes 1 to class_count - 1 (0 is background) of one case, 2D or 3D.

    `spacing_mm` in the array's axis order, NaN where it is unknown. Raises ValueError where shapes or
    classes do not fit.
    """
    if truth.shape != answer.shape:
        raise ValueError(f"truth {truth.shape} does not fit answer {answer.shape}")
    if len(spacing_mm) != truth.ndim or any(side <= 0 for side in spacing_mm):
        raise ValueError(f"spacing_mm {tuple(spacing_mm)} does not fit {truth.ndim} axes")
    for name, map_ in (("truth", truth), ("answer", answer)):
        if map_.size and not 0 <= map_.min() <= map_.max() < class_count:
            raise ValueError(f"{name} must hold classes 0 to {class_count - 1}")
    return [_compare_class(truth == c, answer == c, spacing_mm) for c in range(1, class_count)]


def dice(truth: Mask, answer: Mask) -> float | None:
    """Twice the shared volume over both volumes; None where both are empty."""
    total = int(truth.sum()) + int(answer.sum())
    return float(2 * (truth & answer).sum() / total) if total else None


def hd95_mm(truth: Mask, answer: Mask, spacing_mm: Sequence[float]) -> float | None:
    """The greater of the two 95th percentiles of surface distance; None where one mask is empty, or a
    spacing is not known.

    The surface are the voxels of a mask with a neighbour (across a face) outside it, as in MONAI.
    """
    if not truth.any() or not answer.any() or np.isnan(spacing_mm).any():
        return None
    box = _around(truth | answer)
    edges = [_surface(mask[box]) for mask in (truth, answer)]
    away = [ndimage.distance_transform_edt(~edge, sampling=tuple(spacing_mm)) for edge in edges]
    return float(max(np.percentile(away[1][edges[0]], 95), np.percentile(away[0][edges[1]], 95)))


def mean_by_class(cases: Sequence[Sequence[ClassOverlap]], figure: str) -> list[float | None]:
    """Mean of `dice` or `hd95_mm` of each class over the cases that have one."""
    means: list[float | None] = []
    for overlaps in zip(*cases, strict=True):
        known = [v for overlap in overlaps if (v := getattr(overlap, figure)) is not None]
        means.append(float(np.mean(known)) if known else None)
    return means


def missed(cases: Sequence[Sequence[ClassOverlap]]) -> list[int]:
    """How many cases miss or invent each class: read it beside the mean distance, which leaves them out."""
    return [sum(overlap.is_missed for overlap in overlaps) for overlaps in zip(*cases, strict=True)]


def _compare_class(truth: Mask, answer: Mask, spacing_mm: Sequence[float]) -> ClassOverlap:
    is_drawn = bool(truth.any())
    is_missed = is_drawn != bool(answer.any())
    return ClassOverlap(
        dice(truth, answer), hd95_mm(truth, answer, spacing_mm), is_missed, is_drawn
    )


def _surface(mask: Mask) -> Mask:
    return np.asarray(mask & ~ndimage.binary_erosion(mask))


def _around(mask: Mask) -> tuple[slice, ...]:
    """The smallest box that holds the mask, one voxel wider where there is room."""
    slices = ndimage.find_objects(mask.astype(np.uint8))[0]
    return tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in slices)
