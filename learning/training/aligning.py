"""Brings the channels that a network sees together into one place of the patient."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from learning.training.inputs import Channel, InputSpec
from learning.training.preparation import UnusableInput, Volume

LEAST_OVERLAP = 0.1  # of the first channel's image; less is another part of the body
CLOSE = 1e-3  # voxels: grids that differ by less are one


def aligned(volumes: Mapping[str, Volume], spec: InputSpec) -> dict[str, Volume]:
    """The same volumes, each later channel of a branch on the grid of the branch's first one.

    A branch of its own keeps its grid: the network compares its features with the others', not its
    voxels. Masks and boxes lie on all channels alike. What has no known place stays as it is. Raises
    UnusableInput where frames of reference differ or the images do not overlap.
    """
    found = dict(volumes)
    firsts: dict[int, Channel] = {}
    for channel in spec.channels:
        first = firsts.setdefault(0 if spec.keeps_size else channel.branch, channel)
        if first is channel or not {first.name, channel.name} <= set(found):
            continue
        found[channel.name] = _onto(found[first.name], found[channel.name], first, channel)
    return found


def _onto(first: Volume, other: Volume, first_channel: Channel, channel: Channel) -> Volume:
    if first.affine_lps is None or other.affine_lps is None or not other.values.size:
        return other
    if first.frame_of_reference and other.frame_of_reference not in ("", first.frame_of_reference):
        raise UnusableInput(
            f"{channel.name}: lies in another frame of reference than {first_channel.name}"
        )
    shape = np.shape(first.values)
    whole = (1, *shape) if len(shape) == 2 else shape
    values = other.values if other.values.ndim == 3 else other.values[None]
    matrix = _voxels_to_voxels(first.affine_lps, other.affine_lps)
    is_shown = _is_in(matrix, whole, values.shape)
    share = float(is_shown.mean())
    if share < LEAST_OVERLAP:
        raise UnusableInput(
            f"{channel.name}: shows {share:.0%} of what {first_channel.name} shows of the patient"
        )
    moved = _resampled(values, matrix, is_shown)
    return replace(first, values=moved.reshape(shape))


def _voxels_to_voxels(first: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[Any]:
    """(4, 4) from (slice, row, column) of one image to those of the other."""
    # Affines count columns first, arrays slices.
    turned = (np.linalg.inv(other) @ first)[:3]
    matrix = np.eye(4)
    matrix[:3, :3] = turned[::-1, 2::-1]
    matrix[:3, 3] = turned[::-1, 3]
    return matrix


def _resampled(
    values: NDArray[Any], matrix: NDArray[Any], is_shown: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Linear, on the first image's grid; what the other does not show is as dark as it gets."""
    floats, shape = np.asarray(values, np.float32), is_shown.shape
    if floats.shape == shape and np.allclose(matrix, np.eye(4), atol=CLOSE):
        return floats
    # Smoothed before its voxels are left out, so that fine structures do not alias.
    steps = np.linalg.norm(matrix[:3, :3], axis=1)
    sigma = [max(step - 1, 0.0) / 2 for step in steps]
    smooth = ndimage.gaussian_filter(floats, sigma) if any(sigma) else floats
    inside = ndimage.affine_transform(
        smooth, matrix[:3, :3], matrix[:3, 3], shape, order=1, mode="nearest"
    )
    return np.asarray(np.where(is_shown, inside, floats.min()), np.float32)


def _is_in(
    matrix: NDArray[Any], shape: tuple[int, ...], other: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which voxels of the first image have their centre in one of the other's."""
    found = np.ones(shape, bool)
    for axis, side in enumerate(other):
        place = matrix[axis, 3] + sum(
            (np.arange(length) * matrix[axis, number]).reshape(
                [length if number == k else 1 for k in range(3)]
            )
            for number, length in enumerate(shape)
        )
        found &= (place >= -0.5 - CLOSE) & (place <= side - 0.5 + CLOSE)
    return found
