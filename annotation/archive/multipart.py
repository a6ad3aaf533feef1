"""PURE. multipart bodies as streams, received and sent: the only module that knows python-multipart."""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser
from python_multipart.multipart import parse_options_header as parse_header

__all__ = [
    "BrokenAnswer",
    "BrokenMultipart",
    "PartHeaders",
    "Reader",
    "StoreBody",
    "StoredFile",
    "boundary_of",
    "parse_header",
    "single_object",
]
CHUNK_BYTES = 2**18
MAX_HEADER_BYTES = 16_384
MAX_BOUNDARY_BYTES = 200
MAX_PARTS = 20_000


class BrokenMultipart(ValueError):
    """The body is no well-formed multipart message."""


class BrokenAnswer(ValueError):
    """The body is not what its Content-Type says."""


@dataclass(frozen=True)
class StoredFile:
    """A part-10 file to send."""

    path: Path
    sop_instance_uid: str
    size_bytes: int


class StoreBody:
    """A body of files that knows its length: some servers lose chunked uploads.

    The boundary is random, because a boundary found in pixel data would cut the object there.
    """

    def __init__(self, files: Iterable[StoredFile]) -> None:
        self.files = tuple(files)
        self.boundary = f"firstread-{uuid4().hex}"
        self._head = f"--{self.boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._end = f"--{self.boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        return f'multipart/related; type="application/dicom"; boundary={self.boundary}'

    def __len__(self) -> int:
        parts = sum(len(self._head) + file.size_bytes + 2 for file in self.files)
        return parts + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        for file in self.files:
            yield self._head
            with file.path.open("rb") as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
            yield b"\r\n"
        yield self._end


def single_object(content_type: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of the one object in an answer, sent alone or as the only part.

    Raises BrokenAnswer for another type, no or several parts, or a missing closing delimiter.
    """
    media_type, options = parse_header(content_type)
    if media_type.lower() == b"application/dicom":
        yield from chunks
        return
    boundary = options.get(b"boundary", b"")
    if media_type.lower() != b"multipart/related" or not 0 < len(boundary) <= MAX_BOUNDARY_BYTES:
        raise BrokenAnswer(f"an answer of type {content_type[:80]!r} holds no DICOM object")
    found: deque[bytes] = deque()
    reader = Reader(
        boundary,
        on_part=lambda _headers: None,
        on_data=lambda view: found.append(bytes(view)),
        on_end=lambda: None,
    )
    try:
        for chunk in chunks:
            reader.feed(chunk)
            if reader.parts > 1:
                raise BrokenMultipart("more than one object came for one")
            while found:
                yield found.popleft()
        reader.finish()
        if reader.parts == 0:
            raise BrokenMultipart("the answer holds no object")
    except BrokenMultipart as error:
        raise BrokenAnswer(str(error)) from None


@dataclass(frozen=True)
class PartHeaders:
    """What the headers of a received part say; empty where they say nothing."""

    media_type: str
    transfer_syntax: str = ""
    location: str = ""


def boundary_of(header: str, root_types: Sequence[str]) -> tuple[str, bytes]:
    """(root type, boundary) of a Content-Type header.

    Raises BrokenMultipart, or LookupError for another type.
    """
    media_type, options = parse_header(header)
    if media_type.lower() != b"multipart/related":
        raise LookupError("the body must be multipart/related")
    root = options.get(b"type", root_types[0].encode()).decode("ascii", "replace").lower()
    if root not in root_types:
        raise LookupError(f"the parts must be {' or '.join(root_types)}")
    boundary = options.get(b"boundary", b"")
    if not boundary or len(boundary) > MAX_BOUNDARY_BYTES:
        raise BrokenMultipart("Content-Type names no boundary")
    return root, boundary


class Reader:
    """Feeds body pieces to callbacks: `on_part(headers)`, `on_data(memoryview)`, `on_end()`.

    The data are not copied: a view is valid until the callback returns.
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        on_part: Callable[[PartHeaders], None],
        on_data: Callable[[memoryview], None],
        on_end: Callable[[], None],
    ) -> None:
        self._on_part = on_part
        self._name = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self.parts = 0
        self._is_closed = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": lambda data, start, end: on_data(memoryview(data)[start:end]),
                "on_part_end": on_end,
                "on_end": self._close,
            },
        )

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise BrokenMultipart(str(error)) from None

    def finish(self) -> None:
        """Raises BrokenMultipart where the closing delimiter is missing."""
        if not self._is_closed:
            raise BrokenMultipart("the closing delimiter is missing")

    def _begin(self) -> None:
        self._headers, self._header_bytes = {}, 0
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise BrokenMultipart(f"more than {MAX_PARTS} parts")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._count(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count(end - start)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise BrokenMultipart("the headers of a part are too long")

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        self._on_part(
            _part_headers(
                self._headers.get(b"content-type", b""), self._headers.get(b"content-location", b"")
            )
        )

    def _close(self) -> None:
        self._is_closed = True


@functools.lru_cache(maxsize=256)
def _part_headers(content_type: bytes, location: bytes) -> PartHeaders:
    """Nearly all parts of a message have the same headers."""
    media_type, options = parse_header(content_type)
    return PartHeaders(
        media_type.decode("ascii", "replace").lower(),
        options.get(b"transfer-syntax", b"").decode("ascii", "replace"),
        location.decode("utf-8", "replace"),
    )
