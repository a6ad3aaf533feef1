"""Folders, pictures and NIfTI through the commands."""

import csv
import io

import nibabel
import numpy as np
import pydicom
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from annotation.archive import storage
from annotation.archive.models import Instance, Study
from annotation.archive.services.garbage import collect_garbage
from annotation.imaging import masks
from annotation.imaging.volume import NotAVolume
from annotation.labeling.models import Annotation, Case, CaseState
from annotation.labeling.selectors import mask_addresses
from tests import factories


def run(*arguments, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_a_folder_is_imported_once_and_refusals_are_named(cast, tmp_path):
    (tmp_path / "good.dcm").write_bytes(factories.make_dicom("a"))
    (tmp_path / "bad.dcm").write_bytes(b"not DICOM")
    out, err = run("import_dicom", tmp_path, project="Chest")
    assert "1 new, 0 known already, 1 refused" in out
    assert "bad.dcm: not a DICOM part-10 file" in err
    out, _ = run("import_dicom", tmp_path, project="Chest")
    assert "0 new, 1 known already" in out
    assert Case.objects.filter(project=cast.project).count() == 1


def test_an_unknown_project_is_named_with_the_known_ones(cast, tmp_path):
    with pytest.raises(CommandError, match="Projects: Chest, Elsewhere"):
        run("import_dicom", tmp_path, project="Nowhere")


def write_pictures(folder):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg"):
        Image.fromarray(rng.integers(0, 255, (20, 30), dtype=np.uint8)).save(folder / name)
    (folder / "c.png").write_bytes(b"no picture")
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "label", "patient", "sex", "age", "view"])
        table.writerow(["a.png", "yes", "p1", "F", "61", "PA"])
        table.writerow(["b.jpg", "no", "p2", "M", "40", "AP"])
        table.writerow(["c.png", "no", "p3", "M", "40", "AP"])
        table.writerow(["../../etc/passwd", "no", "p4", "", "", ""])


def test_pictures_become_radiographs_with_their_patient_and_known_reads(cast, tmp_path):
    write_pictures(tmp_path)
    out, err = run(
        "import_images", tmp_path, project="Chest", reads_as="annotator", question="nodule"
    )
    assert "2 new, 0 known already, 2 refused" in out
    assert "c.png" in err
    assert "passwd" in err
    study = Study.objects.get(patient_id="p1")
    assert (study.patient_sex, study.patient_age) == ("F", "061Y")
    assert study.series.get().view_position == "PA"
    dataset = pydicom.dcmread(study.series.get().instances.get().path)
    np.testing.assert_array_equal(dataset.pixel_array, np.asarray(Image.open(tmp_path / "a.png")))
    assert Annotation.objects.get(case__study=study).draft == {"answers": {"nodule": "yes"}}
    run("import_images", tmp_path, project="Chest", reads_as="annotator", question="nodule")
    assert (Study.objects.count(), Annotation.objects.count()) == (2, 2)


def test_reads_are_entered_for_members_of_the_project_alone(cast, tmp_path):
    write_pictures(tmp_path)
    for command in ("import_images", "import_nifti"):
        with pytest.raises(CommandError, match="outsider is no member of Chest"):
            run(command, tmp_path, project="Chest", reads_as="Outsider")
    assert (Study.objects.count(), Annotation.objects.count()) == (0, 0)


