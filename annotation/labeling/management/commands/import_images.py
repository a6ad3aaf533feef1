"""`manage.py import_images FOLDER --labels labels.csv`: pictures as DICOM radiographs."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.labeling.management.base import ProgressLine, ProjectCommand
from annotation.labeling.services import pictures


class Command(ProjectCommand):
    help = "Write DICOM from PNG or JPEG files and import it, with patient, sex, age and view."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path)
        parser.add_argument("--labels", type=Path, default=Path("labels.csv"))
        parser.add_argument("--question", default="finding")
        parser.add_argument(
            "--reads-as",
            metavar="USER",
            help="enter the known labels as accepted reads of this user",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        project, reads_as = self.project(options), options["reads_as"]
        reader = self.reader(reads_as, project) if reads_as else None
        table = options["labels"]
        table = table if table.is_absolute() else options["folder"] / table
        try:
            rows = pictures.read_table(table)
        except pictures.BadTable as error:
            raise CommandError(str(error)) from None
        progress = ProgressLine(self.stdout, "pictures", len(rows))
        report = pictures.import_pictures(
            project=project,
            folder=options["folder"],
            rows=rows,
            reader=reader,
            question=options["question"],
            on_progress=progress,
        )
        self.report(report)
