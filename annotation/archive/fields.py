"""A JSON column that takes text as it is: what the sandbox serialised is not parsed to be stored."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Jsonb


class JsonText(str):
    """JSON that is serialised already."""

    __slots__ = ()


class DicomJsonField(models.JSONField):
    """jsonb, written from a JsonText or from any JSON value."""

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if isinstance(value, JsonText):
            return Jsonb(value, dumps=str)
        return super().get_db_prep_value(value, connection, prepared)
