"""Axis-aligned boxes in two and three dimensions.

A box is (start of every axis, then stop of every axis) in the array's own axis order: (y0, x0, y1, x1) or
(z0, y0, x0, z1, y1, x1), in voxels, half-open: the box of one voxel at the origin is (0, 0, 1, 1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


class InvalidBoxes(ValueError):
    """Boxes that cannot be learned from; names the image and the box."""


def check_boxes(
    boxes: Sequence[Boxes],
    labels: Sequence[NDArray[np.int64]],
    *,
    dimensions: int,
    class_count: int,
) -> None:
    """Raise InvalidBoxes where one box or label of (k, 2 x dimensions) and (k,) arrays is wrong."""
    if len(boxes) != len(labels):
        raise InvalidBoxes(f"boxes of {len(boxes)} images, but labels of {len(labels)}")
    for place, (found, classes) in enumerate(zip(boxes, labels, strict=True)):
        if found.ndim != 2 or found.shape[1] != 2 * dimensions:
            raise InvalidBoxes(
                f"image {place}: boxes must be (k, {2 * dimensions}), not {found.shape}"
            )
        if classes.shape != (len(found),):
            raise InvalidBoxes(f"image {place}: {len(found)} boxes, but labels {classes.shape}")
        wrong = ~np.isfinite(found).all(axis=1) | (sizes(found) <= 0).any(axis=1)
        if wrong.any():
            raise InvalidBoxes(
                f"image {place}, box {int(wrong.argmax())}: every stop must follow its start"
            )
        if len(classes) and not 0 <= classes.min() <= classes.max() < class_count:
            raise InvalidBoxes(f"image {place}: labels must lie between 0 and {class_count - 1}")


def sizes(boxes: Boxes) -> Boxes:
    """(k, dimensions) lengths."""
    half = boxes.shape[1] // 2
    return boxes[:, half:] - boxes[:, :half]


def centres(boxes: Boxes) -> Boxes:
    """(k, dimensions) middles."""
    half = boxes.shape[1] // 2
    return np.asarray((boxes[:, half:] + boxes[:, :half]) / 2, np.float32)


def iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """(n, m) intersection over union of every pair; 0 where a box has no volume."""
    half = first.shape[1] // 2
    start = np.maximum(first[:, None, :half], second[None, :, :half]).astype(np.float64)
    stop = np.minimum(first[:, None, half:], second[None, :, half:])
    shared = np.clip(stop - start, 0, None).prod(axis=2)
    volumes = sizes(first).prod(axis=1)[:, None] + sizes(second).prod(axis=1)[None] - shared
    return np.asarray(np.divide(shared, volumes, out=np.zeros_like(shared), where=volumes > 0))


def suppress(
    boxes: Boxes, scores: NDArray[np.float32], labels: NDArray[np.int64], overlap: float
) -> NDArray[np.int64]:
    """Rows that stay, best first: a box gives way to a better one of its class above the overlap."""
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while len(waiting):
        best, rest = waiting[0], waiting[1:]
        kept.append(int(best))
        overlaps = iou(boxes[best][None], boxes[rest])[0]
        waiting = rest[(overlaps <= overlap) | (labels[rest] != labels[best])]
    return np.array(kept, np.int64)
