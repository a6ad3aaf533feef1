"""PURE. multipart/related bodies for retrieval; what is received is read by `archive.multipart`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from annotation.archive.multipart import BrokenMultipart, PartHeaders, Reader, boundary_of

__all__ = [
    "BOUNDARY",
    "END",
    "BrokenMultipart",
    "Part",
    "PartHeaders",
    "Reader",
    "boundary_of",
    "content_type",
    "encode",
    "head_of",
    "single",
]
# Long and fixed: Cornerstone searches for it in binary data and asks for identical ranges twice.
BOUNDARY = "firstread-5f1c0a7e2d9b4c6f8e3a1b0d7c9f2e4a6b8d0c1e3f5a7b9d"


@dataclass(frozen=True)
class Part:
    """A part to send: its headers as text and its bytes."""

    content_type: str
    data: bytes
    location: str = ""


def content_type(root_type: str) -> str:
    return f'multipart/related; type="{root_type}"; boundary={BOUNDARY}'


def encode(parts: Iterable[Part]) -> Iterator[bytes]:
    """The body piece by piece."""
    for part in parts:
        yield head_of(part, len(part.data))
        yield part.data
        yield b"\r\n"
    yield END


def single(part: Part) -> bytes:
    """The whole body of a message with one part."""
    return b"".join((head_of(part, len(part.data)), part.data, b"\r\n", END))


def head_of(part: Part, size: int) -> bytes:
    """Delimiter and headers of a part of `size` bytes."""
    location = f"Content-Location: {part.location}\r\n" if part.location else ""
    head = f"--{BOUNDARY}\r\nContent-Type: {part.content_type}\r\n{location}"
    return f"{head}Content-Length: {size}\r\n\r\n".encode()


END = f"--{BOUNDARY}--\r\n".encode()
