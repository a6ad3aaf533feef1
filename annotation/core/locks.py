"""Locks that many processes see and that vanish with the process that holds them."""

import contextlib
import zlib
from collections.abc import Iterator

from django.db import connection


@contextlib.contextmanager
def advisory_lock(name: str) -> Iterator[bool]:
    """Whether this session now holds PostgreSQL's advisory lock of that name; never waits."""
    key = zlib.crc32(name.encode())
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [key])
        is_mine = bool(cursor.fetchone()[0])
        try:
            yield is_mine
        finally:
            if is_mine:
                cursor.execute("select pg_advisory_unlock(%s)", [key])


def advisory_lock_until_commit(name: str) -> None:
    """Wait for PostgreSQL's advisory lock of that name and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])


def wait_for_locks() -> None:
    """Let this transaction wait for locks however long it takes: hours of work would be lost with it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0")
