"""From a map in the network's grid to slices over the frames of the series that it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from learning.training.explain import Map

LARGEST_SIDE = 256  # of a slice; what is finer than this no map says, and a browser keeps it all
Edges = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Placed:
    """One slice per frame from the frame `first`, and the rectangle that each covers.

    `values` (n, y, x) from 0 to 255. `box` is left, top, right, bottom in image coordinates, in which
    (0, 0) is the centre of the first pixel; it may reach beyond the image where the input was padded.
    """

    values: NDArray[np.uint8]
    first: int
    box: tuple[float, float, float, float]


def place(found: Map, edges: Edges, frame_count: int) -> Placed:
    """Lay a (y, x) map over one frame, or a (z, y, x) map over the frames of a stack.

    `edges` as of preparation.Prepared: where each axis begins and ends, in voxels of the series.
    """
    volume = found if found.ndim == 3 else found[None]
    depth = edges[0] if found.ndim == 3 else (0.0, 1.0)
    (top, bottom), (left, right) = edges[-2:]
    first, slices = _along_frames(volume, depth, frame_count)
    values = np.rint(np.clip(_small(slices), 0, 1) * 255).astype(np.uint8)
    return Placed(values, first, (left - 0.5, top - 0.5, right - 0.5, bottom - 0.5))


def _along_frames(volume: Map, depth: tuple[float, float], frame_count: int) -> tuple[int, Map]:
    """The map at the centre of every frame that it covers, linear between its own slices."""
    start, end = depth
    centres = np.arange(frame_count) + 0.5
    frames = np.flatnonzero((centres > start) & (centres < end))
    if not len(frames):  # thinner than a frame: the one it lies in
        frames = np.asarray([int(np.clip((start + end) / 2, 0, frame_count - 1))])
    own = (centres[frames] - start) / (end - start) * len(volume) - 0.5
    own = np.clip(own, 0, len(volume) - 1)
    below = np.floor(own).astype(np.int64)
    above = np.minimum(below + 1, len(volume) - 1)
    share = (own - below)[:, None, None]
    slices = volume[below] * (1 - share) + volume[above] * share
    return int(frames[0]), np.asarray(slices, np.float32)


def _small(slices: Map) -> Map:
    zoom = [min(1.0, LARGEST_SIDE / side) for side in slices.shape[1:]]
    if zoom == [1.0, 1.0]:
        return slices
    smooth = ndimage.gaussian_filter(slices, [0, *(max(1 / z - 1, 0) / 2 for z in zoom)])
    return np.asarray(ndimage.zoom(smooth, [1, *zoom], order=1, grid_mode=True, mode="nearest"))
