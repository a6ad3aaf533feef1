"""PURE. One DICOM object out of a multipart answer, as a stream; and a multipart body to send."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

CHUNK_BYTES = 2**18
MAX_HEADER_BYTES = 16_384


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
    media_type, options = parse_options_header(content_type)
    if media_type.lower() == b"application/dicom":
        yield from chunks
        return
    boundary = options.get(b"boundary", b"")
    if media_type.lower() != b"multipart/related" or not 0 < len(boundary) <= 200:
        raise BrokenAnswer(f"an answer of type {content_type[:80]!r} holds no DICOM object")
    reader = _OnePart(boundary)
    for chunk in chunks:
        yield from reader.feed(chunk)
    reader.finish()


class _OnePart:
    """Feeds pieces of a body to the parser and hands out the data of its single part."""

    def __init__(self, boundary: bytes) -> None:
        self._found: deque[bytes] = deque()
        self._parts = 0
        self._header_bytes = 0
        self._is_closed = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header,
                "on_header_value": self._header,
                "on_part_data": lambda data, start, end: self._found.append(data[start:end]),
                "on_end": self._close,
            },
        )

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise BrokenAnswer(str(error)) from None
        while self._found:
            yield self._found.popleft()

    def finish(self) -> None:
        if not self._is_closed or self._parts != 1:
            raise BrokenAnswer("the answer is not one complete object")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise BrokenAnswer("more than one object came for one")

    def _header(self, data: bytes, start: int, end: int) -> None:
        del data
        self._header_bytes += end - start
        if self._header_bytes > MAX_HEADER_BYTES:
            raise BrokenAnswer("the headers of a part are too long")

    def _close(self) -> None:
        self._is_closed = True
