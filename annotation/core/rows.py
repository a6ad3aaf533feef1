"""Statements that PostgreSQL plans once per connection, and rows written in bulk by them.

Not bulk_create: that packs columns into arrays, escaping every character of the stored JSON, and
cannot tell which rows were inserted where others were there before.
"""

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models import NOT_PROVIDED
from psycopg import Cursor

M = TypeVar("M", bound=models.Model)
Parameters = Sequence[Any] | Mapping[str, Any]


def insert(row: models.Model) -> None:
    """Insert one row that cannot meet another."""
    execute(_insert(type(row)), _values(row))


def insert_new(rows: Iterable[M]) -> list[M]:
    """Insert rows of one table, in one round trip; returns those that no other row stood for."""
    candidates = list(rows)
    if not candidates:
        return []
    statement = _insert(type(candidates[0]))
    if len(candidates) == 1:
        created = candidates if fetch_all(statement, _values(candidates[0])) else []
    else:
        created = _insert_many(statement, candidates)
    for row in created:
        row._state.adding = False
    return created


def _insert_many(statement: str, candidates: list[M]) -> list[M]:
    created = []
    with connection.wrap_database_errors, _cursor() as cursor:
        cursor.executemany(statement, [_values(row) for row in candidates], returning=True)
        for row in candidates:
            if cursor.fetchone() is not None:
                created.append(row)
            cursor.nextset()
    return created


def execute(statement: str, parameters: Parameters) -> None:
    """Run a constant statement."""
    with connection.wrap_database_errors, _cursor() as cursor:
        cursor.execute(statement, parameters, prepare=True)


def fetch_all(statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    """All rows of a constant statement."""
    with connection.wrap_database_errors, _cursor() as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchall()


def fetch_one(statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
    """The first row of a constant statement."""
    with connection.wrap_database_errors, _cursor() as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchone()


@contextlib.contextmanager
def pipelined() -> Iterator[None]:
    """Inside, a statement waits for those before it only where its rows are fetched.

    What fails in the meantime is raised by the next fetch, or on leaving the block.
    """
    _ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def _ensure_connection() -> None:
    connection.close_if_health_check_failed()
    connection.ensure_connection()


def _cursor() -> "Cursor[tuple[Any, ...]]":
    """A server-side cursor on Django's connection, inside its transaction if there is one."""
    _ensure_connection()
    return Cursor(connection.connection)


def _values(row: models.Model) -> list[Any]:
    fields = _fields(type(row))
    return [f.get_db_prep_save(f.pre_save(row, add=True), connection) for f in fields]


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
