"""`manage.py import_dicom PATH…`: DICOM files and folders into a project."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from annotation.archive.services.folders import import_paths
from annotation.labeling.management.base import ProgressLine, ProjectCommand
from annotation.labeling.services.projects import add_cases


class Command(ProjectCommand):
    help = "Import DICOM files; safe to repeat, known files change nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        project = self.project(options)
        progress = ProgressLine(self.stdout, "files")
        report = import_paths(
            collection=project.collection,
            paths=options["paths"],
            on_progress=lambda r: progress(r.total),
        )
        created = add_cases(project=project, studies=report.studies.values()).created
        self.report(report)
        self.stdout.write(f"{len(created)} new cases in {project.name}")
