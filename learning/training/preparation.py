"""From float arrays with their spacing to one network input; what cannot be used says why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from learning.training.inputs import Channel, InputSpec

Floats = NDArray[np.float32]
FEWEST_SLICES = 4  # of a 3D or 2.5D input; fewer are no volume
LARGEST_GROWTH = 1 << 30  # voxels after resampling; more would be a wrong spacing
AT_ONCE = 1 << 20  # voxels that are normalised in one go: a whole series would need its size again


class UnusableInput(ValueError):
    """A case cannot be given to the network; the reason is shown to people."""


@dataclass(frozen=True)
class Volume:
    """(y, x) or (z, y, x) values and the spacing of each axis in mm, NaN where it is unknown.

    `affine_lps` is (4, 4) from (column, row, slice) to mm in the patient, None where that is unknown.
    """

    values: NDArray[Any]
    spacing_mm: tuple[float, ...]
    affine_lps: NDArray[np.float64] | None = None
    frame_of_reference: str = ""  # DICOM UID; empty where unknown


@dataclass(frozen=True)
class Prepared:
    """A network input, and between which edges of the first channel's own image each axis lies.

    Edges count in voxels of that image from 0, the outer edge of its first voxel; beyond the image
    the input was padded.
    """

    image: NDArray[np.float16]
    edges: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Scale:
    """Brings values to a mean about 0 and order 1, whatever the scanner's units."""

    low: float  # what lies outside of these two is cut off
    high: float
    centre: float
    width: float

    def of(self, values: Floats) -> Floats:
        return np.asarray((np.clip(values, self.low, self.high) - self.centre) / self.width)


def prepare(volumes: Mapping[str, Volume], spec: InputSpec) -> NDArray[np.float16]:
    """(channels, *size) normalised values of one case, one channel per name of the spec.

    The channels of a branch are brought to its first one's grid (`learning.training.aligning`), those of
    unknown place and other branches to the same size. With `keeps_size` the size is that of
    the resampled image. Raises UnusableInput with the reason.
    """
    return prepare_placed(volumes, spec).image


def prepare_placed(volumes: Mapping[str, Volume], spec: InputSpec) -> Prepared:
    """The same with the place of the input in the image that it was made from."""
    found = [_channel(volumes, channel, spec) for channel in spec.channels]
    first = found[0].shape
    own = np.shape(volumes[spec.channels[0].name].values)
    edges = [(0.0, float(side)) for side in own]
    if spec.keeps_size:
        found = [_fitted(image, first, "resize") for image in found]
    else:
        centres = _centres(found, spec)
        if spec.crop != "resize":
            edges = _cut_edges(own, first, spec.size, centres[0])
        found = [
            _fitted(image, spec.size, spec.crop, centre)
            for image, centre in zip(found, centres, strict=True)
        ]
    scales = [_scale(image, channel) for image, channel in zip(found, spec.channels, strict=True)]
    normalised = np.empty((len(found), *found[0].shape), np.float16)
    for image, scale, target in zip(found, scales, normalised, strict=True):
        for part in _parts(image):
            target[part] = scale.of(image[part])
    return Prepared(normalised, tuple(edges))


def prepare_mask(
    mask: NDArray[np.int16], spacing_mm: Sequence[float], spec: InputSpec
) -> NDArray[np.int16]:
    """A segmentation's mask in the grid of `prepare` with `keeps_size`, nearest neighbour."""
    if not spec.spacing_mm:
        return mask
    zoom = _zoom(mask.shape, spacing_mm, spec)
    if _is_unscaled(zoom):
        return mask
    return np.asarray(ndimage.zoom(mask, zoom, order=0, grid_mode=True, mode="nearest"))


