"""Which stored frames browsers show wrongly, and must therefore get decoded or re-encoded.

Each case was seen in Cornerstone3D 5.14: wrong values or nothing at all, and no error.
"""

from typing import BinaryIO

from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGExtended12Bit

from annotation.imaging.frames import FrameIndex, PixelDescription

DEEP_COLOUR = "colour of 16 bits"  # or more
# Processes 6 and 8, 10 and 12: read like JPEG Extended, whose order of coefficients alone they change.
RETIRED_JPEG = ("1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55")
SIZ_SIGN_OFFSET = 42  # Ssiz of the first component; its top bit says "signed" (ISO 15444-1 A.5.1)


def misread_by_browsers(
    file: BinaryIO,
    syntax: str,
    pixels: PixelDescription,
    index: FrameIndex | None,
    pixel_representation: int,
) -> str:
    """Why a browser would show the stored frames wrongly; empty where it does not."""
    if index is None:
        return ""
    if pixels.samples > 1 and (pixels.bits_allocated or 0) > 8:
        return DEEP_COLOUR
    if index.kind == "native" and pixels.photometric == "YBR_FULL_422":
        return "uncompressed YBR_FULL_422"
    if syntax in (JPEGExtended12Bit, *RETIRED_JPEG):
        return "JPEG of 12 bits"
    if syntax in (JPEG2000, JPEG2000Lossless):
        return _misread_sign(file, index, pixel_representation)
    return ""


def _misread_sign(file: BinaryIO, index: FrameIndex, pixel_representation: int) -> str:
    start, length = index.ranges(1)[0]
    file.seek(start)
    head = file.read(min(length, 64))
    is_signed = len(head) > SIZ_SIGN_OFFSET and bool(head[SIZ_SIGN_OFFSET] & 0x80)
    if head.startswith(b"\xff\x4f\xff\x51") and is_signed != bool(pixel_representation):
        return "JPEG 2000 of another sign than PixelRepresentation"
    return ""
