"""`manage.py import_model FILE --project NAME --question KEY`: a MONAI bundle as a model version.

Of a target without a question, `--kind boxes` says which.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.labeling.management.base import ProjectCommand
from annotation.labeling.models import Project
from learning import exchange
from learning.models import BundleImport, Target
from learning.services import bundles

CHUNK_BYTES = 1 << 20


class Command(ProjectCommand):
    help = "Import a bundle that Firstread exported; it is checked wholly before anything is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the ZIP file")
        parser.add_argument("--question", default="", help="key of the target's question")
        parser.add_argument("--kind", help="of the target; without a question: boxes")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        project = self.project(options)
        target = _target(project, options["question"], options["kind"])
        try:
            arrived = bundles.receive(actor=None, target=target, chunks=_chunks_of(options["file"]))
        except (DomainError, OSError) as error:
            raise CommandError(f"{options['file']}: {error}") from None
        jobs.execute(BundleImport, arrived.pk, exchange.take_in)
        done = BundleImport.objects.select_related("model_version").get(pk=arrived.pk)
        if done.model_version is None:
            raise CommandError(f"{options['file']}: {done.error}")
        self.stdout.write(
            f"Model {done.model_version.number} of {target.name}, a candidate: "
            f"weights {done.model_version.weights_sha256}"
        )


def _target(project: Project, question: str, kind: str | None) -> Target:
    named = Target.objects.filter(project=project, question=question)
    found = list(named.filter(kind=kind) if kind else named)
    wanted = question or kind or ""
    if not found:
        raise CommandError(f"{project.name} has no target {wanted!r}")
    if len(found) > 1:
        names = ", ".join(f"{one.name} ({one.kind})" for one in found)
        raise CommandError(f"{project.name} has {names}: say --kind, or use the screen")
    return found[0]


def _chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
