"""Lets go of a request's body when it has been answered.

Django's request and its user refer to each other: until Python looks for such cycles, every request
stays in memory, and granian's stream with the megabytes that a store request sent.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Body:
    """`wsgi.input` (PEP 3333) until `release`, afterwards nothing more."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, *size: int) -> bytes:
        data: bytes = self._stream.read(*size)
        return data

    def readline(self, *size: int) -> bytes:
        line: bytes = self._stream.readline(*size)
        return line

    def release(self) -> None:
        self._stream = io.BytesIO()


def releasing(application: Application) -> Application:
    """The application, whose views read bodies while they run and never while they stream an answer."""

    def released(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"] = Body(environ["wsgi.input"])
        try:
            return application(environ, start_response)
        finally:
            body.release()

    return released
