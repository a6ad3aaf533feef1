"""Synthetic studies with known truth: chest-like radiographs, CT phantoms, a bar to measure.

They serve the demo, load tests and benchmarks. Nothing here imitates a real person, and a model
trained on them knows nothing of medicine; they are only varied and hard enough to learn from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image2D = NDArray[np.float32]


@dataclass(frozen=True)
class Nodule:
    """A round density in pixel coordinates of the image that shows it."""

    row: float
    column: float
    radius: float
    contrast: float


@dataclass(frozen=True)
class Lesion:
    """A sphere in voxel coordinates (z, y, x) of the phantom."""

    center: tuple[float, float, float]
    radius: float
    contrast_hu: float


def chest_radiograph(
    rng: np.random.Generator, *, has_nodule: bool, side: int = 256
) -> tuple[NDArray[np.uint16], Nodule | None]:
    """A (side, side) 12-bit radiograph, bright where dense, and its nodule if it has one."""
    y, x = _grid(side)
    lean = float(rng.normal(0, 0.02))
    left, right = _lungs(rng, x, y, lean)
    lungs = np.maximum(left, right)
    body = _ellipse(x, y, lean, 0.05, rng.uniform(0.82, 0.95), 1.1, 6)
    image = np.asarray(0.30 + 0.55 * body - 0.48 * lungs, np.float32)
    image += rng.uniform(0.10, 0.18) * _ellipse(x, y, lean, 0, rng.uniform(0.1, 0.16), 1.3, 4)
    image += rng.uniform(0.10, 0.18) * _ellipse(
        x, y, 0.14 + lean, 0.30, rng.uniform(0.22, 0.34), rng.uniform(0.26, 0.36), 10
    )
    image += _ribs(rng, x, y) * (0.4 + 0.6 * lungs)
    image += lungs * _vessels(rng, side)
    nodule = _nodule(rng, left if rng.random() < 0.5 else right, side) if has_nodule else None
    if nodule:
        squared = (y_pixels(side) - nodule.row) ** 2 + (x_pixels(side) - nodule.column) ** 2
        image += nodule.contrast * np.exp(-((squared / nodule.radius**2) ** 1.5))
    image = _exposure(rng, image, side)
    return (np.clip(image, 0, 1) * 4095).astype(np.uint16), nodule


def ct_phantom(
    rng: np.random.Generator, *, lesion_count: int, slices: int = 40, side: int = 128
) -> tuple[NDArray[np.int16], NDArray[np.uint8], list[Lesion]]:
    """Hounsfield units (z, y, x), the lesions' label map (1 = lesion), and the lesions."""
    z, y, x = np.meshgrid(
        np.arange(slices, dtype=np.float32),
        np.linspace(-1, 1, side, dtype=np.float32),
        np.linspace(-1, 1, side, dtype=np.float32),
        indexing="ij",
    )
    body = (x / rng.uniform(0.8, 0.92)) ** 2 + (y / rng.uniform(0.62, 0.74)) ** 2 < 1
    hu = np.where(body, rng.normal(40, 4), -1000).astype(np.float32)
    taper = 1 - 0.35 * np.abs(2 * z / max(slices - 1, 1) - 1)
    for sign in (-1, 1):
        lung = ((x - sign * 0.40) / (0.27 * taper)) ** 2 + ((y + 0.02) / (0.42 * taper)) ** 2 < 1
        hu[lung & body] = rng.normal(-820, 15)
    hu[(x / 0.11) ** 2 + ((y - 0.45) / 0.12) ** 2 < 1] = rng.normal(420, 40)
    lesions = [_lesion(rng, slices, side) for _ in range(lesion_count)]
    labels = np.zeros(hu.shape, np.uint8)
    index = np.indices(hu.shape, dtype=np.float32)
    for lesion in lesions:
        center = np.array(lesion.center, np.float32)[:, None, None, None]
        inside = ((index - center) ** 2).sum(axis=0) < lesion.radius**2
        labels[inside] = 1
        hu[inside] = hu[inside].mean() + lesion.contrast_hu
    hu += rng.normal(0, 22, hu.shape).astype(np.float32)
    return np.clip(hu, -1024, 3071).astype(np.int16), labels, lesions


