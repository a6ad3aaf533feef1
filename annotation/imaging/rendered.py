"""A frame as a picture: decoded, windowed, scaled, encoded (PS3.18 §10.4, rendered resources)."""

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
)

from annotation.imaging import codecs
from annotation.imaging.frames import (
    FILE_MISSING,
    IN_COLOUR,
    PALETTE,
    PixelDescription,
    index_frames,
)
from annotation.imaging.native import WholeNumbers
from annotation.imaging.normalization import RETIRED_JPEG
from annotation.imaging.tables import has_modality_table, voi_table
from annotation.imaging.windowing import (
    FloatImage,
    window_by_percentiles,
    window_linear,
    window_linear_exact,
    window_sigmoid,
)

codecs.register()
NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
WINDOWS = {
    "linear": window_linear,
    "linear-exact": window_linear_exact,
    "sigmoid": window_sigmoid,
}
# Functional groups that tell of rescaling and windows (PS3.3 C.7.6.16.2.9 and C.7.6.16.2.10).
GROUPS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


class NotRenderable(ValueError):
    """There is no picture to make; the message says why."""


Region = tuple[float | None, float | None, float | None, float | None]
Size = tuple[int, int]


@dataclass(frozen=True)
class Rendering:
    """How frames are to be shown; None means what the file says, or the whole range or image."""

    frames: tuple[int, ...] = (1,)
    center: float | None = None
    width: float | None = None
    function: str = "linear"
    longest_side: int | None = None
    viewport: Size | None = None  # (width, height) to fit into
    region: Region | None = None  # x, y, width, height in pixels; a negative size mirrors
    media_type: str = "image/jpeg"
    quality: int = 90


def render(path: Path, wanted: Rendering) -> bytes:
    """Encoded picture bytes. Raises NotRenderable."""
    pictures = [_sized(_picture(path, frame, wanted), wanted) for frame in wanted.frames]
    output = io.BytesIO()
    if wanted.media_type == "image/png":
        pictures[0].save(output, "PNG", compress_level=1)
    elif wanted.media_type == "image/gif":
        pictures[0].save(
            output, "GIF", save_all=True, append_images=pictures[1:], duration=100, loop=0
        )
    else:
        pictures[0].save(output, "JPEG", quality=wanted.quality)
    return output.getvalue()


def _picture(path: Path, frame: int, wanted: Rendering) -> Image.Image:
    return Image.fromarray(grey_or_colour(path, frame, wanted))


def _sized(picture: Image.Image, wanted: Rendering) -> Image.Image:
    """Cut out the region and fit it into the viewport; thumbnails are only ever made smaller."""
    if wanted.region is not None:
        picture = _cut(picture, wanted.region)
    if wanted.viewport is not None:
        scale = min(wanted.viewport[0] / picture.width, wanted.viewport[1] / picture.height)
        size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    elif wanted.longest_side and max(picture.size) > wanted.longest_side:
        picture.thumbnail((wanted.longest_side, wanted.longest_side), Image.Resampling.LANCZOS)
    return picture


def _cut(picture: Image.Image, region: Region) -> Image.Image:
    x, y = int(region[0] or 0), int(region[1] or 0)
    width, height = region[2] or picture.width - x, region[3] or picture.height - y
    box = (x, y, x + int(abs(width)), y + int(abs(height)))
    if (
        x < 0
        or y < 0
        or box[2] > picture.width
        or box[3] > picture.height
        or min(box[2] - x, box[3] - y) < 1
    ):
        raise NotRenderable("the region lies outside the image")
    cut = picture.crop(box)
    if width < 0:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return cut.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if height < 0 else cut


def grey_or_colour(path: Path, frame: int, wanted: Rendering) -> NDArray[np.uint8]:
    """(rows, columns) grey or (rows, columns, 3) colour, 8 bits."""
    dataset, pixels = decode(path, frame)
    _tell_at_the_top(dataset, frame)
    pixels = _coloured(dataset, pixels)
    if pixels.ndim == 3:
        return _as_bytes(pixels)
    values = modality_values(dataset, pixels)
    shown = _shown(dataset, values, wanted)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        np.subtract(1, shown, out=shown)
    shown *= 255
    shown += 0.5  # rounds, because the conversion cuts off
    return shown.astype(np.uint8)


def _tell_at_the_top(dataset: pydicom.Dataset, frame: int) -> None:
    """What an enhanced object's groups tell of a frame's values, where single-frame objects have it.

    What all frames share first: the frame's own goes before it.
    """
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for groups in (*shared[:1], *own[frame - 1 : frame]):
        for name in GROUPS:
            for told in (groups.get(name) or [])[:1]:
                dataset.update(told)


def _coloured(dataset: pydicom.Dataset, pixels: NDArray[Any]) -> NDArray[Any]:
    """Numbers of a palette as the colours (rows, columns, 3) that they stand for; others as they are."""
    if dataset.get("PhotometricInterpretation") == PALETTE:
        return np.asarray(apply_color_lut(pixels, dataset))
    return pixels


def model_input(path: Path, frame: int, side: int) -> FloatImage:
    """One frame as a (side, side) image of mean 0 and deviation 1, padded to a square; colour as grey.

    Raises NotRenderable also for a constant image, which can teach nothing.
    """
    dataset, pixels = decode(path, frame)
    values = modality_values(dataset, _coloured(dataset, pixels))
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
    """The dataset without its pixels and one frame's values, colour as RGB. `frame` is 1-based."""
    return _decode(path, frame, has_stored_colours=False)


