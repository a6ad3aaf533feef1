"""A frame as a picture: decoded, windowed, scaled, encoded (PS3.18 §10.4, rendered resources)."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import iter_pixels, pixel_array

from annotation.imaging import codecs
from annotation.imaging.windowing import FloatImage, window_by_percentiles, window_linear

codecs.register()


class NotRenderable(ValueError):
    """There is no picture to make; the message says why."""


@dataclass(frozen=True)
class Rendering:
    """How a frame is to be shown; None means what the file says or the whole range."""

    frame: int = 1
    center: float | None = None
    width: float | None = None
    longest_side: int | None = None
    media_type: str = "image/jpeg"
    quality: int = 90


def render(path: Path, wanted: Rendering) -> bytes:
    """Encoded picture bytes. Raises NotRenderable."""
    picture = Image.fromarray(grey_or_colour(path, wanted))
    if wanted.longest_side and max(picture.size) > wanted.longest_side:
        picture.thumbnail((wanted.longest_side, wanted.longest_side), Image.Resampling.LANCZOS)
    output = io.BytesIO()
    if wanted.media_type == "image/png":
        picture.save(output, "PNG", compress_level=1)
    else:
        picture.save(output, "JPEG", quality=wanted.quality)
    return output.getvalue()


def grey_or_colour(path: Path, wanted: Rendering) -> NDArray[np.uint8]:
    """(rows, columns) grey or (rows, columns, 3) colour, 8 bits."""
    dataset, pixels = decode(path, wanted.frame)
    if pixels.ndim == 3:
        return _as_bytes(pixels)
    values = modality_values(dataset, pixels)
    center, width = _window(dataset, values, wanted)
    shown = window_linear(values, center, width)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        shown = 1 - shown
    return np.round(shown * 255).astype(np.uint8)


def model_input(path: Path, frame: int, side: int) -> FloatImage:
    """One frame as a (side, side) image of mean 0 and deviation 1, padded to a square.

    Raises NotRenderable also for a constant image, which can teach nothing.
    """
    dataset, pixels = decode(path, frame)
    values = modality_values(dataset, pixels)
    if values.ndim == 3:
        values = values[..., :3].mean(axis=2)
    low, high = np.percentile(values, [0.5, 99.5])
    if high <= low:
        raise NotRenderable("the image is constant")
    values = np.clip(values, low, high)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        values = high + low - values
    rows, columns = values.shape
    scale = side / max(rows, columns)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    small = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))
    square = np.full((side, side), small.min(), np.float32)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return np.asarray((square - square.mean()) / max(float(square.std()), 1e-6), np.float32)


def decode(path: Path, frame: int) -> tuple[pydicom.Dataset, NDArray[Any]]:
    """The dataset without its pixels and one frame's stored values. `frame` is 1-based."""
    with _decoding():
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        return dataset, pixel_array(path, index=frame - 1)


def iterate_frames(path: Path) -> Iterator[NDArray[Any]]:
    """The stored values of one frame after the other, so that an object may exceed memory."""
    with _decoding():
        yield from iter_pixels(path)


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise NotRenderable("decoding needs more memory than is allowed") from None
    except Exception as error:  # noqa: BLE001  decoders raise many types on damaged input
        raise NotRenderable(
            f"cannot be decoded: {type(error).__name__}: {str(error)[:200]}"
        ) from None


def modality_values(dataset: pydicom.Dataset, pixels: NDArray[Any]) -> FloatImage:
    try:
        values = np.asarray(apply_modality_lut(pixels, dataset), dtype=np.float32)
    except (ValueError, TypeError, AttributeError):
        values = np.asarray(pixels, dtype=np.float32)
    if not np.isfinite(values).all():
        raise NotRenderable("the rescaled pixel values are not finite")
    return values


def _window(dataset: pydicom.Dataset, values: FloatImage, wanted: Rendering) -> tuple[float, float]:
    if wanted.center is not None and wanted.width is not None:
        return wanted.center, wanted.width
    try:
        center, width = (_first(dataset.get(k)) for k in ("WindowCenter", "WindowWidth"))
    except (TypeError, ValueError):
        return window_by_percentiles(values)
    if not (np.isfinite(center) and np.isfinite(width) and width > 0):
        return window_by_percentiles(values)
    return center, width


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, MultiValue) else value)


def _as_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    return (pixels.astype(np.float64) / max(float(pixels.max()), 1.0) * 255).astype(np.uint8)
