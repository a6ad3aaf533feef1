"""Files that are made for one answer and go with it: however large, they never lie in memory."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from annotation.archive import storage
from annotation.core.downloads import PRIVATE, Pieces, file_response
from annotation.dicomweb import multipart
from annotation.dicomweb.multipart import Part
from annotation.imaging import sandbox

PassingFile = IO[bytes]


def make(function: str, **arguments: Any) -> tuple[Any, PassingFile]:
    """Call a function of the sandbox that writes to `target`; the file is gone once it is closed.

    Raises SandboxFailure.
    """
    folder = Path(settings.INCOMING_ROOT)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = tempfile.NamedTemporaryFile(dir=folder, suffix=".part")  # noqa: SIM115  the answer closes it
    try:
        value, _ = sandbox.run(function, target=target.name, **arguments)
    except BaseException:
        target.close()
        raise
    return value, target


def answer(
    request: HttpRequest,
    made: PassingFile,
    *,
    content_type: str,
    etag: str,
    file_name: str,
    caching: Mapping[str, str] = PRIVATE,
) -> HttpResponseBase:
    """The file with ETag and byte ranges; it goes when the answer has been sent."""
    return file_response(
        request, Path(made.name), content_type=content_type, etag=etag, file_name=file_name,
        caching=caching, close=made.close,
    )  # fmt: skip


def answer_in_parts(
    made: PassingFile, part: Part, headers: Mapping[str, str]
) -> StreamingHttpResponse:
    """The file as the only part of a multipart message."""
    return StreamingHttpResponse(
        Pieces(single(made, part), made.close), headers=dict(headers),
        content_type=multipart.content_type(part.content_type),
    )  # fmt: skip


def single(made: PassingFile, part: Part) -> Iterator[bytes]:
    yield multipart.head_of(part, Path(made.name).stat().st_size)
    yield from storage.read_chunks(Path(made.name))
    yield b"\r\n"
    yield multipart.END
