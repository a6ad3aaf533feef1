"""`manage.py import_model FILE --project NAME --question KEY`: a MONAI bundle as a model version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.labeling.management.base import ProjectCommand
from learning import exchange
from learning.models import BundleImport, Target
from learning.services import bundles

CHUNK_BYTES = 1 << 20


class Command(ProjectCommand):
    help = "Import a bundle that Firstread exported; it is checked wholly before anything is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the ZIP file")
        parser.add_argument("--question", required=True, help="key of the target's question")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        project = self.project(options)
        target = Target.objects.filter(project=project, question=options["question"]).first()
        if target is None:
            raise CommandError(f"{project.name} has no target {options['question']!r}")
        try:
            arrived = bundles.receive(actor=None, target=target, chunks=_chunks_of(options["file"]))
        except (DomainError, OSError) as error:
            raise CommandError(f"{options['file']}: {error}") from None
        jobs.execute(BundleImport, arrived.pk, exchange.take_in)
        done = BundleImport.objects.select_related("model_version").get(pk=arrived.pk)
        if done.model_version is None:
            raise CommandError(f"{options['file']}: {done.error}")
        self.stdout.write(
            f"Model {done.model_version.number} of {target.question}, a candidate: "
            f"weights {done.model_version.weights_sha256}"
        )


def _chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