def test_a_table_without_a_column_is_named(cast, tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\na.png,yes\n")
    with pytest.raises(CommandError, match="column 'patient' is missing"):
        run("import_images", tmp_path, project="Chest")


def test_a_nifti_volume_becomes_a_series_and_its_labels_a_mask(cast, tmp_path):
    from annotation.labeling.services.projects import publish_schema

    publish_schema(
        actor=cast.manager, project=cast.project,
        definition={"segments": [{"value": 1, "label": "front"}]},
    )  # fmt: skip
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)  # x, y, z as NIfTI has it
    mask = (voxels > 60).astype(np.uint8)
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(voxels, affine), images / "v1.nii.gz")
    nibabel.save(nibabel.Nifti1Image(mask, affine), labels / "v1.nii.gz")
    (images / "broken.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    out, err = run("import_nifti", images, labels=labels, project="Chest", reads_as="annotator")
    assert "6 new" in out
    assert "broken.nii.gz: no readable NIfTI" in err
    case = Case.objects.get(project=cast.project)
    assert case.state == CaseState.DONE
    [stored] = Annotation.objects.get(case=case).draft["masks"]
    slices = Instance.objects.order_by("instance_number")
    assert (stored["layer"], stored["rows"], stored["columns"]) == (0, 5, 4)
    collect_garbage(also_referenced=mask_addresses(), min_age_s=-1)
    for z, instance in enumerate(slices):
        address = stored["slices"].get(f"{instance.sop_instance_uid}:1")
        drawn = np.zeros((1, 5, 4), np.uint8)
        if address:
            drawn = masks.decompress(storage.blob_path(address).read_bytes())
        np.testing.assert_array_equal(drawn[0], mask[:, :, z].T)
    assert len(stored["slices"]) == np.count_nonzero(mask.any(axis=(0, 1)))
    third = pydicom.dcmread(slices[2].path)
    np.testing.assert_array_equal(third.pixel_array, voxels[:, :, 2].T)
    assert third.ImagePositionPatient == [0, 0, 4]
    run("import_nifti", images, labels=labels, project="Chest", reads_as="annotator")
    assert Annotation.objects.get(case=case).revisions.count() == 1


def test_a_value_without_a_segment_is_refused_before_anything_is_stored(cast, tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.eye(4)), images / "v.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4)), labels / "v.nii.gz")
    _, err = run("import_nifti", images, labels=labels, project="Chest", reads_as="annotator")
    assert "v.nii.gz: the project has no segment 1" in err
    assert Instance.objects.count() == 0


def test_labels_that_do_not_fit_a_byte_are_refused_before_anything_is_stored(cast, tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.eye(4)), images / "v.nii.gz")
    wide = np.full((3, 3, 3), 1001, np.int16)
    nibabel.save(nibabel.Nifti1Image(wide, np.eye(4)), labels / "v.nii.gz")
    _, err = run("import_nifti", images, labels=labels, project="Chest", reads_as="annotator")
    assert "whole numbers from 0 to 255" in err
    assert Instance.objects.count() == 0


def test_a_study_is_described_in_two_queries_and_learned_from_its_middle_slice(
    cast, django_assert_num_queries
):
    from annotation.archive import selectors
    from annotation.archive.services.ingest import ingest

    for data in factories.make_ct("described", slices=7):
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    with django_assert_num_queries(2):
        [found] = selectors.find_image_series(study)
    assert (len(found.frames), found.not_a_volume) == (7, None)
    with django_assert_num_queries(1):
        chosen = selectors.find_training_instances([study.pk])
    assert chosen[study.pk].instance_number == 4


def test_a_multi_frame_object_is_a_stack_of_its_frames(cast):
    from pathlib import Path

    from pydicom.data import get_testdata_file

    from annotation.archive import selectors
    from annotation.archive.services.ingest import ingest_file

    path = Path(str(get_testdata_file("SC_rgb_rle_2frame.dcm")))
    study = ingest_file(collection=cast.project.collection, path=path).study
    [found] = selectors.find_image_series(study)
    assert (list(found.frames.values()), found.not_a_volume) == ([2], NotAVolume.MULTI_FRAME)
    assert found.plane == ""


def lying(*cosines):
    return {"00209116": {"vr": "SQ", "Value": [{"00200037": {"vr": "DS", "Value": cosines}}]}}


def in_groups(**groups):
    tags = {"shared": "52009229", "per_frame": "52009230"}
    return {tags[name]: {"vr": "SQ", "Value": value} for name, value in groups.items()}


SAGITTAL, AXIAL = lying(0, 1, 0, 0, 0, -1), lying(1, 0, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("header", "plane"),
    [
        (in_groups(shared=[SAGITTAL]), "sagittal"),
        (in_groups(shared=[SAGITTAL], per_frame=[AXIAL, SAGITTAL]), "axial"),
        (in_groups(shared=[SAGITTAL], per_frame=[{}, AXIAL]), "sagittal"),
        (in_groups(shared=[None], per_frame=[lying(1, None, 0)]), ""),
        ({}, ""),
    ],
)
def test_the_plane_of_a_multi_frame_object_is_that_of_its_first_frame(cast, header, plane):
    from annotation.archive import selectors

    [case] = factories.make_cases(cast.project, 1)
    Instance.objects.update(number_of_frames=2, orientation=None, dicom_json=header)
    assert selectors.find_image_series(case.study)[0].plane == plane


def test_the_demo_is_deterministic_and_has_a_known_truth(cast, tmp_path):
    run("make_demo", output=tmp_path / "one", studies=6, side=64)
    run("make_demo", output=tmp_path / "two", studies=6, side=64)
    first = {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "two").iterdir()}
    truth = list(csv.DictReader((tmp_path / "one" / "truth.csv").open()))
    assert {row["label"] for row in truth} == {"nodule", "no_nodule"}
    run("make_demo", project="Chest", studies=2, modality="CT", slices=4, side=32)
    assert Case.objects.filter(project=cast.project).count() == 2
    assert Instance.objects.count() == 8
