"""`manage.py remove_source NAME`: forget a source and its credentials."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.labeling.management.sources import source_named
from annotation.labeling.services import sources


class Command(BaseCommand):
    help = "Remove a source; what was pulled from it stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        source = source_named(options["name"])
        sources.remove_source(source=source)
        self.stdout.write(f"{source.name} removed")
