"""Folders whose truth is known: pictures with answers, volumes with masks, pictures with boxes."""

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from annotation.accounts.models import User
from annotation.archive import selectors as archive
from annotation.archive.models import Collection, Instance, Study
from annotation.archive.services.folders import ImportReport
from annotation.core.errors import DomainError
from annotation.datasets.models import Split
from annotation.labeling.accepted import find_accepted_revisions
from annotation.labeling.models import Project
from annotation.labeling.services import pictures, projects, volumes
from annotation.labeling.services.pictures import BadTable, PictureRow, read_table
from learning.models import TargetKind

QUESTION = "finding"
SPLITS = {"train": Split.TRAIN, "val": Split.VALIDATION, "validation": Split.VALIDATION,
          "test": Split.TEST}  # fmt: skip
Say = Callable[[str], None]
Json = dict[str, Any]


class UnusableFolder(ValueError):
    """The folder cannot be replayed; names the file."""


@dataclass(frozen=True)
class Known:
    """Studies whose reads are known, and what is learned from them."""

    collection: Collection
    definition: Json
    wish: Json  # of targets.create_target
    figure: str  # that is compared
    contents: Mapping[str, Json]  # of a complete read, by Study Instance UID
    split_of_patient: Mapping[str, Split] = field(default_factory=dict)


def known_of(folder: Path, actor: User, say: Say) -> Known:
    """What a folder holds, imported once, as soon as it can be read. Raises UnusableFolder."""
    known = _imported(folder, actor, say)
    _wait_until_whole(known.collection)
    return known


def _wait_until_whole(collection: Collection) -> None:
    """What came a moment ago may be a part: nobody is served it before nothing more has come for a while."""
    arriving = Study.objects.filter(collection=collection)
    while arriving.filter(archive.is_arriving("pk")).exists():
        time.sleep(1)


def _imported(folder: Path, actor: User, say: Say) -> Known:
    try:
        if (folder / "boxes.csv").exists():
            return _boxes(folder, actor, say)
        with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
            columns = csv.DictReader(file).fieldnames or []
        make = _masks if "image" in columns else _answers
        return make(folder, actor, say)
    except BadTable as error:
        raise UnusableFolder(str(error)) from None
    except OSError as error:
        raise UnusableFolder(f"{error.filename}: {error.strerror}") from None


def _answers(folder: Path, actor: User, say: Say) -> Known:
    rows = read_table(folder / "labels.csv")
    options = [{"key": label, "label": label} for label in sorted({row.label for row in rows})]
    question = {"key": QUESTION, "label": "Finding", "kind": "one", "options": options}
    definition = {"questions": [question]}
    project = _project(folder, actor, definition)
    _import_pictures(project, folder, rows, say)
    contents = {pictures.study_uid_of(row): {"answers": {QUESTION: row.label}} for row in rows}
    return Known(
        project.collection, definition, {"question": QUESTION}, "auc", contents, _splits(rows)
    )


def _boxes(folder: Path, actor: User, say: Say) -> Known:
    drawn: dict[str, list[dict[str, str]]] = {}
    for line in _lines(folder / "boxes.csv"):
        drawn.setdefault(line["file"], []).append(line)
    rows = [
        PictureRow(line["file"], line["file"], "", "", None, "", line["split"])
        for line in _lines(folder / "images.csv")
    ]
    labels = sorted({one["label"] for lines in drawn.values() for one in lines})
    definition = {
        "questions": [{"key": "note", "label": "Note", "kind": "text", "required": False}],
        "region_labels": [{"key": k, "label": k, "kinds": ["box"]} for k in map(_key, labels)],
    }
    project = _project(folder, actor, definition)
    _import_pictures(project, folder, rows, say)
    images = dict(
        Instance.objects.filter(collection=project.collection).values_list(
            "series__study__study_instance_uid", "sop_instance_uid"
        )
    )
    contents = {}
    for row in rows:
        study = pictures.study_uid_of(row)
        regions = [_region(line, images[study]) for line in drawn.get(row.file, [])]
        contents[study] = {"answers": {}, "regions": [r for r in regions if r]}
    return Known(
        project.collection, definition, {"kind": TargetKind.BOXES}, "ap50", contents, _splits(rows)
    )


def _masks(folder: Path, actor: User, say: Say) -> Known:
    lines = _lines(folder / "labels.csv")
    names = [c.removeprefix("vox_") for c in lines[0] if c.startswith("vox_")]
    definition = {
        "questions": [{"key": "note", "label": "Note", "kind": "text", "required": False}],
        "segments": [{"value": n, "label": name} for n, name in enumerate(names, 1)],
    }
    project = _project(folder, actor, definition)
    missing = [line for line in lines if not _has(project, line)]
    for done, line in enumerate(missing, 1):
        try:
            volumes.import_volume(
                project=project, image=folder / line["image"], label=folder / line["label"],
                reader=actor, modality="MR", report=ImportReport(),
            )  # fmt: skip
        except DomainError as error:
            raise UnusableFolder(error.detail) from None
        if done % 50 == 0:
            say(f"imported {done}")
    contents = {
        revision.annotation.case.study.study_instance_uid: revision.content
        for revision in find_accepted_revisions(project)
    }
    splits = {_patient(line): SPLITS[line["split"]] for line in lines if line.get("split")}
    wish = {"kind": TargetKind.SEGMENTATION}
    return Known(project.collection, definition, wish, "mean_dice", contents, splits)


def _project(folder: Path, actor: User, definition: Json) -> Project:
    """The project that the folder was imported into, made at its first replay."""
    name = f"simulation {folder.resolve().name}"
    known = Project.objects.filter(name=name).select_related("collection").first()
    return known or projects.create_project(actor=actor, name=name, definition=definition)


def _import_pictures(project: Project, folder: Path, rows: list[PictureRow], say: Say) -> None:
    there = set(
        Study.objects.filter(collection=project.collection).values_list(
            "study_instance_uid", flat=True
        )
    )
    report = pictures.import_pictures(
        project=project, folder=folder, reader=None, question=QUESTION,
        rows=[row for row in rows if pictures.study_uid_of(row) not in there],
        on_progress=lambda done: say(f"imported {done}") if done % 250 == 0 else None,
    )  # fmt: skip
    if report.refused:
        raise UnusableFolder(f"{report.refused[0][0]}: {report.refused[0][1]}")


def _splits(rows: list[PictureRow]) -> dict[str, Split]:
    return {row.patient: SPLITS[row.split] for row in rows if row.split}


def _has(project: Project, line: dict[str, str]) -> bool:
    return Study.objects.filter(
        collection=project.collection, patient_id=_patient(line)
    ).exists()  # fmt: skip


def _patient(line: dict[str, str]) -> str:
    return Path(line["image"]).name.split(".")[0]


def _region(line: dict[str, str], sop_instance_uid: str) -> Json | None:
    """A box from its first pixel's corner, which lies half a pixel before that pixel's centre."""
    x, y, width, height = (float(line[name]) for name in ("x", "y", "width", "height"))
    if width <= 0 or height <= 0:
        return None
    left, top, right, bottom = x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5
    return {
        "id": str(uuid5(NAMESPACE_OID, str(sorted(line.items())))), "kind": "box",
        "label": _key(line["label"]), "name": "", "answers": {}, "frame": 1, "points": None,
        "is_hidden": False, "is_locked": False, "sop_instance_uid": sop_instance_uid,
        "pixels": [[left, top], [right, top], [right, bottom], [left, bottom]],
    }  # fmt: skip


def _key(label: str) -> str:
    return label.lower()


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
