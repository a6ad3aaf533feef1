"""Where each frame's bytes lie in a part-10 file, so that serving one needs no parsing."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

PIXEL_TAGS = {(0x7FE0, 0x0010), (0x7FE0, 0x0008), (0x7FE0, 0x0009)}
ITEM, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
UNDEFINED_LENGTH = 0xFFFFFFFF
MAX_FRAGMENTS = 200_000  # each costs the web process about 200 bytes
FILE_MISSING = "a stored file is not on this machine"  # why nothing can be read, for people
IN_COLOUR = "the images are in colour"
MISFIT = "the pixels are not as many as the header of their file says"
PALETTE = "PALETTE COLOR"  # the photometric interpretation of pixels that are numbers of colours
CODE_STREAM_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a")


class NoFrames(ValueError):
    """The frames cannot be located; `is_damage` where the file contradicts itself."""

    def __init__(self, reason: str, *, is_damage: bool) -> None:
        super().__init__(reason)
        self.is_damage = is_damage


@dataclass(frozen=True)
class FrameIndex:
    """Byte ranges per frame: equal strides (native), fragments (encapsulated) or none (decoded)."""

    kind: str  # "native", "encapsulated", "decoded" (bytes must be made by decoding the file)
    count: int
    offset: int = 0
    length: int = 0
    fragments: tuple[tuple[tuple[int, int], ...], ...] = ()

    @classmethod
    def decoded(cls, count: int) -> "FrameIndex":
        return cls(kind="decoded", count=count)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "FrameIndex":
        fragments = tuple(
            tuple((start, length) for start, length in frame) for frame in body["fragments"]
        )
        return cls(body["kind"], body["count"], body["offset"], body["length"], fragments)

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "count": self.count,
            "offset": self.offset,
            "length": self.length,
            "fragments": [[list(piece) for piece in frame] for frame in self.fragments],
        }

    def ranges(self, number: int) -> tuple[tuple[int, int], ...]:
        """(start, length) pairs of frame `number`, 1-based. Raises IndexError outside."""
        if not 1 <= number <= self.count:
            raise IndexError(f"frame {number} of {self.count}")
        if self.kind == "native":
            return ((self.offset + (number - 1) * self.length, self.length),)
        return self.fragments[number - 1]


def read_frame(path: Path, index: FrameIndex, number: int) -> bytes:
    """The stored bytes of one frame, by pread; nothing is parsed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        pieces = [os.pread(descriptor, length, start) for start, length in index.ranges(number)]
    finally:
        os.close(descriptor)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True)
class PixelDescription:
    """What the attributes say about the pixel element; None where one is missing."""

    rows: int | None
    columns: int | None
    samples: int
    bits_allocated: int | None
    photometric: str
    number_of_frames: int
    is_implicit: bool
    is_encapsulated: bool
    extended_offsets: tuple[int, ...] = ()  # ExtendedOffsetTable (7FE0,0001)

    @property
    def frame_bits(self) -> int:
        """Rows x Columns x SamplesPerPixel x BitsAllocated, with plain integers (no overflow)."""
        if self.rows is None or self.columns is None or self.bits_allocated is None:
            raise NoFrames("Rows, Columns or BitsAllocated is missing", is_damage=True)
        if min(self.rows, self.columns, self.bits_allocated, self.samples) < 1:
            raise NoFrames("Rows, Columns, BitsAllocated or SamplesPerPixel is 0", is_damage=True)
        pixels = self.rows * self.columns * self.bits_allocated
        return pixels * (2 if self.photometric == "YBR_FULL_422" else self.samples)


def index_frames(file: BinaryIO, size: int, pixels: PixelDescription) -> FrameIndex | None:
    """Read the pixel element's header at the file's position. None where there are no pixels."""
    header = _element_header(file, is_implicit=pixels.is_implicit)
    if header is None:
        if pixels.rows and pixels.bits_allocated:
            raise NoFrames("PixelData is missing", is_damage=True)
        return None
    length, start = header
    if length == UNDEFINED_LENGTH:
        return _encapsulated(file, size, pixels)
    if pixels.is_encapsulated:
        raise NoFrames(
            "PixelData of a compressed transfer syntax is not encapsulated", is_damage=True
        )
    return _native(pixels, start, length, size)


