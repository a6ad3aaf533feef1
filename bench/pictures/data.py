"""The projects that the pictures are taken of, on real series from a folder."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from annotation.accounts.models import User
from annotation.archive import storage
from annotation.archive.models import Instance, Study
from annotation.archive.selectors import ImageSeries, find_image_series
from annotation.archive.services.folders import import_paths
from annotation.archive.services.ingest import ingest
from annotation.imaging import conversion
from annotation.labeling.models import Case, MarkKind, Project, Role
from annotation.labeling.services import claiming, comments, marks
from annotation.labeling.services.label_volumes import Grid, keep_layers
from annotation.labeling.services.projects import add_cases, publish_schema, set_member
from annotation.labeling.services.suggestions import Offered, offer_suggestions
from tests import factories

DEFINITION = {
    "questions": [
        {
            "key": "finding", "label": "Focal lesion?", "is_normal": "no",
            "options": [{"key": "no", "label": "No"}, {"key": "yes", "label": "Yes"}],
        },
        {
            "key": "quality", "label": "Image quality", "kind": "ordinal", "required": False,
            "options": [{"key": "poor"}, {"key": "fair"}, {"key": "good"}],
        },
    ],
    "region_labels": [{"key": "lesion", "label": "Lesion"}, {"key": "node", "label": "Lymph node"}],
    "segments": [{"value": 1, "label": "Grey matter"}, {"value": 2, "label": "Lesion", "layer": 1}],
    "options": {"suggestions": "shown"},
}  # fmt: skip


YEARS = (2019, 2021)
RULE = {
    "name": "With the earlier study", "match": {"has_prior": True}, "layout": "1x2",
    "sync": ["scroll", "window"], "panes": [{"prior": 0}, {"prior": 1}],
}  # fmt: skip


@dataclass(frozen=True)
class Projects:
    """What there is to take pictures of; everybody signs in with the factories' password."""

    volume: Project  # with a suggestion
    tilted: Project | None  # a series that is no volume
    marked: Case
    followed: Project  # a study with an earlier one of the same patient, and a rule for both


def fill(folder: Path) -> Projects:
    """Import the folder's series. Raises SystemExit where no volume is among them."""
    manager, reader = factories.make_user("manager"), factories.make_user("reader")
    volume = _project(manager, reader, "Volumes")
    paths = sorted(path for path in folder.iterdir() if path.is_dir())
    report = import_paths(collection=volume.collection, paths=paths, on_progress=lambda _: None)
    studies = list(report.studies.values())
    chosen = _largest(studies, is_volume=True)
    if chosen is None:
        raise SystemExit(f"{folder} holds no volume")
    study, series = chosen
    add_cases(project=volume, studies=[study])
    case = Case.objects.get(project=volume)
    _suggest(volume, case, series)
    reads = claiming.claim_case(reader=reader, case=case)
    marks.mark_case(
        reader=reader, case=case, kind=MarkKind.FLAG, reason="Is the left side complete?"
    )
    comments.write_comment(
        author=manager, case=case, text="Please measure the largest lesion.", place=None
    )
    marks.skip(assignment=reads, reason="Motion in the lower slices")
    tilted = _tilted(manager, reader, volume, studies)
    return Projects(volume, tilted, case, _followed(manager, series))


def _followed(manager: User, series: ImageSeries) -> Project:
    """The volume twice, as if it had been made in two years."""
    project = factories.make_project(manager, "Follow-up")
    publish_schema(actor=manager, project=project, definition={**DEFINITION, "hanging": [RULE]})
    instances = list(series.series.instances.all())
    files = [_made_in(year, instance) for year in YEARS for instance in instances]
    studies = {ingest(collection=project.collection, chunks=[data]).study for data in files}
    add_cases(project=project, studies=list(studies))
    Case.objects.filter(project=project, study__study_date__year=YEARS[-1]).update(priority=1.0)
    return project


def _made_in(year: int, instance: Instance) -> bytes:
    dataset = pydicom.dcmread(storage.blob_path(instance.sha256))
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, name, conversion.derived_uid(getattr(dataset, name), year))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientID, dataset.StudyDate = "followed", f"{year}0401"
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def _tilted(manager: User, reader: User, volume: Project, studies: list[Study]) -> Project | None:
    found = _largest(studies, is_volume=False)
    if found is None:
        return None
    project = factories.make_project(manager, "Single images")
    project.collection = volume.collection
    project.save(update_fields=["collection"])
    publish_schema(actor=manager, project=project, definition=DEFINITION)
    set_member(actor=manager, project=project, user=reader, role=Role.ANNOTATOR)
    add_cases(project=project, studies=[found[0]])
    return project


def _project(manager: User, reader: User, name: str) -> Project:
    project = factories.make_project(manager, name)
    publish_schema(actor=manager, project=project, definition=DEFINITION)
    set_member(actor=manager, project=project, user=reader, role=Role.ANNOTATOR)
    return project


def _largest(studies: list[Study], *, is_volume: bool) -> tuple[Study, ImageSeries] | None:
    """The series with the most pixels, of those that are volumes or of those that are none."""
    found = [
        (study, series)
        for study in studies
        for series in find_image_series(study)
        if (series.not_a_volume is None) == is_volume
    ]
    return max(found, key=lambda pair: _count_pixels(pair[1]), default=None)


def _count_pixels(series: ImageSeries) -> int:
    first = series.series.instances.order_by("sop_instance_uid")[0]
    return sum(series.frames.values()) * (first.rows or 0) * (first.columns or 0)


def _suggest(project: Project, case: Case, series: ImageSeries) -> None:
    """A ball in the middle of the volume, so that there is something to see; no model has run."""
    images = series.in_slice_order
    first = series.series.instances.get(sop_instance_uid=images[0][0])
    rows, columns = first.rows or 1, first.columns or 1
    z, y, x = np.ogrid[: len(images), :rows, :columns]
    middle = (len(images) - 1) // 2
    away = ((y - rows * 0.45) / (rows * 0.1)) ** 2 + ((x - columns * 0.36) / (columns * 0.1)) ** 2
    labels = (away + ((z - middle) / (len(images) * 0.3)) ** 2 <= 1).astype(np.uint8)
    schema = project.schemas.order_by("-version")[0].schema
    left, right, top, bottom = columns * 0.55, columns * 0.66, rows * 0.4, rows * 0.5
    box = {
        "id": "11111111-1111-4111-8111-111111111111", "kind": "box", "label": "lesion", "name": "",
        "answers": {}, "sop_instance_uid": images[middle][0], "frame": images[middle][1], "points": None,
        "pixels": [[left, top], [right, top], [right, bottom], [left, bottom]],
        "is_hidden": False, "is_locked": False,
    }  # fmt: skip
    content = {
        "answers": {"finding": "yes"}, "probabilities": {"finding": {"no": 0.17, "yes": 0.83}},
        "regions": [box],
        "masks": keep_layers(
            schema=schema, labels=labels, grid=Grid(series.series.series_instance_uid, images)
        ),
    }  # fmt: skip
    offered = [Offered(case.pk, content)]
    offer_suggestions(project=project, origin="pictures", source="lesion model 3", offered=offered)
