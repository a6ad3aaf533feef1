"""Reads settings from the environment and fails loudly where one is malformed."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class SettingError(ValueError):
    """A setting is missing or malformed; the message names it."""


def text(name: str, default: str) -> str:
    return os.environ.get(name, default)


def integer(name: str, default: int) -> int:
    raw = os.environ.get(name)
    if raw is None:
        return default
    try:
        return int(raw)
    except ValueError:
        raise SettingError(f"{name} must be a whole number, not {raw!r}") from None


def count_or(name: str, default: str, word: str) -> str:
    """A whole number above 0, or the word."""
    raw = os.environ.get(name, default)
    if raw != word and not (raw.isdecimal() and int(raw)):
        raise SettingError(f"{name} must be a whole number above 0 or {word!r}, not {raw!r}")
    return raw


def flag(name: str, default: bool) -> bool:
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise SettingError(f"{name} must be true or false, not {raw!r}")


def words(name: str, default: list[str]) -> list[str]:
    raw = os.environ.get(name)
    if raw is None:
        return default
    return [word.strip() for word in raw.split(",") if word.strip()]


def choices(name: str, known: tuple[str, ...]) -> list[str]:
    """Words, each of which must be a known one."""
    found = words(name, [])
    for word in found:
        if word not in known:
            raise SettingError(f"{name}: {word!r} is none of {', '.join(known)}")
    return found


def secret(name: str) -> str | None:
    """The value of NAME, or the content of the file that NAME_FILE names (compose secrets)."""
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{name}_FILE: cannot read {path}: {error.strerror}") from None


def database(url: str) -> dict[str, Any]:
    """A Django DATABASES entry from postgresql://user:password@host:port/name?host=/socket/folder."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SettingError(
            "DATABASE_URL must start with postgresql:// (Firstread needs PostgreSQL)"
        )
    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or (secret("DATABASE_PASSWORD") or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or ""),
    }