def _element_header(file: BinaryIO, *, is_implicit: bool) -> tuple[int, int] | None:
    """(length, start of the value) of the pixel element, or None where another or no tag follows."""
    head = file.read(8)
    if len(head) < 8:
        return None
    if struct.unpack("<HH", head[:4]) not in PIXEL_TAGS:
        return None
    if is_implicit:
        return struct.unpack("<I", head[4:])[0], file.tell()
    if head[4:6] not in (b"OB", b"OW", b"OF", b"OD", b"UN"):
        return struct.unpack("<H", head[6:8])[0], file.tell()
    return struct.unpack("<I", file.read(4))[0], file.tell()


def _native(pixels: PixelDescription, start: int, length: int, size: int) -> FrameIndex:
    if start + length > size:
        raise NoFrames(
            f"PixelData declares {length} bytes, the file holds {max(size - start, 0)}",
            is_damage=True,
        )
    check_length(pixels, length)
    bits, count = pixels.frame_bits, pixels.number_of_frames
    if bits % 8 and count > 1:  # frames that begin inside a byte have no bytes of their own
        return FrameIndex.decoded(count)
    return FrameIndex("native", count, start, (bits + 7) // 8)


def check_length(pixels: PixelDescription, length: int) -> None:
    """Raises NoFrames where `length` bytes cannot hold the frames that are declared."""
    bits, count = pixels.frame_bits, pixels.number_of_frames
    if (bits * count + 7) // 8 > length:
        raise NoFrames(
            f"PixelData holds {length} bytes where {count} frame(s) of {(bits + 7) // 8}"
            " are declared",
            is_damage=True,
        )


def _encapsulated(file: BinaryIO, size: int, pixels: PixelDescription) -> FrameIndex:
    offsets, fragments = _fragments(file, size)
    count = pixels.number_of_frames
    if len(fragments) < count:
        raise NoFrames("PixelData has fewer frames than NumberOfFrames says", is_damage=True)
    if count == 1:
        frames = [tuple(fragments)]
    elif len(fragments) == count:
        frames = [(fragment,) for fragment in fragments]
    elif len(pixels.extended_offsets) == count:
        frames = _grouped(list(pixels.extended_offsets), fragments)
    elif len(offsets) == count:
        frames = _grouped(offsets, fragments)
    else:
        frames = _grouped(_code_stream_starts(file, fragments), fragments)
    if len(frames) != count or any(not frame for frame in frames):
        raise NoFrames(
            f"{len(fragments)} fragments cannot be assigned to {count} frames", is_damage=False
        )
    return FrameIndex("encapsulated", count, fragments=tuple(frames))


def _code_stream_starts(file: BinaryIO, fragments: list[tuple[int, int]]) -> list[int]:
    """Offsets of the fragments that begin a JPEG, JPEG 2000 or JPEG XL code stream."""
    starts = []
    for start, _ in fragments:
        file.seek(start)
        if file.read(4).startswith(CODE_STREAM_STARTS):
            starts.append(start - fragments[0][0])
    return starts


def _fragments(file: BinaryIO, size: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Basic offset table and (start, length) of every fragment, PS3.5 Annex A.4."""
    offsets: list[int] | None = None
    fragments: list[tuple[int, int]] = []
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise NoFrames("encapsulated PixelData is cut off", is_damage=True)
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == SEQUENCE_END:
            return offsets or [], fragments
        if (group, element) != ITEM or len(fragments) > MAX_FRAGMENTS:
            raise NoFrames("encapsulated PixelData has no valid items", is_damage=True)
        start = file.tell()
        if start + length > size:
            raise NoFrames("a fragment of PixelData is cut off", is_damage=True)
        if offsets is None:
            table = file.read(length)
            offsets = list(struct.unpack(f"<{length // 4}I", table[: length // 4 * 4]))
        else:
            fragments.append((start, length))
            file.seek(length, os.SEEK_CUR)


def _grouped(
    offsets: list[int], fragments: list[tuple[int, int]]
) -> list[tuple[tuple[int, int], ...]]:
    if not offsets:
        return []
    first = fragments[0][0] - 8  # offsets count from the first fragment's item tag
    starts = [first + offset for offset in offsets]
    ends = [*starts[1:], fragments[-1][0] + fragments[-1][1] + 1]
    return [
        tuple(piece for piece in fragments if low <= piece[0] - 8 < high)
        for low, high in zip(starts, ends, strict=True)
    ]
