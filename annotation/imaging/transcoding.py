"""A whole object in the one transfer syntax that every program reads."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.filewriter import dcmwrite
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)

from annotation.imaging import codecs

codecs.register()
WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
LOSSY = {JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K}


def to_explicit_little_endian(path: Path, target: Path) -> bool:
    """Write the object to `target` as Explicit VR Little Endian.

    False, and nothing written, where it stays as stored: it is that already, is compressed with
    loss, or cannot be decoded (PS3.18 §8.7.3.5 lets a server keep those as they are).
    """
    dataset = pydicom.dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == ExplicitVRLittleEndian or syntax in LOSSY:
        return False
    if syntax == ExplicitVRBigEndian:
        _turn_bytes(dataset)
    if syntax.is_encapsulated:
        try:
            dataset.decompress(generate_instance_uid=False)
            _pack_bits(dataset)
        except Exception:  # noqa: BLE001  no decoder, or damaged: it stays as it is
            return False
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(target, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    return True


def _turn_bytes(dataset: pydicom.Dataset) -> None:
    """Parse every value, so that it is written anew, and turn what pydicom leaves as it is."""
    if "PixelData" in dataset:
        pixels = pixel_array(dataset, raw=True)
        if dataset.BitsAllocated > 1:
            dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
            dataset["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    for element in dataset.iterall():
        size = WORD_BYTES.get(element.VR)
        if size and element.keyword != "PixelData" and element.value:
            element.value = np.frombuffer(element.value, f">u{size}").astype(f"<u{size}").tobytes()


def _pack_bits(dataset: pydicom.Dataset) -> None:
    """Eight pixels of one bit to the byte, which pydicom leaves out (PS3.5 §8.1.1)."""
    if dataset.BitsAllocated != 1:
        return
    count = int(dataset.get("NumberOfFrames") or 1) * dataset.Rows * dataset.Columns
    pixels = np.frombuffer(dataset.PixelData, np.uint8)[:count]
    packed = np.packbits(pixels, bitorder="little").tobytes()
    dataset.PixelData = packed + bytes(len(packed) % 2)
