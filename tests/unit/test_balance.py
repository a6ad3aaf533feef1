"""A process that receives more long bodies than another lets a client go there."""

import contextlib
import os
import signal

import pytest

from config.balance import LONG_BYTES, Burden, balanced

LONG = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(LONG_BYTES)}


@contextlib.contextmanager
def neighbour(burden, bodies=0):
    """Another process that is receiving that many."""
    burden.prepare()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        burden.enter()
        with contextlib.ExitStack() as received:
            for _ in range(bodies):
                received.enter_context(burden.one_more())
            os.write(tell, b"x")
            signal.pause()
    try:
        os.read(told, 1)
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        os.close(tell)


@pytest.fixture
def burden():
    """Of two processes, of which this is one."""
    ours = Burden()
    ours.prepare()
    ours.enter()
    return ours


def ends(burden, already, environ=LONG):
    """Whether a request ends its connection while `already` others are under way."""
    seen = []

    def application(_environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    with contextlib.ExitStack() as others:
        for _ in range(already):
            others.enter_context(burden.one_more())
        balanced(application, burden)(environ, lambda _status, headers: seen.extend(headers))
    assert seen[0] == ("Content-Type", "text/plain")
    return ("Connection", "close") in seen


def test_two_more_than_the_neighbour_are_too_many(burden):
    with neighbour(burden, bodies=1):
        assert [ends(burden, already) for already in range(4)] == [False, False, True, True]


def test_a_process_alone_keeps_its_clients(burden):
    assert not ends(burden, 5)


def test_a_process_that_is_gone_takes_no_clients(burden):
    with neighbour(burden):
        assert ends(burden, 3)
    assert not ends(burden, 3)


def test_short_requests_and_questions_keep_their_connection(burden):
    with neighbour(burden):
        assert not ends(burden, 3, {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "100"})
        assert not ends(burden, 3, {"REQUEST_METHOD": "GET", "CONTENT_LENGTH": ""})
        assert ends(burden, 3, {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": ""}), "sent in chunks"


def test_what_has_been_answered_counts_no_longer(burden):
    with neighbour(burden):
        with pytest.raises(ValueError, match="broken"), burden.one_more():
            raise ValueError("broken")
        assert not burden.is_uneven
        assert not ends(burden, 0)
