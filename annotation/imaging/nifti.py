"""Writes label maps as NIfTI-1 files, so that the web process needs no library for it."""

import gzip
import struct

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES, DATA_OFFSET = 348, 352
UINT8, BITS = 2, 8
MILLIMETRES = 2
SCANNER = 1  # the affine leads to the scanner's coordinates


def label_map_file(labels: NDArray[np.uint8], affine_ras: NDArray[np.float64]) -> bytes:
    """A .nii.gz of a (z, y, x) label map; the affine leads from (x, y, z) indices to RAS mm.

    Raises ValueError for sides that the format's int16 does not hold. Source: nifti1.h.
    """
    sizes = labels.shape[::-1]
    if labels.dtype != np.uint8 or len(sizes) != 3 or max(sizes) > np.iinfo(np.int16).max:
        raise ValueError(f"no label map for NIfTI: {labels.dtype} {labels.shape}")
    spacing_mm = np.linalg.norm(affine_ras[:3, :3], axis=0)
    header = bytearray(DATA_OFFSET)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, *sizes, 1, 1, 1, 1)  # dim
    struct.pack_into("<hh", header, 70, UINT8, BITS)
    struct.pack_into("<8f", header, 76, 1.0, *spacing_mm, 0, 0, 0, 0)  # pixdim
    struct.pack_into("<3f", header, 108, DATA_OFFSET, 1.0, 0.0)  # vox_offset, slope, intercept
    struct.pack_into("<B", header, 123, MILLIMETRES)
    struct.pack_into("<hh", header, 252, 0, SCANNER)  # qform unknown, sform
    struct.pack_into("<12f", header, 280, *affine_ras[:3].ravel())
    struct.pack_into("<4s", header, 344, b"n+1\0")
    return gzip.compress(bytes(header) + np.ascontiguousarray(labels).tobytes(), mtime=0)
