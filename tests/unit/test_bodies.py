"""A request's body is let go when it has been answered."""

import gc
import io
import weakref

from config.bodies import releasing


class Stream(io.BytesIO):
    """One that can be watched."""


def test_a_body_is_read_as_before_and_gone_when_the_request_is_answered():
    kept = []

    def application(environ, start_response):
        body = environ["wsgi.input"]
        kept.append((environ, body.read))  # as Django's request does
        return [body.readline(), body.read(2), body.read()]

    stream = Stream(b"one\ntwo three")
    watched = weakref.ref(stream)
    answer = releasing(application)({"wsgi.input": stream}, None)
    assert list(answer) == [b"one\n", b"tw", b"o three"]
    del stream
    gc.disable()
    try:
        assert watched() is None
    finally:
        gc.enable()
    [(environ, read)] = kept
    assert read() == environ["wsgi.input"].readline() == b""
