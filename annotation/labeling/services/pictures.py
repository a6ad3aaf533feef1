"""Turns PNG and JPEG files with a table of labels into DICOM studies, cases and known reads."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotation.accounts.models import User
from annotation.archive.services.folders import ImportReport
from annotation.archive.services.ingest import Ingested, ingest
from annotation.core.errors import DomainError
from annotation.imaging.conversion import Subject, derived_uid, radiograph
from annotation.labeling.models import Case, Project
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases

MAX_PIXELS = 64_000_000
REQUIRED = ("file", "patient")


class BadTable(ValueError):
    """The table of labels cannot be used; says which line and column."""


@dataclass(frozen=True)
class PictureRow:
    """One line of labels.csv."""

    file: str
    patient: str
    label: str
    sex: str
    age_years: int | None
    view: str
    split: str


def read_table(path: Path) -> list[PictureRow]:
    """The rows of labels.csv (columns file, patient; optional label, sex, age, view, split)."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            missing = [c for c in REQUIRED if c not in (table.fieldnames or [])]
            if missing:
                raise BadTable(f"{path}: the column {missing[0]!r} is missing")
            return [_row(path, number, line) for number, line in enumerate(table, 2)]
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadTable(f"{path}: is not UTF-8 text") from None


def _row(path: Path, number: int, line: dict[str, str | None]) -> PictureRow:
    def cell(name: str) -> str:
        return (line.get(name) or "").strip()

    for name in REQUIRED:
        if not cell(name):
            raise BadTable(f"{path}, line {number}: {name} is empty")
    age = cell("age")
    if age and not age.isdigit():
        raise BadTable(f"{path}, line {number}: age is not a whole number")
    return PictureRow(
        cell("file"), cell("patient"), cell("label"), cell("sex"), int(age) if age else None,
        cell("view"), cell("split"),
    )  # fmt: skip


def import_pictures(
    *,
    project: Project,
    folder: Path,
    rows: Iterable[PictureRow],
    reader: User | None,
    question: str,
    on_progress: Callable[[int], None],
) -> ImportReport:
    """Ingest every picture as a study of its own; with a reader, enter the known labels too."""
    report = ImportReport()
    for row in rows:
        try:
            ingested = _ingest_picture(project, folder, row)
            add_cases(project=project, studies=[ingested.study])
            if reader is not None and row.label:
                case = Case.objects.select_related("project").get(
                    project=project, study=ingested.study
                )
                import_read(reader=reader, case=case, content={"answers": {question: row.label}})
            report.add(ingested)
        except DomainError as error:
            report.refused.append((row.file, f"{error.detail} {error.extra or ''}".strip()))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            report.refused.append((row.file, f"no readable picture ({type(error).__name__})"))
        on_progress(report.total)
    return report


def study_uid_of(row: PictureRow) -> str:
    """The Study Instance UID that the picture's study gets."""
    return derived_uid(_key(row), "study")


def _key(row: PictureRow) -> str:
    return f"picture {row.patient} {row.file}"


def _ingest_picture(project: Project, folder: Path, row: PictureRow) -> Ingested:
    path = (folder / row.file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError("outside the folder")
    subject = Subject(
        patient_id=row.patient, sex=row.sex[:1].upper(), age_years=row.age_years, view=row.view
    )
    data = radiograph(_grey(path), subject, key=_key(row))
    return ingest(collection=project.collection, chunks=[data])


def _grey(path: Path) -> NDArray[np.generic]:
    """The grey image of 8 or 16 bits; only PNG and JPEG, never more than 64 megapixels."""
    with Image.open(path, formats=["PNG", "JPEG"]) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        if picture.mode.startswith("I"):
            return np.asarray(picture).astype(np.uint16)
        return np.asarray(picture.convert("L"))
