"""Label maps as compressed, hash-addressed bytes: how a mask is stored whatever tool drew it.

Layout: 8 bytes magic, three uint32 (z, y, x), then zlib of the C-ordered uint8 labels.
"""

import hashlib
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

MAGIC = b"FRMASK01"
MAX_VOXELS = 2_000_000_000
LabelMap = NDArray[np.uint8]


class DamagedMask(ValueError):
    """The bytes are no label map of ours."""


def compress(labels: LabelMap) -> bytes:
    """Bytes of a (z, y, x) label map."""
    if labels.ndim != 3 or labels.dtype != np.uint8:
        raise ValueError(
            f"a label map is uint8 of shape (z, y, x), not {labels.dtype} {labels.shape}"
        )
    body = zlib.compress(np.ascontiguousarray(labels).tobytes(), level=6)
    return MAGIC + struct.pack("<III", *labels.shape) + body


def decompress(data: bytes) -> LabelMap:
    """The (z, y, x) label map. Raises DamagedMask; never allocates more than the header says."""
    header = len(MAGIC) + 12
    if len(data) < header or not data.startswith(MAGIC):
        raise DamagedMask("no label map header")
    shape = struct.unpack("<III", data[len(MAGIC) : header])
    voxels = shape[0] * shape[1] * shape[2]
    if voxels > MAX_VOXELS:
        raise DamagedMask(f"{voxels} voxels are more than {MAX_VOXELS}")
    try:
        raw = zlib.decompressobj().decompress(data[header:], voxels + 1)
    except zlib.error as error:
        raise DamagedMask(str(error)) from None
    if len(raw) != voxels:
        raise DamagedMask(f"{len(raw)} voxels where {voxels} are declared")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def address(data: bytes) -> str:
    """The SHA-256 under which the bytes are stored."""
    return hashlib.sha256(data).hexdigest()
