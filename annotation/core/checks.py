"""System checks: a server must not start with an unsafe or half-made configuration."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def secret_key_is_real(**_: Any) -> list[CheckMessage]:
    """core.E001: servers need a generated key of at least 32 characters."""
    serving = settings.PROCESS_ROLE in {"web", "worker"}
    weak = len(settings.SECRET_KEY) < 32 or settings.SECRET_KEY.startswith("insecure")
    if serving and weak:
        return [
            Error(
                "SECRET_KEY is missing or too short.",
                hint="`make run` generates one; elsewhere set SECRET_KEY or SECRET_KEY_FILE.",
                id="core.E001",
            )
        ]
    return []


@register()
def hosts_are_named(**_: Any) -> list[CheckMessage]:
    """core.E002: a wildcard host lets anyone forge links; core.E003: no debug pages in service."""
    messages: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        messages.append(Error("ALLOWED_HOSTS must name hosts, not '*'.", id="core.E002"))
    loopback = os.environ.get("FIRSTREAD_HOST", "127.0.0.1") in {"127.0.0.1", "localhost", "::1"}
    if settings.DEBUG and not loopback:
        messages.append(Error("DEBUG is for loopback addresses only.", id="core.E003"))
    return messages
