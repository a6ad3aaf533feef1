"""Sends a file with ETag and byte ranges (RFC 9110 §14), so that a broken download goes on."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
CHUNK_BYTES = 2**20
Caching = Mapping[str, str]
PRIVATE: Caching = {"Cache-Control": "private"}


class Pieces:
    """A body whose end Django announces even where not one piece was asked for."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first, last) byte of a single range; None where the whole is meant.

    Raises ValueError where the range cannot be satisfied.
    """
    match = RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(size - int(last), 0), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start > end or start >= size:
        raise ValueError(header)
    return start, end


def file_response(
    request: HttpRequest,
    path: Path,
    *,
    content_type: str,
    etag: str,
    file_name: str,
    caching: Caching = PRIVATE,
    close: Callable[[], None] = lambda: None,
) -> HttpResponseBase:
    """200, 206, 304 or 416 for one file; behind nginx the file leaves without passing here.

    `close` is called when the file is needed no more, sent or not.
    """
    answer = _prepare(request, path.stat().st_size, etag, file_name, caching)
    if isinstance(answer, HttpResponse):
        close()
        return answer
    start, end, status, headers = answer
    if accelerated := accel_path(path):
        del headers["Content-Length"]
        headers.pop("Content-Range", None)  # nginx reads the Range header itself
        return HttpResponse(
            content_type=content_type, headers={**headers, "X-Accel-Redirect": accelerated}
        )
    body = Pieces(_read(path, start, end), close)
    return StreamingHttpResponse(body, status=status, content_type=content_type, headers=headers)


def bytes_response(
    request: HttpRequest,
    data: bytes,
    *,
    content_type: str,
    etag: str,
    file_name: str,
    caching: Caching = PRIVATE,
) -> HttpResponseBase:
    """The same for bytes that are no file of their own."""
    answer = _prepare(request, len(data), etag, file_name, caching)
    if isinstance(answer, HttpResponse):
        return answer
    start, end, status, headers = answer
    return HttpResponse(
        data[start : end + 1], status=status, content_type=content_type, headers=headers
    )


def accel_path(path: Path) -> str | None:
    """Where nginx finds a stored file (deploy/nginx.conf), if it serves them."""
    if not (settings.ACCEL_REDIRECT and path.is_relative_to(settings.BLOB_ROOT)):
        return None
    return f"/_blobs/{path.relative_to(settings.BLOB_ROOT)}"


def _prepare(
    request: HttpRequest, size: int, etag: str, file_name: str, caching: Caching
) -> HttpResponse | tuple[int, int, int, dict[str, str]]:
    """A finished 304 or 416, or first byte, last byte, status and headers of what to send."""
    headers = {
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        **caching,
        "Content-Disposition": f'attachment; filename="{file_name}"',
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    wanted = request.headers.get("Range")
    if request.headers.get("If-Range") not in (None, headers["ETag"]):
        wanted = None
    try:
        part = parse_range(wanted, size)
    except ValueError:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = part or (0, size - 1)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end - start + 1)
    return start, end, 206 if part else 200, headers


def _read(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start + 1
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