def restore_mask(mask: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """A mask in the grid of `prepare` with `keeps_size`, back in the image's own grid."""
    places = [places_in(have, want) for have, want in zip(mask.shape, shape, strict=True)]
    return np.asarray(mask[np.ix_(*places)])


def places_in(have: int, want: int) -> NDArray[np.int64]:
    """(want,) where the middle of each of `want` equal parts of a side lies among `have` parts of it."""
    return np.minimum((np.arange(want) + 0.5) * have / want, have - 1).astype(np.int64)


def _channel(volumes: Mapping[str, Volume], channel: Channel, spec: InputSpec) -> Floats:
    if channel.name not in volumes:
        raise UnusableInput(f"{channel.name}: no series fits")
    volume = volumes[channel.name]
    with np.errstate(over="ignore"):  # what float32 cannot hold is found below
        values = np.asarray(volume.values, np.float32)
    _require_usable(values, volume.spacing_mm, channel.name, spec)
    if not spec.spacing_mm:
        return values
    zoom = _zoom(values.shape, volume.spacing_mm, spec)
    if _is_unscaled(zoom):
        return values
    return _zoomed(values, zoom)


def _is_unscaled(zoom: Sequence[float]) -> bool:
    """A spacing that was rounded is the same one; of an image and its mask alike."""
    return bool(np.allclose(zoom, 1, atol=1e-3))


def _zoomed(image: Floats, zoom: Sequence[float]) -> Floats:
    """Smoothed before it shrinks, so that fine structures do not alias."""
    sigma = [max(1 / z - 1, 0) / 2 for z in zoom]
    smooth = ndimage.gaussian_filter(image, sigma) if any(sigma) else image
    return np.asarray(ndimage.zoom(smooth, zoom, order=1, grid_mode=True, mode="nearest"))


def _require_usable(
    values: NDArray[Any], spacing_mm: Sequence[float], name: str, spec: InputSpec
) -> None:
    if values.size == 0:
        raise UnusableInput(f"{name}: the image is empty")
    if values.ndim != spec.spatial:
        raise UnusableInput(f"{name}: {values.ndim} axes where {spec.spatial} are needed")
    if spec.spacing_mm and np.isnan(spacing_mm).any():
        raise UnusableInput(f"{name}: how large its pixels are is not known")
    if len(spacing_mm) != values.ndim or not all(
        np.isnan(s) or 0.001 <= s <= 1000 for s in spacing_mm
    ):
        raise UnusableInput(f"{name}: the spacing {tuple(spacing_mm)} mm cannot be right")
    if not np.isfinite(values).all():
        raise UnusableInput(f"{name}: the image holds values that are not numbers")
    if values.min() == values.max():
        raise UnusableInput(f"{name}: every pixel has the same value")
    if spec.spatial == 3 and values.shape[0] < FEWEST_SLICES:
        raise UnusableInput(
            f"{name}: {values.shape[0]} slices are too few, {FEWEST_SLICES} are needed"
        )


def _zoom(shape: Sequence[int], spacing_mm: Sequence[float], spec: InputSpec) -> list[float]:
    zoom = [have / want for have, want in zip(spacing_mm, spec.spacing_mm, strict=True)]
    sides = [max(round(side * z), 1) for side, z in zip(shape, zoom, strict=True)]
    if np.prod([float(s) for s in sides]) > LARGEST_GROWTH:
        raise UnusableInput(f"resampling would make {sides} voxels; the spacing cannot be right")
    return [side / old for side, old in zip(sides, shape, strict=True)]


def _fitted(
    image: Floats, size: Sequence[int], crop: str, centre: Sequence[int] | None = None
) -> Floats:
    """The image in exactly this size."""
    if tuple(image.shape) == tuple(size):
        return image
    if crop == "resize":
        return _zoomed(image, [w / have for w, have in zip(size, image.shape, strict=True)])
    middle = centre or [side // 2 for side in image.shape]
    window, around = [], []
    for have, want, at in zip(image.shape, size, middle, strict=True):
        start = _cut_start(have, want, at)
        missing = max(want - have, 0)
        window.append(slice(start, start + want))
        around.append((missing // 2, missing - missing // 2))
    return np.pad(image[tuple(window)], around, constant_values=image.min())


def _cut_start(have: int, want: int, at: int) -> int:
    return int(np.clip(at - want // 2, 0, max(have - want, 0)))


def _cut_edges(
    own: Sequence[int],
    resampled: Sequence[int],
    size: Sequence[int],
    centre: Sequence[int] | None,
) -> list[tuple[float, float]]:
    """Where `_fitted` cuts or pads, in voxels of the image before it was resampled."""
    middle = centre or [side // 2 for side in resampled]
    edges = []
    for before, have, want, at in zip(own, resampled, size, middle, strict=True):
        start = _cut_start(have, want, at) - max(want - have, 0) // 2
        edges.append((start * before / have, (start + want) * before / have))
    return edges


def _centres(images: Sequence[Floats], spec: InputSpec) -> list[Sequence[int] | None]:
    """Around which voxel each channel is cut: the same within a branch; None: the middle."""
    if spec.crop != "foreground":
        return [None] * len(images)
    of_branch: dict[int, tuple[tuple[int, ...], Sequence[int]]] = {}
    for image, channel in zip(images, spec.channels, strict=True):
        of_branch.setdefault(channel.branch, (image.shape, _foreground_centre(image)))
    found: list[Sequence[int] | None] = []
    for image, channel in zip(images, spec.channels, strict=True):
        shape, centre = of_branch[channel.branch]
        found.append(centre if image.shape == shape else _foreground_centre(image))
    return found


def _foreground_centre(image: Floats) -> list[int]:
    """The middle of what is brighter than halfway between the darkest and the mean."""
    is_bright = image > (image.min() + image.mean()) / 2
    axes = range(image.ndim)
    along = [is_bright.any(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    places = [np.flatnonzero(one) for one in along]
    return [int((one[0] + one[-1]) // 2) for one in places]


def _scale(image: Floats, channel: Channel) -> _Scale:
    """Raises UnusableInput where every value comes out the same."""
    if channel.normalisation == "window":
        low, high = channel.low, channel.high
        return _Scale(low, high, (low + high) / 2, (high - low) / 2)
    if channel.normalisation == "percentile":
        low, high = map(float, np.percentile(image, [channel.low, channel.high]))
    else:
        low, high = float(image.min()), float(image.max())
    if low == high:
        raise UnusableInput(f"{channel.name}: nothing is left inside the crop and the percentiles")
    return _Scale(low, high, *_moments(image, low, high))


def _moments(image: Floats, low: float, high: float) -> tuple[float, float]:
    """Mean and standard deviation of the values between the bounds, summed in 64 bits."""
    total = squares = 0.0
    for part in _parts(image):
        total += float(np.clip(image[part], low, high).sum(dtype=np.float64))
    mean = total / image.size
    for part in _parts(image):
        squares += float(np.square(np.clip(image[part], low, high) - mean, dtype=np.float64).sum())
    return mean, math.sqrt(squares / image.size)


def _parts(image: Floats) -> list[slice]:
    """Parts of the first axis that hold AT_ONCE voxels at most, but one slice at least."""
    step = max(AT_ONCE * len(image) // image.size, 1)
    return [slice(start, start + step) for start in range(0, len(image), step)]
