"""PURE. multipart/related bodies: written for retrieval, parsed as a stream for storage."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_HEADER_BYTES = 16_384
MAX_PARTS = 20_000
# Long and fixed: Cornerstone searches for it in binary data and asks for identical ranges twice.
BOUNDARY = "firstread-5f1c0a7e2d9b4c6f8e3a1b0d7c9f2e4a6b8d0c1e3f5a7b9d"


class BrokenMultipart(ValueError):
    """The body is no well-formed multipart message."""


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
    media_type, options = parse_options_header(header)
    if media_type.lower() != b"multipart/related":
        raise LookupError("the body must be multipart/related")
    root = options.get(b"type", root_types[0].encode()).decode("ascii", "replace").lower()
    if root not in root_types:
        raise LookupError(f"the parts must be {' or '.join(root_types)}")
    boundary = options.get(b"boundary", b"")
    if not boundary or len(boundary) > 200:
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
        self._parts = 0
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
        self._parts += 1
        if self._parts > MAX_PARTS:
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
    media_type, options = parse_options_header(content_type)
    return PartHeaders(
        media_type.decode("ascii", "replace").lower(),
        options.get(b"transfer-syntax", b"").decode("ascii", "replace"),
        location.decode("utf-8", "replace"),
    )
