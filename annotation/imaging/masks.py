"""Label maps as compressed, hash-addressed bytes: how a mask is stored whatever tool drew it.

Layout: 8 bytes magic, three uint32 (z, y, x), then zlib of the C-ordered uint8 labels.
A pack carries many slices in one request: 8 bytes magic, then for each slice the 32 bytes of its
SHA-256, its length as uint32, and its bytes. All numbers are little-endian.
"""

import hashlib
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAGIC = b"FRMASK01"
HEADER_BYTES = len(MAGIC) + 12
MAX_VOXELS = 2_000_000_000
PACK_MAGIC = b"FRPACK01"
MAX_PACK_BYTES = 64 * 2**20
MAX_SLICE_BYTES = 16 * 2**20
MAX_SLICE_PIXELS = 2**26
MAX_PACK_SLICES = 4_096
MAX_PACK_PIXELS = (
    2**30
)  # a few kB of zlib can claim a slice of 64 MiB: all slices together are limited
COUNT_BLOCK = 2**20
SEARCH_BLOCK = 2**16
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
    shape = shape_of(data)
    voxels = shape[0] * shape[1] * shape[2]
    if voxels > MAX_VOXELS:
        raise DamagedMask(f"{voxels} voxels are more than {MAX_VOXELS}")
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(data[HEADER_BYTES:], voxels + 1)
    except zlib.error as error:
        raise DamagedMask(str(error)) from None
    if len(raw) != voxels or not stream.eof or stream.unused_data:
        raise DamagedMask(f"the labels are not exactly the {voxels} that are declared")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def shape_of(data: bytes) -> tuple[int, int, int]:
    """(z, y, x) as the header says, of a label map or of its first HEADER_BYTES."""
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        raise DamagedMask("no label map header")
    z, y, x = struct.unpack("<III", data[len(MAGIC) : HEADER_BYTES])
    return z, y, x


def label_outside(data: bytes, known: Collection[int]) -> int | None:
    """The first label that is neither 0 nor known, of a whole label map unpacked block by block.

    Raises DamagedMask.
    """
    z, y, x = shape_of(data)
    stream, rest, left = zlib.decompressobj(), data[HEADER_BYTES:], z * y * x
    right = bytes({0, *known})
    try:
        while block := stream.decompress(rest, SEARCH_BLOCK):
            rest, left = stream.unconsumed_tail, left - len(block)
            if left < 0:
                break
            if wrong := block.translate(None, right):
                return wrong[0]
    except zlib.error as error:
        raise DamagedMask(str(error)) from None
    if left or not stream.eof:
        raise DamagedMask("the labels are not exactly those that are declared")
    return None


def address(data: bytes) -> str:
    """The SHA-256 under which the bytes are stored."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class PackedSlice:
    """One slice's bytes, which have been checked, and the address that they have."""

    sha256: str
    data: bytes
    labels: frozenset[int]  # the values in it but 0


def pack(slices: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a pack, piece by piece."""
    yield PACK_MAGIC
    for data in slices:
        yield hashlib.sha256(data).digest() + struct.pack("<I", len(data)) + data


def unpack(data: bytes) -> Iterator[PackedSlice]:
    """The slices of a pack, each decompressed once to be checked. Raises DamagedMask.

    Every limit is checked on declared sizes before anything of that size is allocated.
    """
    if not data.startswith(PACK_MAGIC):
        raise DamagedMask("no pack header")
    place, number, pixels = len(PACK_MAGIC), 0, 0
    while place < len(data):
        where = f"slice {number}"
        if number == MAX_PACK_SLICES:
            raise DamagedMask(f"a pack holds at most {MAX_PACK_SLICES} slices")
        if len(data) - place < 36:
            raise DamagedMask(f"{where}: the pack ends early")
        declared = data[place : place + 32].hex()
        (length,) = struct.unpack_from("<I", data, place + 32)
        place += 36
        if length > min(MAX_SLICE_BYTES, len(data) - place):
            raise DamagedMask(f"{where}: is larger than the pack or the limit")
        body = data[place : place + length]
        pixels += _slice_pixels(body, where)
        if pixels > MAX_PACK_PIXELS:
            raise DamagedMask(f"the slices have more than {MAX_PACK_PIXELS} pixels in all")
        if address(body) != declared:
            raise DamagedMask(f"{where}: is not what its SHA-256 says")
        yield PackedSlice(declared, body, _labels_in(decompress(body)) - {0})
        place += length
        number += 1


def _slice_pixels(data: bytes, where: str) -> int:
    depth, rows, columns = shape_of(data)
    if depth != 1 or not 1 <= rows * columns <= MAX_SLICE_PIXELS:
        raise DamagedMask(f"{where}: must be one slice of at most {MAX_SLICE_PIXELS} pixels")
    return rows * columns


def _labels_in(labels: LabelMap) -> frozenset[int]:
    """Counted a piece at a time, because bincount widens its input to eight times the size."""
    flat, counts = labels.ravel(), np.zeros(256, np.int64)
    for start in range(0, len(flat), COUNT_BLOCK):
        counts += np.bincount(flat[start : start + COUNT_BLOCK], minlength=256)
    return frozenset(np.flatnonzero(counts).tolist())
