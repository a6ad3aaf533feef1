"""PURE. Takes values out of JSON that nobody has checked yet; knows no label schema."""

import math
import re
from typing import Any

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
SHA256 = re.compile(r"[0-9a-f]{64}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL's jsonb refuses them
MAX_NUMBER = 1e15  # up to here every whole number is exact in a browser


class InvalidSchema(ValueError):
    """The definition is malformed; `field` is the path to the mistake, `reason` what it is."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.reason = message


def is_text(value: Any, *, at_most: int, at_least: int = 0) -> bool:
    """Text of this length that the database can store."""
    return (
        isinstance(value, str)
        and at_least <= len(value) <= at_most
        and UNSTORABLE.search(value) is None
    )


def is_whole(value: Any, low: int, high: int) -> bool:
    """A whole number from `low` to `high`; JSON's true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_number(value: Any, limit: float = MAX_NUMBER) -> bool:
    """A finite number of at most this size; whole numbers of any length are compared safely."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (isinstance(value, int) or math.isfinite(value)) and -limit <= value <= limit


def is_uid(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 64 and UID.fullmatch(value) is not None


def is_sha256(value: Any) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidSchema(where, "must be an object")
    return value


def sequence(value: Any, where: str, limit: int) -> list[Any]:
    """The list; an absent one is empty."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > limit:
        raise InvalidSchema(where, f"must be a list of at most {limit}")
    return value


def key_of(body: dict[str, Any], where: str) -> str:
    key = body.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidSchema(f"{where}.key", "must be lower-case letters, digits and _ (at most 40)")
    return key


def label_of(body: dict[str, Any], where: str) -> str:
    """The label, which is the key where there is none."""
    return text(body.get("label", body.get("key")), f"{where}.label", at_least=1, at_most=200)


def text(value: Any, where: str, *, at_most: int, at_least: int = 0) -> str:
    """The text; an absent one is empty."""
    value = "" if value is None else value
    if not is_text(value, at_least=at_least, at_most=at_most):
        raise InvalidSchema(where, f"must be text of {at_least} to {at_most} characters")
    return str(value)


def texts(value: Any, where: str, *, limit: int, at_most: int) -> tuple[str, ...]:
    found = sequence(value, where, limit)
    return tuple(text(t, f"{where}[{i}]", at_least=1, at_most=at_most) for i, t in enumerate(found))


def flag(body: dict[str, Any], name: str, where: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidSchema(f"{where}.{name}", "must be true or false")
    return value


def choice(value: Any, where: str, known: tuple[str, ...], default: str) -> str:
    if value is None:
        return default
    if value not in known:
        raise InvalidSchema(where, f"must be one of {', '.join(known)}")
    return str(value)


def number(value: Any, where: str) -> float | None:
    if value is not None and not is_number(value):
        raise InvalidSchema(where, "must be a number")
    return None if value is None else float(value)


def unique(values: list[Any], where: str) -> None:
    if len(set(values)) != len(values):
        raise InvalidSchema(where, "holds a key twice")