def bar_phantom(
    *,
    direction: tuple[float, float, float],
    length_mm: float = 50.0,
    thickness_mm: float = 8.0,
    spacing_mm: tuple[float, float, float] = (2.0, 0.5, 0.8),
    shape: tuple[int, int, int] = (33, 129, 81),
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """A CT with a bar through its middle, and the bar's two ends in voxel coordinates.

    All is in the order (z, y, x), `direction` in millimetres. The border is two voxels wide, so
    that linear interpolation finds the ends exactly where the values are half way.
    """
    spacing = np.array(spacing_mm)
    middle = (np.array(shape) - 1) / 2
    along = np.array(direction) / np.linalg.norm(direction)
    places = (np.moveaxis(np.indices(shape), 0, -1) - middle) * spacing
    reach = places @ along
    away = np.linalg.norm(places - reach[..., None] * along, axis=-1)
    lengthwise = _share_within(length_mm / 2 - np.abs(reach), 2 * float(np.abs(along) @ spacing))
    across = _share_within(thickness_mm / 2 - away, 2 * float(spacing.max()))
    hu = -1000 + 2000 * lengthwise * across
    ends = middle + np.outer([-1, 1], along * length_mm / 2) / spacing
    return np.round(hu).astype(np.int16), ends


def _share_within(depth_mm: NDArray[np.float64], border_mm: float) -> NDArray[np.float64]:
    return np.clip(depth_mm / border_mm + 0.5, 0, 1)


def y_pixels(side: int) -> Image2D:
    return np.arange(side, dtype=np.float32)[:, None]


def x_pixels(side: int) -> Image2D:
    return np.arange(side, dtype=np.float32)[None, :]


def _grid(side: int) -> tuple[Image2D, Image2D]:
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    return axis[:, None], axis[None, :]


def _ellipse(
    x: Image2D, y: Image2D, cx: float, cy: float, rx: float, ry: float, sharpness: float
) -> Image2D:
    """1 inside, 0 outside, with a soft edge."""
    distance = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)
    steep = np.clip(sharpness * 2 * (distance - 1), -30, 30)
    return np.asarray(1 / (1 + np.exp(steep)), np.float32)


def _lungs(
    rng: np.random.Generator, x: Image2D, y: Image2D, lean: float
) -> tuple[Image2D, Image2D]:
    height = rng.uniform(0.55, 0.75)
    return (
        _ellipse(x, y, -0.40 + lean, rng.normal(-0.05, 0.03), rng.uniform(0.27, 0.34), height, 9),
        _ellipse(x, y, 0.42 + lean, rng.normal(-0.07, 0.03), rng.uniform(0.24, 0.31), height, 9),
    )


def _ribs(rng: np.random.Generator, x: Image2D, y: Image2D) -> Image2D:
    pitch, slope = rng.uniform(0.14, 0.18), rng.uniform(0.25, 0.4)
    phase = y + slope * x**2 + rng.uniform(0, pitch)
    stripes = np.maximum(0, np.cos(2 * np.pi * phase / pitch)) ** 3
    return np.asarray(rng.uniform(0.05, 0.1) * stripes * (np.abs(x) > 0.1), np.float32)


def _vessels(rng: np.random.Generator, side: int) -> Image2D:
    """Textured background at the scale of vessels: what a nodule hides among."""
    coarse = _noise(rng, side, side // 10)
    fine = _noise(rng, side, side // 4)
    return np.asarray(0.05 * coarse + 0.035 * np.abs(fine), np.float32)


def _noise(rng: np.random.Generator, side: int, cells: int) -> Image2D:
    """Smooth noise: a random grid enlarged bilinearly."""
    grid = rng.normal(size=(cells + 1, cells + 1)).astype(np.float32)
    place = np.linspace(0, cells - 1e-3, side, dtype=np.float32)
    low = place.astype(int)
    part = place - low
    rows = grid[low] * (1 - part)[:, None] + grid[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part, np.float32)


def _nodule(rng: np.random.Generator, lung: Image2D, side: int) -> Nodule:
    rows, columns = np.nonzero(lung > 0.85)
    pick = int(rng.integers(len(rows)))
    return Nodule(
        row=float(rows[pick]),
        column=float(columns[pick]),
        radius=float(rng.uniform(0.022, 0.05) * side),
        contrast=float(rng.uniform(0.10, 0.26)),
    )


def _exposure(rng: np.random.Generator, image: Image2D, side: int) -> Image2D:
    """Gain, gamma, shading and quantum noise differ from machine to machine."""
    shading = rng.normal(0, 0.04) * _grid(side)[0] + rng.normal(0, 0.04) * _grid(side)[1]
    toned = np.clip(0.8 * image + shading, 0, None) ** rng.uniform(0.8, 1.25) * rng.uniform(
        0.8, 1.05
    )
    return np.asarray(toned + rng.normal(0, rng.uniform(0.01, 0.025), image.shape), np.float32)


def _lesion(rng: np.random.Generator, slices: int, side: int) -> Lesion:
    sign = 1 if rng.random() < 0.5 else -1
    return Lesion(
        center=(
            float(rng.uniform(0.2, 0.8) * slices),
            float(side / 2 + rng.uniform(-0.2, 0.2) * side / 2),
            float(side / 2 + sign * rng.uniform(0.32, 0.48) * side / 2),
        ),
        radius=float(rng.uniform(0.02, 0.06) * side),
        contrast_hu=float(rng.uniform(500, 850)),
    )
