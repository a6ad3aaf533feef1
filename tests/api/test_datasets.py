"""Freezing and exporting."""

import csv
import io
import json
import zipfile

import pydicom
import pytest
from django.db import IntegrityError, transaction

from annotation.core import jobs
from annotation.core.errors import Conflict
from annotation.datasets import exporting, services
from annotation.datasets.formats import FORMATS
from annotation.datasets.formats.csv_table import safe_cell
from annotation.datasets.models import Dataset, DatasetItem, Export, Split
from annotation.labeling.accepted import find_accepted_answers
from annotation.labeling.models import Case, Revision
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, change_settings, publish_schema
from tests import factories


@pytest.fixture
def dataset(cast):
    factories.make_labeled_cases(cast.project, cast.annotator, 6)
    return services.freeze(project=cast.project, name="first", actor=cast.manager)


def run(dataset, actor, name):
    export = services.request_export(actor=actor, dataset=dataset, format_name=name)
    jobs.execute(Export, export.pk, exporting.write_export)
    export.refresh_from_db()
    return export


def test_a_dataset_holds_the_accepted_answers_and_their_origin(dataset):
    items = list(dataset.items.all())
    assert sorted(i.answers["nodule"] for i in items) == ["no"] * 3 + ["yes"] * 3
    assert {r for i in items for r in i.revision_ids} == set(
        Revision.objects.values_list("pk", flat=True)
    )
    assert services.items_sha256(items) == dataset.sha256


def test_a_frozen_dataset_cannot_change(dataset):
    for queryset in (Dataset.objects.all(), DatasetItem.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            queryset.update(sha256="0" * 64) if queryset.model is Dataset else queryset.update(
                split="test"
            )


def test_freezing_the_same_reads_again_gives_the_same_hash(dataset, cast):
    again = services.freeze(project=cast.project, name="second", actor=cast.manager)
    assert (again.number, again.sha256) == (2, dataset.sha256)


GATED = {
    "questions": [
        {"key": "nodule", "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "size", "kind": "number", "show_if": {"question": "nodule", "is": "yes"}},
        {"key": "type", "options": [{"key": "benign"}, {"key": "malignant"}],
         "show_if": {"question": "size", "at_least": 6}},
    ]
}  # fmt: skip
MALIGNANT = {"nodule": "yes", "size": 8, "type": "malignant"}


def test_what_one_reader_saw_alone_is_no_agreed_answer(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=GATED)
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=3)
    alone, by_two = factories.make_empty_cases(cast.project, 2)
    readers = (cast.annotator, cast.annotator2, cast.reviewer)
    for case, others in ((alone, [{"nodule": "no"}] * 2), (by_two, [{"nodule": "no"}, MALIGNANT])):
        for reader, answers in zip(readers, [*others, MALIGNANT], strict=True):
            import_read(reader=reader, case=case, content={"answers": answers})
    items = services.freeze(project=cast.project, name="Truth", actor=cast.manager).items
    assert items.get(case=alone).answers == {"nodule": "no", "size": None, "type": None}
    assert items.get(case=by_two).answers == MALIGNANT
    assert find_accepted_answers(cast.project, "nodule").keys() == {alone.pk, by_two.pk}
    assert find_accepted_answers(cast.project, "type").keys() == {by_two.pk}
    assert find_accepted_answers(cast.project, "size")[by_two.pk].value == 8


def test_an_empty_project_cannot_be_frozen(cast):
    with pytest.raises(Conflict, match="No case is finished"):
        services.freeze(project=cast.project, name="", actor=cast.manager)


def test_prescribed_splits_win_and_are_fixed_once_frozen(cast):
    cases = factories.make_labeled_cases(cast.project, cast.annotator, 4)
    patients = [c.study.patient_id for c in cases]
    services.prescribe_splits(
        project=cast.project, split_of_patient=dict.fromkeys(patients, Split.TEST)
    )
    dataset = services.freeze(project=cast.project, name="", actor=None)
    assert set(dataset.items.values_list("split", flat=True)) == {Split.TEST}
    with pytest.raises(Conflict, match="fixed"):
        services.prescribe_splits(project=cast.project, split_of_patient={})


def test_a_patient_never_lies_in_two_splits(cast):
    for number in range(12):
        study = factories.make_study(cast.project, f"s{number}", patient=f"P{number % 3}")
        add_cases(project=cast.project, studies=[study])
        case = Case.objects.select_related("project").get(study=study)
        import_read(reader=cast.annotator, case=case, content={"answers": {"nodule": "no"}})
    dataset = services.freeze(project=cast.project, name="", actor=None)
    pairs = set(dataset.items.values_list("patient_key", "split"))
    assert len(pairs) == 3


def test_the_csv_export_lists_every_case(dataset, cast):
    export = run(dataset, cast.manager, "csv")
    rows = list(csv.DictReader(services.export_path(export).open()))
    assert export.state == jobs.JobState.COMPLETED
    assert sorted(row["nodule"] for row in rows) == ["no"] * 3 + ["yes"] * 3
    assert all(row["patient_key"] and row["split"] in Split.values for row in rows)


def test_the_datalist_points_at_the_files_of_the_dicom_export(dataset, cast):
    listed = json.loads(
        services.export_path(run(dataset, cast.manager, "monai_datalist")).read_text()
    )
    archive = zipfile.ZipFile(services.export_path(run(dataset, cast.manager, "dicom")))
    entries = listed["training"] + listed["validation"] + listed["test"]
    assert len(entries) == 6
    names = {name for entry in entries for name in entry["image"]}
    assert names <= set(archive.namelist())
    manifest = json.loads(archive.read("manifest.json"))
    assert {f["file"] for f in manifest["files"]} == names
    first = pydicom.dcmread(io.BytesIO(archive.read(min(names))))
    assert first.pixel_array.shape == (64, 64)


def test_the_same_dataset_gives_the_same_archive(dataset, cast):
    first = run(dataset, cast.manager, "dicom")
    Export.objects.filter(pk=first.pk).update(state="cancelled")
    assert run(dataset, cast.manager, "dicom").sha256 == first.sha256


def test_asking_twice_gives_the_same_export(dataset, cast):
    one = services.request_export(actor=cast.manager, dataset=dataset, format_name="csv")
    two = services.request_export(actor=cast.manager, dataset=dataset, format_name="csv")
    assert one.pk == two.pk


def test_a_download_can_be_resumed_in_the_middle(dataset, cast, client_of):
    export = run(dataset, cast.manager, "csv")
    client = client_of(cast.manager)
    url = f"/api/v1/exports/{export.pk}/file"
    whole = b"".join(client.get(url).streaming_content)
    rest = client.get(url, headers={"Range": "bytes=10-"})
    assert rest.status_code == 206
    assert whole[:10] + b"".join(rest.streaming_content) == whole
    assert client.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    assert client.get(url, headers={"If-None-Match": f'"{export.sha256}"'}).status_code == 304


def test_a_cancelled_export_leaves_no_file(dataset, cast):
    export = services.request_export(actor=cast.manager, dataset=dataset, format_name="csv")
    Export.objects.filter(pk=export.pk).update(cancel_requested=True)
    jobs.execute(Export, export.pk, exporting.write_export)
    export.refresh_from_db()
    assert export.state == jobs.JobState.CANCELLED
    assert not services.export_path(export).exists()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "＝1"])
def test_no_cell_becomes_a_formula(text):
    assert safe_cell(text) == f"'{text}"


def test_every_format_has_a_title_and_a_type():
    assert all(f.title and "/" in f.content_type for f in FORMATS.values())
