"""`manage.py import_nifti IMAGES --labels FOLDER`: volumes as DICOM series, label maps as reads."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.archive.services.folders import ImportReport
from annotation.core.errors import DomainError
from annotation.labeling.management.base import ProgressLine, ProjectCommand
from annotation.labeling.services import volumes


class Command(ProjectCommand):
    help = "Write a DICOM series from every NIfTI volume and import it with its label map."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("images", type=Path)
        parser.add_argument("--labels", type=Path, help="folder of label maps of the same names")
        parser.add_argument("--reads-as", metavar="USER", help="whose reads the label maps are")
        parser.add_argument("--modality", choices=["CT", "MR"], default="MR")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if options["labels"] and not options["reads_as"]:
            raise CommandError("--labels needs --reads-as: reads belong to somebody")
        project = self.project(options)
        reader = self.reader(options["reads_as"], project) if options["reads_as"] else None
        report = ImportReport()
        progress = ProgressLine(self.stdout, "volumes")
        pairs = volumes.find_pairs(options["images"], options["labels"])
        for done, (image, label) in enumerate(pairs, 1):
            try:
                volumes.import_volume(
                    project=project, image=image, label=label, reader=reader,
                    modality=options["modality"], report=report,
                )  # fmt: skip
            except DomainError as error:
                report.refused.append((str(image), error.detail))
            progress(done)
        self.report(report)
