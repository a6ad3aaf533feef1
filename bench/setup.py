"""Starts Django on a fresh database, for benchmarks that run beside throw-away services."""

import os

import django


def fresh_database() -> None:
    """Migrate the empty database of `python -m config.embedded exec`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
