"""Adds imagecodecs to pydicom's decoders for the syntaxes that pydicom alone cannot read."""

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    HTJ2K,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)


def _lossy_htj2k(source: bytes) -> Any:
    """Values of colours that leave their range wrap around in imagecodecs 2026.3.6, not in OpenJPEG."""
    pixels = imagecodecs.htj2k_decode(source)
    return imagecodecs.jpeg2k_decode(source) if pixels.ndim == 3 else pixels


DECODERS: dict[str, Callable[[bytes], Any]] = {
    JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    JPEGLossless: imagecodecs.jpeg8_decode,
    JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
    JPEGLSNearLossless: imagecodecs.jpegls_decode,
    HTJ2KLossless: imagecodecs.htj2k_decode,
    HTJ2KLosslessRPCL: imagecodecs.htj2k_decode,
    HTJ2K: _lossy_htj2k,
}
DECODER_DEPENDENCIES = dict.fromkeys(DECODERS, ("numpy", "imagecodecs"))
_LABEL = "imagecodecs"


def is_available(uid: str) -> bool:
    """pydicom asks every plugin."""
    return uid in DECODERS


def decode_frame(source: bytes, runner: Any) -> bytearray:
    """pydicom's plugin interface: one frame's code stream to interleaved pixel bytes."""
    pixels = np.ascontiguousarray(DECODERS[runner.transfer_syntax](source))
    runner.set_option("bits_allocated", pixels.dtype.itemsize * 8)
    if pixels.ndim == 3:
        runner.set_option("planar_configuration", 0)
    return bytearray(pixels.tobytes())


def register() -> None:
    """Make the decoders known to pydicom; calling it again changes nothing."""
    for uid in DECODERS:
        decoder = get_decoder(uid)
        if _LABEL not in decoder._available and _LABEL not in decoder._unavailable:
            decoder.add_plugin(_LABEL, (__name__, "decode_frame"))
