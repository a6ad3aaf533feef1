"""What the source commands share: a source by name, and secrets read from files."""

import sys
from pathlib import Path

from django.core.management.base import CommandError

from annotation.labeling.models import Project, Source


def source_named(name: str) -> Source:
    found = Source.objects.filter(name__iexact=name).first()
    if found is None:
        names = ", ".join(Source.objects.order_by("name").values_list("name", flat=True))
        raise CommandError(f"There is no source {name!r}. Sources: {names or 'none'}")
    return found


def project_named(name: str) -> Project:
    found = Project.objects.filter(name__iexact=name).first()
    if found is None:
        raise CommandError(f"There is no project {name!r}")
    return found


def secret_in(path: Path | None) -> str:
    """The first line of a file, or of standard input for `-`: a secret is never an argument."""
    if path is None:
        return ""
    try:
        text = sys.stdin.readline() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    lines = text.strip().splitlines()
    if not lines:
        raise CommandError(f"{path} is empty")
    return lines[0]
