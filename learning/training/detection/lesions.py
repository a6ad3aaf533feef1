"""Boxes of lesions in volumes: linked from boxes on frames, laid into the network's grid and back.

Frames are counted from 0 in slice order. In voxels of the series frame z reaches from z to z + 1, as a
pixel does, so a box on one frame alone is as thick as the slices lie apart.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.training.boxes import Boxes, sizes
from learning.training.placing import Edges

LONGEST_GAP = 1  # frames without a box inside a lesion: one is easily passed over
LEAST_SHARED = 0.5  # of the smaller box: towards its ends a lesion shrinks inside its own outline
Indices = NDArray[np.int64]


def link(frames: Indices, boxes: Boxes, labels: Indices) -> tuple[Boxes, Indices]:
    """(n, 6) boxes in voxels of the series and their labels, from (k, 4) boxes on the frames (k,).

    From the first frame to the last a box goes on with the lesion of its label whose last box lies on
    one of the LONGEST_GAP + 1 frames before and shares LEAST_SHARED of the smaller one's area: the
    nearest frame first, then the largest share, each box and each lesion once per frame. Whatever is
    left begins a lesion. Its box is the smallest that holds all of them.
    """
    lesions = [
        lesion
        for label in np.unique(labels)
        for lesion in _lesions(np.flatnonzero(labels == label), frames, boxes)
    ]
    around = [
        [frames[rows[0]], *boxes[rows, :2].min(axis=0), frames[rows[-1]] + 1,
         *boxes[rows, 2:].max(axis=0)]
        for rows in lesions
    ]  # fmt: skip
    found = np.asarray(around, np.float32).reshape(-1, 6)
    return found, np.asarray([labels[rows[0]] for rows in lesions], np.int64)


def shared(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """(n, m) area that every pair has in common, as a share of the smaller box."""
    half = first.shape[1] // 2
    start = np.maximum(first[:, None, :half], second[None, :, :half]).astype(np.float64)
    stop = np.minimum(first[:, None, half:], second[None, :, half:])
    common = np.clip(stop - start, 0, None).prod(axis=2)
    areas = [sizes(boxes).astype(np.float64).prod(axis=1) for boxes in (first, second)]
    return np.asarray(common / np.minimum(areas[0][:, None], areas[1][None]))


def to_network(boxes: Boxes, edges: Edges, shape: Sequence[int]) -> Boxes:
    """Boxes of the series in voxels of an input of this shape, whose axes lie between these edges."""
    start, zoom = _scale(edges, shape)
    return np.asarray((boxes - start) * zoom, np.float32)


def to_series(boxes: Boxes, edges: Edges, shape: Sequence[int]) -> Boxes:
    """The way back; not clipped to the series."""
    start, zoom = _scale(edges, shape)
    return np.asarray(boxes / zoom + start, np.float32)


def share_inside(boxes: Boxes, shape: Sequence[int]) -> NDArray[np.float64]:
    """(k,) how much of each box lies inside an image of this shape."""
    limits = np.asarray([*shape, *shape], np.float32)
    inside = sizes(np.clip(boxes, 0, limits)).astype(np.float64).prod(axis=1)
    return np.asarray(inside / sizes(boxes).astype(np.float64).prod(axis=1))


def frames_crossed(start: float, stop: float, count: int) -> range:
    """The frames, of so many, whose middles lie between two places in voxels; at least the nearest one."""
    first, end = (int(np.clip(np.ceil(place - 0.5), 0, count)) for place in (start, stop))
    if first < end:
        return range(first, end)
    nearest = int(np.clip(np.floor((start + stop) / 2), 0, count - 1))
    return range(nearest, nearest + 1)


def _lesions(rows: Indices, frames: Indices, boxes: Boxes) -> list[list[int]]:
    """Rows of one label by lesion, each in the order of the frames."""
    found: list[list[int]] = []
    for frame in np.unique(frames[rows]):
        here = rows[frames[rows] == frame]
        continued = _continued(found, here, frames, boxes)
        for row in here.tolist():
            if row in continued:
                found[continued[row]].append(row)
            else:
                found.append([row])
    return found


def _continued(
    lesions: list[list[int]], here: Indices, frames: Indices, boxes: Boxes
) -> dict[int, int]:
    """Which boxes of one frame go on with which lesion, by its place in the list."""
    gaps = {n: int(frames[here[0]] - frames[lesion[-1]]) for n, lesion in enumerate(lesions)}
    near = [n for n, gap in gaps.items() if gap <= LONGEST_GAP + 1]
    shares = shared(boxes[[lesions[n][-1] for n in near]], boxes[here])
    pairs = sorted(
        (gaps[n], -shares[i, j], n, int(row))
        for i, n in enumerate(near)
        for j, row in enumerate(here)
        if shares[i, j] >= LEAST_SHARED
    )
    found: dict[int, int] = {}
    for _, _, n, row in pairs:
        if row not in found and n not in found.values():
            found[row] = n
    return found


def _scale(edges: Edges, shape: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each axis starts and how much longer it is in the network, for starts and stops."""
    start, stop = np.asarray(edges, np.float64).T
    zoom = np.asarray(shape, np.float64) / (stop - start)
    return np.tile(start, 2), np.tile(zoom, 2)
