"""`manage.py grant_source NAME --project P`: let a project use a source, or no longer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.labeling.management.sources import project_named, source_named
from annotation.labeling.services import sources


class Command(BaseCommand):
    help = "Let a project's managers use a source; --revoke takes it back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--project", required=True)
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        source, project = source_named(options["name"]), project_named(options["project"])
        change = sources.revoke_source if options["revoke"] else sources.grant_source
        change(source=source, project=project)
        self.stdout.write(
            f"{source.name}: {'revoked from' if options['revoke'] else 'granted to'} {project.name}"
        )
