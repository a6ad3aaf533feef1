"""Frames encoded again: all of an instance ahead of time for the browser, or one on request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    HTJ2K,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from annotation.imaging import codecs
from annotation.imaging.frames import FrameIndex
from annotation.imaging.rendered import NotRenderable, decode, decode_as_described, iterate_frames

codecs.register()
Pixels = NDArray[Any]
LOSSY_AND_SMALL = {JPEGBaseline8Bit}  # encoding these again without loss would only make them big


def _htj2k(pixels: Pixels) -> bytes:
    """Resolution by resolution (RPCL) with tile-part lengths: half the bytes show half the detail."""
    return bytes(
        imagecodecs.htj2k_encode(
            pixels, reversible=True, rgb=pixels.ndim == 3, tlm=True, tilepart=1
        )
    )


def _jpeg2000(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", reversible=True))


def _jpeg_ls(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpegls_encode(_unsigned(pixels)))


def _jpeg_lossless(pixels: Pixels) -> bytes:
    if pixels.ndim == 3:
        raise NotRenderable("lossless JPEG is made of grey frames only")
    bits = pixels.dtype.itemsize * 8
    return bytes(imagecodecs.ljpeg_encode(_unsigned(pixels), bitspersample=bits))


def _jpeg(pixels: Pixels) -> bytes:
    if pixels.dtype != np.uint8:
        raise NotRenderable("baseline JPEG is made of 8-bit frames only")
    return bytes(imagecodecs.jpeg8_encode(pixels, level=90))


def _rle(pixels: Pixels) -> bytes:
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    return bytes(
        get_encoder(RLELossless).encode(
            _unsigned(pixels), rows=pixels.shape[0], columns=pixels.shape[1],
            samples_per_pixel=samples, number_of_frames=1, pixel_representation=0,
            bits_allocated=pixels.dtype.itemsize * 8, bits_stored=pixels.dtype.itemsize * 8,
            photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2",
            planar_configuration=0,
        )
    )  # fmt: skip


ENCODERS: dict[str, Callable[[Pixels], bytes]] = {
    HTJ2KLossless: _htj2k,
    HTJ2KLosslessRPCL: _htj2k,
    JPEG2000Lossless: _jpeg2000,
    JPEGLSLossless: _jpeg_ls,
    JPEGLosslessSV1: _jpeg_lossless,
    JPEGLossless: _jpeg_lossless,
    JPEGBaseline8Bit: _jpeg,
    RLELossless: _rle,
}


def encode_frame(path: Path, frame: int, transfer_syntax: str) -> bytes:
    """One frame (1-based) as a bare code stream; as HTJ2K with loss, what `encode_frames` makes of it.

    Raises NotRenderable.
    """
    if transfer_syntax == HTJ2K:
        dataset, pixels = decode(path, frame)
        return _encode(_as_shown(dataset, pixels), HTJ2KLosslessRPCL)
    return _encode(decode_as_described(path, frame)[1], transfer_syntax)


def encode_frames(path: Path, target: Path) -> tuple[FrameIndex, str]:
    """All frames as HTJ2K (RPCL), one after the other in `target`, and their transfer syntax.

    Without loss, except that browsers show colour in 8 bits: the upper 8 are kept.
    Raises NotRenderable where that cannot be or is of no use.
    """
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in (*HTJ2K_ALREADY, *LOSSY_AND_SMALL):
        raise NotRenderable(f"browsers show {syntax.name} as it is")
    is_deep_colour = _is_deep_colour(dataset)
    if int(dataset.get("BitsAllocated") or 0) not in (8, 16) and not is_deep_colour:
        raise NotRenderable("only pixels of 8 and 16 bits are encoded")
    if (reason := _kept_for_its_colours(dataset)) and not is_deep_colour:
        raise NotRenderable(f"browsers show {reason} as it is")
    pieces, offset = [], 0
    with target.open("wb") as file:
        for pixels in iterate_frames(path):
            data = _encode(_as_shown(dataset, pixels), HTJ2KLosslessRPCL)
            file.write(data)
            pieces.append(((offset, len(data)),))
            offset += len(data)
    index = FrameIndex("encapsulated", len(pieces), fragments=tuple(pieces))
    return index, HTJ2K if is_deep_colour else HTJ2KLosslessRPCL


def _is_deep_colour(dataset: pydicom.Dataset) -> bool:
    return dataset.get("SamplesPerPixel") == 3 and int(dataset.get("BitsAllocated") or 0) > 8


def _as_shown(dataset: pydicom.Dataset, pixels: Pixels) -> Pixels:
    """Of deep colour the upper 8 of the bits that are stored."""
    if not _is_deep_colour(dataset):
        return pixels
    return (pixels >> max(int(dataset.BitsStored) - 8, 0)).astype(np.uint8)


HTJ2K_ALREADY = (HTJ2KLossless, HTJ2KLosslessRPCL)
KEEPS_ITS_COLOURS = ("YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")


def _kept_for_its_colours(dataset: pydicom.FileDataset) -> str:
    """Colour that browsers would convert or rearrange once more, because the metadata says so."""
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if dataset.get("PlanarConfiguration") == 1:
        return "colour by plane"
    is_compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    is_kept = photometric == "YBR_FULL" or (is_compressed and photometric in KEEPS_ITS_COLOURS)
    return photometric if is_kept else ""


def _encode(pixels: Pixels, transfer_syntax: str) -> bytes:
    encoder = ENCODERS.get(transfer_syntax)
    if encoder is None:
        raise NotRenderable(f"frames are not encoded to {transfer_syntax}")
    if pixels.dtype.itemsize > 2 or pixels.dtype.kind not in "iu":
        raise NotRenderable("only integers of 8 and 16 bits are encoded")
    try:
        return encoder(np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("="))))
    except NotRenderable:
        raise
    except Exception as error:  # noqa: BLE001  codecs raise types of their own
        raise NotRenderable(f"cannot be encoded: {type(error).__name__}") from None


def _unsigned(pixels: Pixels) -> Pixels:
    """The same bits: these codecs know no sign; PixelRepresentation says how to read them."""
    return pixels.view(pixels.dtype.str.replace("i", "u"))
