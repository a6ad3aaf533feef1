"""Lets go of a request's body when it has been answered.

Django's request and its user refer to each other: until Python looks for such cycles, every request
stays in memory, and granian's stream with the megabytes that a store request sent.
"""

import io
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


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


def releasing(application: WSGIApplication) -> WSGIApplication:
    """The application, whose views read bodies while they run and never while they stream an answer."""

    def released(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"] = Body(environ["wsgi.input"])
        try:
            return application(environ, start_response)
        finally:
            body.release()

    return released