def decode_as_described(path: Path, frame: int) -> tuple[pydicom.Dataset, NDArray[Any]]:
    """Like `decode`, but YBR_FULL stays that: who reads it by the metadata converts it again.

    Subsampled YBR cannot stay; at the full size of RGB no reader takes it for anything else.
    """
    return _decode(path, frame, has_stored_colours=True)


def _decode(
    path: Path, frame: int, *, has_stored_colours: bool
) -> tuple[pydicom.Dataset, NDArray[Any]]:
    with _decoding(), path.open("rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        native = native_frame(file, dataset, frame)
        if native is None:
            is_raw = has_stored_colours and dataset.get("PhotometricInterpretation") == "YBR_FULL"
            native = pixel_array(_readable(path, dataset), index=frame - 1, raw=is_raw)
        return dataset, native


def _readable(path: Path, dataset: pydicom.FileDataset) -> Path | pydicom.FileDataset:
    """What pydicom reads pixels from: it finds them in a file, unless all of it is deflated.

    Retired kinds of JPEG are called by the name of one that is decoded in the same way.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in (DeflatedExplicitVRLittleEndian, *RETIRED_JPEG):
        return path
    whole = pydicom.dcmread(path)
    if syntax in RETIRED_JPEG:
        whole.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    return whole


def native_frame(file: BinaryIO, dataset: pydicom.FileDataset, frame: int) -> NDArray[Any] | None:
    """One uncompressed grey frame, without parsing the file a second time as pydicom would.

    `file` stands at the pixel element. None where pydicom has to decode.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    numbers = WholeNumbers(
        bits_allocated=int(dataset.get("BitsAllocated") or 0),
        bits_stored=int(dataset.get("BitsStored") or 0),
        is_signed=dataset.get("PixelRepresentation") == 1,
    )
    is_grey = dataset.get("SamplesPerPixel") == 1
    if syntax not in NATIVE or not is_grey or not numbers.is_readable:
        return None
    size = os.fstat(file.fileno()).st_size
    pixels = PixelDescription(
        rows=int(dataset.Rows), columns=int(dataset.Columns), samples=1,
        bits_allocated=numbers.bits_allocated,
        photometric="", number_of_frames=int(dataset.get("NumberOfFrames") or 1),
        is_implicit=syntax.is_implicit_VR, is_encapsulated=False,
    )  # fmt: skip
    index = index_frames(file, size, pixels)
    if index is None or not 1 <= frame <= index.count:
        return None
    [(start, length)] = index.ranges(frame)
    file.seek(start)
    return numbers.read(file.read(length)).reshape(int(dataset.Rows), int(dataset.Columns))


def grey_values(path: Path, frame: int) -> NDArray[Any]:
    """(rows, columns) stored values of one frame, looked up in the Modality LUT where there is one.

    Neither rescaled nor windowed. Raises NotRenderable, also for colour. `frame` is 1-based.
    """
    dataset, pixels = decode(path, frame)
    if pixels.ndim == 3 or dataset.get("PhotometricInterpretation") == PALETTE:
        raise NotRenderable(IN_COLOUR)
    return apply_modality_lut(pixels, dataset) if has_modality_table(dataset) else pixels


def iterate_frames(path: Path) -> Iterator[NDArray[Any]]:
    """The stored values of one frame after the other, so that an object may exceed memory."""
    with _decoding():
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        yield from iter_pixels(_readable(path, dataset))


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise NotRenderable("decoding needs more memory than is allowed") from None
    except FileNotFoundError:  # which says nothing about the image: another machine may have it
        raise NotRenderable(FILE_MISSING) from None
    except Exception as error:  # noqa: BLE001  decoders raise many types on damaged input
        raise NotRenderable(
            f"cannot be decoded: {type(error).__name__}: {str(error)[:200]}"
        ) from None


def modality_values(dataset: pydicom.Dataset, pixels: NDArray[Any]) -> FloatImage:
    """Stored values rescaled, or looked up in the Modality LUT."""
    if has_modality_table(dataset):
        values = np.asarray(apply_modality_lut(pixels, dataset), dtype=np.float32)
    else:
        values = pixels.astype(np.float32)
        dose = _number(dataset, "DoseGridScaling", 1.0)
        slope, intercept = (
            _number(dataset, keyword, default)
            for keyword, default in (("RescaleSlope", dose), ("RescaleIntercept", 0.0))
        )
        if (slope, intercept) != (1.0, 0.0):
            values *= np.float32(slope)
            values += np.float32(intercept)
    if pixels.dtype.kind == "f" and not np.isfinite(values).all():
        raise NotRenderable("the pixel values are not finite")
    return values


def _number(dataset: pydicom.Dataset, keyword: str, default: float) -> float:
    value = dataset.get(keyword)
    number = default if value in (None, "") else _first(value)
    if not np.isfinite(number):
        raise NotRenderable(f"{keyword} is not finite")
    return number


def _shown(dataset: pydicom.Dataset, values: FloatImage, wanted: Rendering) -> FloatImage:
    """Grey levels (0..1) by the window that is wanted or stored, or by the VOI LUT that is there alone."""
    window = _stored_window(dataset)
    if wanted.center is not None and wanted.width is not None:
        window = wanted.center, wanted.width
    if window is None and (table := voi_table(dataset)) is not None:
        return table.look_up(values)
    return WINDOWS[wanted.function](values, *(window or window_by_percentiles(values)))


def _stored_window(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    try:
        center, width = (_first(dataset.get(k)) for k in ("WindowCenter", "WindowWidth"))
    except (TypeError, ValueError):
        return None
    return (center, width) if np.isfinite(center) and np.isfinite(width) and width > 0 else None


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, MultiValue) else value)


def _as_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    return (pixels.astype(np.float64) / max(float(pixels.max()), 1.0) * 255).astype(np.uint8)
