"""Statements that PostgreSQL plans once per connection, and rows written in bulk by them.

Not bulk_create: that packs columns into arrays, escaping every character of the stored JSON, and
cannot tell which rows were inserted where others were there before.
"""

import contextlib
import functools
import select
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import NOT_PROVIDED
from psycopg import Connection, Cursor

M = TypeVar("M", bound=models.Model)
Parameters = Sequence[Any] | Mapping[str, Any]


def insert(row: models.Model) -> None:
    """Insert one row that cannot meet another."""
    execute(_insert(type(row)), _values(row))


class Insertion(Generic[M]):
    """Rows sent into one table; whoever asks what became of them waits for the database."""

    def __init__(self, candidates: list[M]) -> None:
        self._candidates = candidates
        self._answer = _send(candidates[0]) if len(candidates) == 1 else None
        self._created = None if self._answer else _insert_many(candidates)

    @property
    def created(self) -> list[M]:
        """The rows that no other row stood for, in their order."""
        if self._created is None:
            self._created = _added(self._candidates if _fetch_all(self._answer) else [])
        return self._created

    @property
    def is_complete(self) -> bool:
        return len(self.created) == len(self._candidates)


def begin_insert(rows: Iterable[M]) -> Insertion[M]:
    """Insert rows of one table in one round trip; a single one, inside `pipelined`, in none."""
    return Insertion(list(rows))


def insert_new(rows: Iterable[M]) -> list[M]:
    """Insert rows of one table, in one round trip; returns those that no other row stood for."""
    return begin_insert(rows).created


def _send(row: models.Model) -> "Cursor[tuple[Any, ...]]":
    database = _connected()
    with database.wrap_database_errors:
        cursor = Cursor(database.connection)
        return cursor.execute(_insert(type(row)), _values(row), prepare=True)


def _fetch_all(cursor: "Cursor[tuple[Any, ...]] | None") -> list[tuple[Any, ...]]:
    with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
        return cursor.fetchall() if cursor else []


def _insert_many(candidates: list[M]) -> list[M]:
    if not candidates:
        return []
    created = []
    database = _connected()
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        statement = _insert(type(candidates[0]))
        cursor.executemany(statement, [_values(row) for row in candidates], returning=True)
        for row in candidates:
            if cursor.fetchone() is not None:
                created.append(row)
            cursor.nextset()
    return _added(created)


def _added(rows: list[M]) -> list[M]:
    for row in rows:
        row._state.adding = False
    return rows


def execute(statement: str, parameters: Parameters) -> None:
    """Run a constant statement."""
    database = _connected()
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True)


def fetch_all(statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    """All rows of a constant statement."""
    database = _connected()
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchall()


def fetch_one(statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
    """The first row of a constant statement."""
    database = _connected()
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchone()


@contextlib.contextmanager
def pipelined() -> Iterator[None]:
    """Inside, a statement waits for those before it only where its rows are fetched.

    What fails in the meantime is raised by the next fetch, or on leaving the block.
    """
    database = _connected()
    with database.wrap_database_errors, database.connection.pipeline():
        yield


def _connected() -> Any:
    """Django's connection of this thread, usable as far as its socket tells.

    Django's own check would cost every request a round trip. Server-side cursors are opened on the
    connection below it, inside its transaction if there is one.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]  # each access to `connection` looks it up again
    if not database.health_check_done and _is_silent(database.connection):
        database.health_check_done = True
    database.close_if_health_check_failed()
    database.ensure_connection()
    return database


def _is_silent(session: "Connection[tuple[Any, ...]] | None") -> bool:
    """Whether PostgreSQL has neither closed the connection nor said anything on it."""
    if session is None or session.closed:
        return False
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN)
    return not poll.poll(0)


def _values(row: models.Model) -> list[Any]:
    database = connections[DEFAULT_DB_ALIAS]
    fields = _fields(type(row))
    return [f.get_db_prep_save(f.pre_save(row, add=True), database) for f in fields]


@functools.cache
def _fields(model: type[models.Model]) -> "tuple[models.Field[Any, Any], ...]":
    """The columns that a row brings with it; the database fills in the others."""
    concrete = model._meta.concrete_fields
    return tuple(
        f for f in concrete if f.db_default is NOT_PROVIDED and not isinstance(f, models.AutoField)
    )


@functools.cache
def _insert(model: type[models.Model]) -> str:
    names = ", ".join(f'"{field.column}"' for field in _fields(model))
    marks = ", ".join("%s" for _ in _fields(model))
    return (
        f'insert into "{model._meta.db_table}" ({names}) values ({marks})'  # noqa: S608  constants
        " on conflict do nothing returning 1"
    )
