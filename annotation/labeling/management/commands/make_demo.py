"""`manage.py make_demo`: synthetic studies with known truth, into a project or a folder."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError, CommandParser

from annotation.archive.services.ingest import ingest
from annotation.imaging import synthesis
from annotation.imaging.conversion import Subject, radiograph, volume_series
from annotation.labeling.management.base import ProgressLine, ProjectCommand
from annotation.labeling.services.projects import add_cases

BATCH = 200


@dataclass(frozen=True)
class DemoStudy:
    """The files of one synthetic study and what is true of it."""

    name: str
    files: list[bytes]
    label: str
    detail: str


class Command(ProjectCommand):
    help = "Make synthetic radiographs (with and without a nodule) or CT phantoms with lesions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="name of the project to import into")
        parser.add_argument(
            "--output", type=Path, help="write DICOM files and truth.csv here instead"
        )
        parser.add_argument("--studies", type=int, default=120)
        parser.add_argument("--modality", choices=["DX", "CT"], default="DX")
        parser.add_argument("--prevalence", type=float, default=0.5)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--side", type=int, default=256)
        parser.add_argument("--slices", type=int, default=40)

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if bool(options["project"]) == bool(options["output"]):
            raise CommandError("Give either --project or --output")
        if not 0 <= options["prevalence"] <= 1 or options["studies"] < 0:
            raise CommandError("--prevalence is 0 to 1 and --studies not negative")
        if options["output"]:
            self._write(options)
        else:
            self._import(options)

    def _write(self, options: dict[str, Any]) -> None:
        folder: Path = options["output"]
        folder.mkdir(parents=True, exist_ok=True)
        progress = ProgressLine(self.stdout, "studies", options["studies"])
        with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
            truth = csv.writer(file)
            truth.writerow(["study", "label", "detail"])
            for done, study in enumerate(demo_studies(options), 1):
                for index, data in enumerate(study.files):
                    (folder / f"{study.name}-{index:04d}.dcm").write_bytes(data)
                truth.writerow([study.name, study.label, study.detail])
                progress(done)

    def _import(self, options: dict[str, Any]) -> None:
        project = self.project(options)
        progress = ProgressLine(self.stdout, "demo studies", options["studies"])
        waiting = []
        for done, study in enumerate(demo_studies(options), 1):
            for data in study.files:
                ingested = ingest(collection=project.collection, chunks=[data])
            waiting.append(ingested.study)
            if len(waiting) >= BATCH:
                add_cases(project=project, studies=waiting)
                waiting = []
            progress(done)
        add_cases(project=project, studies=waiting)


def demo_studies(options: dict[str, Any]) -> Iterator[DemoStudy]:
    """One study after the other; study n of a seed is always the same."""
    for number in range(options["studies"]):
        rng = np.random.default_rng([options["seed"], number])
        make = _radiograph if options["modality"] == "DX" else _phantom
        yield make(rng, number, options)


def _subject(rng: np.random.Generator, number: int, seed: int, view: str) -> Subject:
    return Subject(
        patient_id=f"DEMO-{seed}-{number:06d}",
        sex=str(rng.choice(["F", "M"])),
        age_years=int(np.clip(rng.normal(58, 16), 18, 95)),
        view=view,
        description="Synthetic study made by Firstread",
        study_date=date(2024, 1, 1) + timedelta(days=int(rng.integers(365))),
    )


def _radiograph(rng: np.random.Generator, number: int, options: dict[str, Any]) -> DemoStudy:
    has_nodule = bool(rng.random() < options["prevalence"])
    name = f"dx-{options['seed']}-{number:06d}"
    subject = _subject(rng, number, options["seed"], str(rng.choice(["PA", "AP"])))
    pixels, nodule = synthesis.chest_radiograph(rng, has_nodule=has_nodule, side=options["side"])
    detail = f"row={nodule.row:.0f} column={nodule.column:.0f}" if nodule else ""
    label = "nodule" if has_nodule else "no_nodule"
    return DemoStudy(name, [radiograph(pixels, subject, f"demo {name}")], label, detail)


def _phantom(rng: np.random.Generator, number: int, options: dict[str, Any]) -> DemoStudy:
    count = int(rng.integers(1, 4)) if rng.random() < options["prevalence"] else 0
    name = f"ct-{options['seed']}-{number:06d}"
    voxels, _, lesions = synthesis.ct_phantom(
        rng, lesion_count=count, slices=options["slices"], side=options["side"]
    )
    spacing = 350 / options["side"]
    affine = np.diag([spacing, spacing, 2.5, 1.0])
    affine[:3, 3] = (-175, -175, -options["slices"] * 1.25)
    subject = _subject(rng, number, options["seed"], "")
    files = list(volume_series(voxels, affine, subject, f"demo {name}", "CT"))
    detail = "; ".join(f"z={le.center[0]:.0f} r={le.radius:.1f}" for le in lesions)
    return DemoStudy(name, files, "lesion" if lesions else "no_lesion", detail)
