"""`manage.py import_clinical FILE --project NAME`: a CSV file as the project's clinical values."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.core.errors import InvalidInput
from annotation.labeling.management.base import ProjectCommand
from annotation.labeling.selectors import count_clinical_values
from annotation.labeling.services.clinical import replace_table


class Command(ProjectCommand):
    help = "Take over a table of clinical values; it replaces the one that is there."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        project, path = self.project(options), options["file"]
        try:
            table = replace_table(actor=None, project=project, data=path.read_bytes())
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        except InvalidInput as error:
            raise CommandError(f"{path}: {error.detail}") from None
        counts = count_clinical_values(table)
        for column in table.columns:
            known = counts.by_column.get(column["key"], 0)
            self.stdout.write(f"{column['key']} ({column['type']}): {known} cases with a value")
        self.stdout.write(
            f"{counts.lines} lines, {counts.unmatched_lines} of them for no case of {project.name}"
        )
