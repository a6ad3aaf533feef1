"""Spreads clients that send long bodies evenly over the web processes.

A connection stays with the process that accepted it, and which one that is, is chance: of four clients
that store at once, all may lie with one process, while another sleeps. A process that receives two more
than its neighbour ends the connection with its answer; the client makes another one and most likely
falls to the neighbour.
"""

import contextlib
import mmap
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LONG_BYTES = 2**20
UNEVEN = 2  # so many more than another: one of them would be better off there
SLOTS = 64  # more than there are processes; a new one may take the place of one long gone


class Burden:
    """How many long bodies each web process is receiving, in memory that they share.

    Made before the server forks; `enter` is for each child. A reader may see a number a moment late,
    which at worst costs a client one connection.
    """

    def __init__(self) -> None:
        self._table = memoryview(mmap.mmap(-1, SLOTS * 16)).cast("q")  # process id, bodies
        self._own = self._next = 0
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """In the parent, before each fork."""
        self._next = (self._next + 1) % SLOTS

    def enter(self) -> None:
        """In the child, after it."""
        self._own, self._lock = self._next, threading.Lock()
        self._table[2 * self._own], self._table[2 * self._own + 1] = os.getpid(), 0

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    @property
    def is_uneven(self) -> bool:
        """Whether another process has so much less that a client should go there."""
        lightest = self._table[2 * self._own + 1] - UNEVEN
        return any(
            self._table[2 * slot + 1] <= lightest and _is_alive(self._table[2 * slot])
            for slot in range(SLOTS)
            if self._table[2 * slot]
        )

    def _add(self, more: int) -> None:
        with self._lock:
            self._table[2 * self._own + 1] += more


def balanced(application: WSGIApplication, burden: Burden) -> WSGIApplication:
    """The application, whose long requests end their connection where the burden is uneven."""

    def answered(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not _is_long(environ):
            return application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if burden.is_uneven:
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *more)

        with burden.one_more():
            return application(environ, start)

    return answered


def _is_long(environ: WSGIEnvironment) -> bool:
    """A body of many bytes, or of a length that nobody knows."""
    if environ["REQUEST_METHOD"] != "POST":
        return False
    length = environ.get("CONTENT_LENGTH") or ""
    return not length.isdecimal() or int(length) >= LONG_BYTES


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except OSError:
        return False
    return True


burden = Burden()
