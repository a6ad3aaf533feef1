"""PURE. Whether a question keeps its unit from one version of a schema to the next."""

from collections.abc import Iterable

from annotation.labeling.schemas.definition import Schema
from annotation.labeling.schemas.raw import InvalidSchema


def check_units(schema: Schema, before: Iterable[Schema]) -> None:
    """Raises InvalidSchema where a question had another unit in one of the versions before.

    Reads keep the version that they answered, but not the numbers apart: 3 cm and 30 mm would be one label.
    A question may get its first unit, or lose it, under its key.
    """
    units = {q.key: q.unit for one in before for q in one.questions if q.unit is not None}
    for number, question in enumerate(schema.questions):
        known = units.get(question.key)
        if known and question.unit and known.code != question.unit.code:
            raise InvalidSchema(
                f"questions[{number}].unit",
                f"{question.key} was asked in {known.code}; a question in another unit needs "
                "another key",
            )
