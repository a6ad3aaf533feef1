"""WADO-RS frames: which bytes a client gets, and the answer that carries them (§10.4.1.2).

`FrameSource` is all that an answer needs, so that `express` can make the same one without Django.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pydicom.uid import HTJ2K

from annotation.archive import storage
from annotation.archive.models import Instance, PreparedFrames
from annotation.core.downloads import accel_path, parse_range
from annotation.core.errors import InvalidInput, NotFound
from annotation.dicomweb import multipart
from annotation.dicomweb.multipart import Part
from annotation.dicomweb.negotiation import Choice, NotAcceptable, choose_frames, parse_accept
from annotation.imaging import sandbox
from annotation.imaging.frames import FrameIndex, read_frame
from annotation.imaging.normalization import DEEP_COLOUR

IMMUTABLE = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Vary": "Accept, Cookie, origin",
}
MAX_FRAMES_PER_REQUEST = 1000
MAX_CACHED_RANGES = 200_000


@dataclass(frozen=True)
class FrameSource:
    """Where an instance's frames are: in its own file, and perhaps encoded ahead."""

    sha256: str
    transfer_syntax: str
    misread_by_browsers: str
    index: FrameIndex
    prepared_sha256: str = ""
    prepared_syntax: str = ""
    prepared_index: FrameIndex | None = None


@dataclass(frozen=True)
class FrameAnswer:
    """Status, headers and body of an answer with frames."""

    status: int
    headers: dict[str, str]
    body: bytes | Iterator[bytes]


class _IndexCache:
    """Parsed frame indexes by content address: what has an address never changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, FrameIndex] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, sha256: str) -> FrameIndex | None:
        return self._known.get(sha256)

    def put(self, sha256: str, body: dict[str, Any]) -> FrameIndex:
        index = FrameIndex.from_json(body)
        with self._lock:
            if sha256 not in self._known:
                self._known[sha256] = index
                self._size += 1 + len(index.fragments)
            while self._size > MAX_CACHED_RANGES:
                _, oldest = self._known.popitem(last=False)
                self._size -= 1 + len(oldest.fragments)
        return index


indexes = _IndexCache()


def source_of(instance: Instance) -> FrameSource:
    """Raises NotAcceptable where the object holds no frames that can be served."""
    if instance.frame_index is None:
        why = instance.unrenderable_reason or "the object holds no frames"
        raise NotAcceptable(f"no frames can be served: {why}")
    prepared = _prepared(instance)
    return FrameSource(
        instance.sha256,
        instance.transfer_syntax_uid,
        instance.misread_by_browsers,
        indexes.get(instance.sha256) or indexes.put(instance.sha256, instance.frame_index),
        prepared.sha256 if prepared else "",
        prepared.transfer_syntax_uid if prepared else "",
        indexes.get(prepared.sha256) or indexes.put(prepared.sha256, prepared.frame_index)
        if prepared and prepared.frame_index
        else None,
    )


def _prepared(instance: Instance) -> PreparedFrames | None:
    found: PreparedFrames | None = getattr(instance, "prepared", None)
    return found if found and found.sha256 else None


def choose(source: FrameSource, accept: str) -> Choice:
    """What browsers cannot show even decoded is made for them as if it were prepared."""
    made = HTJ2K if source.misread_by_browsers == DEEP_COLOUR else ""
    return choose_frames(
        parse_accept(accept),
        source.transfer_syntax,
        can_serve_stored=source.index.kind != "decoded",
        prepared=source.prepared_syntax or made,
        is_misread=bool(source.misread_by_browsers),
    )


def parse_numbers(text: str, count: int) -> list[int]:
    """Frame numbers of a comma list with ranges ("1,4-7"). Raises InvalidInput or NotFound."""
    numbers: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(piece) > 21:
            raise InvalidInput("Frames are numbers, separated by commas.", field="frames")
        start, end = int(first), int(last) if dash else int(first)
        if not 1 <= start <= end <= count:
            raise NotFound
        if len(numbers) + end - start + 1 > MAX_FRAMES_PER_REQUEST:
            raise InvalidInput(f"At most {MAX_FRAMES_PER_REQUEST} frames at once.", field="frames")
        numbers += range(start, end + 1)
    return numbers


def answer(
    source: FrameSource, choice: Choice, numbers: list[int], request_headers: Mapping[str, str]
) -> FrameAnswer:
    """200, 206, 304 or 416; several frames leave one by one. Raises NotAcceptable."""
    etag = f'"{source.sha256}-{choice.transfer_syntax}-{_named(numbers)}"'
    headers = {**IMMUTABLE, "ETag": etag, "Accept-Ranges": "bytes"}
    if request_headers.get("If-None-Match") == etag:
        return FrameAnswer(304, headers, b"")
    if len(numbers) > 1:
        outer = multipart.content_type(choice.media_type)
        parts = (Part(choice.part_type, _read(source, choice, n)[0]) for n in numbers)
        return FrameAnswer(200, {**headers, "Content-Type": outer}, multipart.encode(parts))
    if accelerated := _whole_file(source, choice):
        headers |= {"Content-Type": choice.part_type, "X-Accel-Redirect": accelerated}
        return FrameAnswer(200, headers, b"")  # nginx reads the Range header itself
    data, choice = _read(source, choice, numbers[0])
    if choice.is_multipart:
        headers["Content-Type"] = multipart.content_type(choice.media_type)
        data = multipart.single(Part(choice.part_type, data))
    else:
        headers["Content-Type"] = choice.part_type
    return _ranged(data, headers, request_headers.get("Range"))


def _whole_file(source: FrameSource, choice: Choice) -> str | None:
    """Where nginx finds the only frame of an instance that was prepared, if it serves files."""
    is_alone = source.prepared_index is not None and source.prepared_index.count == 1
    if choice.source != "prepared" or choice.is_multipart or not is_alone:
        return None
    return accel_path(storage.blob_path(source.prepared_sha256))


def _ranged(data: bytes, headers: dict[str, str], wanted: str | None) -> FrameAnswer:
    if wanted is None:
        return FrameAnswer(200, headers, data)
    try:
        part = parse_range(wanted, len(data))
    except ValueError:
        return FrameAnswer(416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b"")
    if part is None:
        return FrameAnswer(200, headers, data)
    first, last = part
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return FrameAnswer(206, headers, data[first : last + 1])


def _named(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _read(source: FrameSource, choice: Choice, number: int) -> tuple[bytes, Choice]:
    """A frame's bytes, and the choice they belong to: a fallback may have had to step in."""
    path = storage.blob_path(source.sha256)
    if choice.source == "stored":
        return read_frame(path, source.index, number), choice
    if choice.source == "prepared" and source.prepared_index is not None:
        blob = storage.blob_path(source.prepared_sha256)
        return read_frame(blob, source.prepared_index, number), choice
    try:
        if choice.source == "decoded":
            return sandbox.run("native_frame", path=str(path), frame=number)[1], choice
        syntax = choice.transfer_syntax
        encoded = sandbox.run("encode_frame", path=str(path), frame=number, transfer_syntax=syntax)
        return encoded[1], choice
    except sandbox.SandboxFailure as failure:
        if choice.may_fall_back:
            stored = Choice("stored", source.transfer_syntax, choice.is_multipart)
            return read_frame(path, source.index, number), stored
        raise NotAcceptable(f"the frame cannot be made: {failure.reason}") from None
