"""Sends a file with ETag and byte ranges (RFC 9110 §14), so that a broken download goes on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
CHUNK_BYTES = 2**20


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
    request: HttpRequest, path: Path, *, content_type: str, etag: str, file_name: str
) -> Any:
    """200, 206, 304 or 416 for one file."""
    size = path.stat().st_size
    headers = {
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private",
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
    return StreamingHttpResponse(
        _read(path, start, end),
        status=206 if part else 200,
        content_type=content_type,
        headers=headers,
    )


def _read(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start + 1
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
