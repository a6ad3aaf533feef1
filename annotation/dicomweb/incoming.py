"""The body of a store request: parts streamed to disk, examined while the next ones arrive."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from django.http import HttpRequest

from annotation.archive import storage
from annotation.archive.services.ingest import Arrival, examine
from annotation.core.errors import DomainError, InvalidInput, UnsupportedMedia
from annotation.dicomweb.multipart import BrokenMultipart, PartHeaders, Reader, boundary_of
from annotation.imaging import sandbox
from annotation.imaging.parsing import ParsedHead, parse_head
from annotation.imaging.plain import HEAD_BYTES

INSTANCES, METADATA = "application/dicom", "application/dicom+json"
PIECE_BYTES = 2**18  # disk, hash and parser begin while the rest arrives
# One transaction per request, except for requests that would hold too much in memory.
INSTANCES_PER_TRANSACTION = 512
MAX_JSON_PER_TRANSACTION = 32 * 2**20
MAX_WAITING = 8  # parts that are examined while the next one is received
MAX_METADATA_BYTES = 64 * 2**20
_examiners = ThreadPoolExecutor(max(2, min(os.cpu_count() or 2, 8)), "examine")


@dataclass(frozen=True)
class Refusal:
    """A part that cannot be stored."""

    error: DomainError


class StoreBody:
    """Yields what arrived in batches; on leaving, every side file that was not kept is removed."""

    def __init__(self, request: HttpRequest, study_uid: str | None) -> None:
        self.damage = ""
        self.is_other_media = False
        self._request = request
        self._study_uid = study_uid
        self._files: list[storage.Incoming] = []
        self._open: storage.Incoming | None = None
        self._head = bytearray()  # of what is open
        self._told: ParsedHead | None = None  # by that
        self._examined: list[Future[Arrival | Refusal]] = []
        self._json_sizes: list[int] = []  # of what was examined and is not yet stored

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for future in self._examined:
            future.exception()  # nobody may read a side file that is about to go
        self._discard_files()

    def batches(self) -> Iterator[list[Arrival | Refusal]]:
        """Batches of at most INSTANCES_PER_TRANSACTION; `damage` says why the body ended early."""
        root_type, boundary = self._content_type()
        if root_type == METADATA:
            yield from self._composed(boundary)
            return
        reader = Reader(boundary, on_part=self._begin, on_data=self._write, on_end=self._end)
        try:
            for piece in body_pieces(self._request):
                reader.feed(piece)
                if self._is_batch_full():
                    yield self._take()
            reader.finish()
        except BrokenMultipart as error:
            self.damage = str(error)
        if self._examined:
            yield self._take()

    def _content_type(self) -> tuple[str, bytes]:
        try:
            return boundary_of(self._request.headers.get("Content-Type", ""), (INSTANCES, METADATA))
        except LookupError as error:
            raise UnsupportedMedia(str(error)) from None
        except BrokenMultipart as error:
            raise InvalidInput(f"The body is not well formed: {error}.") from None

    def _begin(self, headers: PartHeaders) -> None:
        if headers.media_type not in ("", INSTANCES):
            self.is_other_media = True
            refusal = Refusal(
                UnsupportedMedia(f"A part is {headers.media_type[:60]}, not {INSTANCES}.")
            )
            self._examined.append(_done(refusal))
            return
        self._open, self._head, self._told = storage.Incoming(), bytearray(), None
        self._files.append(self._open)

    def _write(self, data: memoryview) -> None:
        if self._open is None:
            return
        try:
            self._open.write(data)
            self._look_ahead(data)
        except InvalidInput as error:  # too large: the other parts of the body go on
            self._open.discard()
            self._open = None
            self._examined.append(_done(Refusal(error)))

    def _look_ahead(self, data: memoryview) -> None:
        """Read the attributes while the pixels are on their way."""
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES:
                self._told = parse_head(bytes(self._head))

    def _end(self) -> None:
        if self._open is None:
            return
        if len(self._head) < HEAD_BYTES:
            self._told = parse_head(bytes(self._head))
        if len(self._examined) >= MAX_WAITING:
            _wait_for(self._examined[-MAX_WAITING])
        self._examined.append(_examiners.submit(self._examine, self._open, self._told))
        self._open = None

    def _examine(
        self, incoming: storage.Incoming, told: ParsedHead | None = None
    ) -> Arrival | Refusal:
        try:
            arrival = examine(incoming.finish(), study_uid=self._study_uid, told=told)
            self._json_sizes.append(len(arrival.dicom_json))
            return arrival
        except DomainError as error:
            if error.status == 507:  # a full disk ends the request, not the part
                raise
            return Refusal(error)

    def _is_batch_full(self) -> bool:
        is_long = len(self._examined) >= INSTANCES_PER_TRANSACTION
        return is_long or sum(self._json_sizes) > MAX_JSON_PER_TRANSACTION

    def _take(self) -> list[Arrival | Refusal]:
        batch = [future.result() for future in self._examined]
        self._examined, self._json_sizes = [], []
        return batch

    def _discard_files(self) -> None:
        for incoming in self._files:
            incoming.discard()
        self._files = []

    def _composed(self, boundary: bytes) -> Iterator[list[Arrival | Refusal]]:
        """Metadata and bulk data: files are composed of them in the sandbox (§10.5.1.2)."""
        parts = _SpooledParts(self._files)
        reader = Reader(boundary, on_part=parts.begin, on_data=parts.write, on_end=parts.end)
        try:
            for piece in body_pieces(self._request):
                reader.feed(piece)
            reader.finish()
        except BrokenMultipart as error:
            self.damage = str(error)
            return
        for number, (start, length) in enumerate(parts.split_metadata(), 1):
            self._examined.append(_done(self._compose(number, start, length, parts)))
            if self._is_batch_full():
                yield self._take()
        yield self._take()

    def _compose(
        self, number: int, start: int, length: int, parts: "_SpooledParts"
    ) -> Arrival | Refusal:
        incoming = storage.Incoming()
        self._files.append(incoming)
        try:
            sandbox.run(
                "compose", metadata=str(parts.metadata.path), start=start, length=length,
                bulk=parts.bulk, target=str(incoming.path),
            )  # fmt: skip
            incoming.adopt()
        except sandbox.SandboxFailure as failure:
            return Refusal(InvalidInput(f"Dataset {number}: {failure.reason}"))
        return self._examine(incoming)


class _SpooledParts:
    """The parts of a metadata request on disk: JSON first, then bulk data by Content-Location."""

    def __init__(self, files: list[storage.Incoming]) -> None:
        self._files = files
        self._current: storage.Incoming | None = None
        self._metadata: storage.Incoming | None = None
        self.bulk: dict[str, dict[str, str]] = {}

    @property
    def metadata(self) -> storage.Incoming:
        if self._metadata is None:
            raise InvalidInput("The body holds no metadata part.")
        return self._metadata

    def begin(self, headers: PartHeaders) -> None:
        self._current = storage.Incoming()
        self._files.append(self._current)
        if headers.media_type == METADATA:
            if self._metadata is not None:
                raise InvalidInput("The metadata must be one part that holds an array.")
            self._metadata = self._current
        elif headers.location:
            self.bulk[headers.location] = {
                "path": str(self._current.path),
                "media_type": headers.media_type,
                "transfer_syntax": headers.transfer_syntax,
            }

    def write(self, data: memoryview) -> None:
        if self._current is None:
            return
        self._current.write(data)
        if self._current is self._metadata and self._current.size_bytes > MAX_METADATA_BYTES:
            raise InvalidInput(f"The metadata may not exceed {MAX_METADATA_BYTES >> 20} MiB.")

    def end(self) -> None:
        if self._current is not None:
            self._current.finish().wait()
            self._current.close()  # a request may have thousands of parts

    def split_metadata(self) -> list[tuple[int, int]]:
        """Where each dataset lies in the metadata, which has been rewritten."""
        try:
            places, _ = sandbox.run("split_datasets", metadata=str(self.metadata.path))
        except sandbox.SandboxFailure as failure:
            raise InvalidInput(f"The metadata cannot be read: {failure.reason}.") from None
        return [(start, length) for start, length in places]


def body_pieces(request: HttpRequest) -> Iterator[bytes]:
    """The body in pieces; chunked ones too, of which Django itself sees nothing under WSGI."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMedia("Compressed request bodies are not accepted.")
    source: Any = request
    if request.META.get("wsgi.input_terminated") and not request.META.get("CONTENT_LENGTH"):
        source = request.META["wsgi.input"]
    while piece := source.read(PIECE_BYTES):
        yield piece


def _wait_for(examined: "Future[Arrival | Refusal]") -> None:
    """Examiners, hashers and the disk set the pace: what waits for them waits in memory."""
    if examined.exception() is None and isinstance(part := examined.result(), Arrival):
        part.received.end()


def _done(result: Arrival | Refusal) -> "Future[Arrival | Refusal]":
    future: Future[Arrival | Refusal] = Future()
    future.set_result(result)
    return future
