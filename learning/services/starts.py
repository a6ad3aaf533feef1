"""Where the networks of a target's rounds begin: from nothing, or from weights that somebody has.

{}                               freshly initialised
{"model_version": id}            a model of a project that the actor supervises, unless it has
                                 learned from patients who are held out here: services.leaks
{"encoder": id}                  a network pre-trained without labels, likewise
{"file": name}                   a safetensors file below settings.MODEL_SOURCES
{"hub": "owner/name@revision"}   model.safetensors of a hub's repository, where that is allowed
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from annotation.accounts.models import User
from annotation.core.errors import InvalidInput
from annotation.core.jobs import JobState
from annotation.labeling.models import Project
from learning import selectors
from learning.models import EncoderKind, EncoderVersion, ModelVersion
from learning.services.leaks import refuse_leaks
from learning.services.naming import name_of_version

HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<revision>[\w./-]+)")
MOST_CHOICES = 200  # of each kind


@dataclass(frozen=True)
class Choice:
    """Something that a target can start from."""

    start: dict[str, str]
    kind: str
    name: str


def check_start(*, actor: User | None, project: Project, start: dict[str, Any]) -> None:
    """Raises InvalidInput unless the actor (None: a command) may start the project's rounds there."""
    if not start:
        return
    [kind, value] = next(iter(start.items())) if len(start) == 1 else ("", None)
    check = CHECKS.get(kind)
    if check is None or not isinstance(value, str):
        raise _refused(f"name one of {', '.join(CHECKS)}, with a text")
    check(actor, value)
    refuse_leaks(project=project, start=start)


def find_choices(actor: User) -> list[Choice]:
    """What the actor can start from, hubs aside: newest models first, then networks, then files."""
    versions = selectors.model_versions_visible_to(actor).order_by("-created_at")
    encoders = _pretrained(actor).order_by("-created_at")
    return [
        *(
            Choice({"model_version": str(v.pk)}, "model_version", _title(v))
            for v in versions[:MOST_CHOICES]
        ),
        *(
            Choice({"encoder": str(e.pk)}, "encoder", f"{e.project.name}: {e.number}")
            for e in encoders.select_related("project")[:MOST_CHOICES]
        ),
        *(Choice({"file": name}, "file", name) for name in find_files()),
    ]


def find_files() -> list[str]:
    """Names of the files that rounds may start from, below the administrator's folder."""
    if not settings.MODEL_SOURCES:
        return []
    root = Path(settings.MODEL_SOURCES).resolve()
    found = (p for p in root.rglob("*.safetensors") if _is_inside(p, root))
    return sorted(str(p.relative_to(root)) for p in found)[:MOST_CHOICES]


def source_path(name: str) -> Path:
    """The file of that name. Raises InvalidInput where it is none, or lies elsewhere."""
    if not settings.MODEL_SOURCES:
        raise _refused("file: no folder of weights is configured (MODEL_SOURCES)")
    root = Path(settings.MODEL_SOURCES).resolve()
    path = root / name
    if "\0" in name or path.suffix != ".safetensors" or not _is_inside(path, root):
        raise _refused(f"file: there is no safetensors file {name!r} in the folder of weights")
    return path.resolve()


def hub_address(value: str) -> tuple[str, str]:
    """Repository and revision. Raises InvalidInput where it is malformed or hubs are off."""
    if not settings.MODEL_HUB:
        raise _refused("hub: weights from a hub are not allowed here (MODEL_HUB)")
    found = HUB.fullmatch(value)
    if found is None or ".." in value:
        raise _refused("hub: write owner/name@revision")
    return found["repository"], found["revision"]


def _is_inside(path: Path, root: Path) -> bool:
    """Whether it is a file below the folder, links followed."""
    return path.is_file() and path.resolve().is_relative_to(root)


def _title(version: ModelVersion) -> str:
    return f"{version.target.project.name}: {name_of_version(version)}"


def _pretrained(actor: User | None) -> Any:
    found = (
        EncoderVersion.objects.filter(kind=EncoderKind.PRETRAINED)
        if actor is None
        else selectors.pretrainings_visible_to(actor)
    )
    return found.filter(state=JobState.COMPLETED)


def _check_version(actor: User | None, value: str) -> None:
    found = (
        ModelVersion.objects.all() if actor is None else selectors.model_versions_visible_to(actor)
    )
    _require_row(found, "model_version", value)


def _check_encoder(actor: User | None, value: str) -> None:
    _require_row(_pretrained(actor), "encoder", value)


def _require_row(found: Any, kind: str, value: str) -> None:
    try:
        is_there = found.filter(pk=value).exists()
    except (ValidationError, ValueError):
        is_there = False
    if not is_there:
        raise _refused(f"{kind}: there is none with the id {value!r}")


def _check_file(actor: User | None, value: str) -> None:
    del actor
    source_path(value)


def _check_hub(actor: User | None, value: str) -> None:
    del actor
    hub_address(value)


CHECKS: dict[str, Callable[[User | None, str], None]] = {
    "model_version": _check_version, "encoder": _check_encoder, "file": _check_file,
    "hub": _check_hub,
}  # fmt: skip


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"start: {why}.", field="start")
