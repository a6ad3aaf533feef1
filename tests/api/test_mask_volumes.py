"""A read's masks as NIfTI: the same voxels at the same places in the patient."""

import gzip

import nibabel
import numpy as np
import pytest
from django.core.management import call_command

from annotation.archive.models import Instance
from annotation.labeling.models import Annotation
from annotation.labeling.services.projects import publish_schema

AFFINE = np.array([[-1.5, 0, 0, 10], [0, 0.2, -2.0, 20], [0, 1.2, 0.4, 30], [0, 0, 0, 1.0]])


@pytest.fixture
def imported(cast, tmp_path):
    """An imported read of an oblique volume; its label map as it was on disk."""
    definition = {"segments": [{"value": 1, "label": "front"}, {"value": 7, "label": "back"}]}
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    rng = np.random.default_rng(5)
    voxels = rng.integers(0, 500, (6, 5, 4), dtype=np.int16)
    label = np.where(voxels > 400, 7, voxels > 250).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), images / "v.nii.gz")
    nibabel.save(nibabel.Nifti1Image(label, AFFINE), labels / "v.nii.gz")
    call_command("import_nifti", images, labels=labels, project="Chest", reads_as="annotator")
    return Annotation.objects.get(), label


def ask(client, annotation, **query):
    return client.get(f"/api/v1/annotations/{annotation.pk}/masks/nifti", query)


def in_patient(data, affine):
    """The labels by place in the patient: how slices are stored is free."""
    ijk = np.argwhere(data)
    places = np.round(nibabel.affines.apply_affine(affine, ijk), 2) + 0.0
    return {tuple(place): int(data[tuple(index)]) for place, index in zip(places, ijk, strict=True)}


def test_a_mask_comes_back_at_its_place(imported, cast, client_of):
    annotation, label = imported
    answer = ask(client_of(cast.manager), annotation)
    assert answer.status_code == 200
    found = nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    assert in_patient(np.asarray(found.dataobj), found.affine) == in_patient(label, AFFINE)
    assert ask(client_of(cast.manager), annotation, revision=1).content == answer.content


@pytest.mark.parametrize("told", [[0, 0], ["wide", "high"], [0.5]])
def test_pixels_whose_size_makes_no_sense_have_1_mm(imported, cast, client_of, told):
    annotation, _ = imported
    for instance in Instance.objects.all():
        instance.dicom_json["00280030"]["Value"] = told
        instance.save()
    answer = ask(client_of(cast.manager), annotation)
    affine = nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content)).affine
    assert np.linalg.norm(affine[:3, :2], axis=0) == pytest.approx([1, 1], abs=1e-4)


def test_only_managers_take_masks_away(imported, cast, client_of):
    annotation, _ = imported
    assert ask(client_of(cast.reviewer), annotation).status_code == 403
    assert ask(client_of(cast.annotator), annotation).status_code == 403
    assert ask(client_of(cast.outsider), annotation).status_code == 404


def test_a_mask_that_is_not_there_is_not_found(imported, cast, client_of):
    annotation, _ = imported
    manager = client_of(cast.manager)
    assert ask(manager, annotation, layer=3).status_code == 404
    assert ask(manager, annotation, series="1.2.3").status_code == 404
    assert ask(manager, annotation, layer="x").status_code == 400


def test_supervisors_look_at_everybodys_read(imported, cast, client_of):
    annotation, _ = imported
    path = f"/api/v1/cases/{annotation.case_id}/overview"
    body = client_of(cast.reviewer).get(path).json()
    [read] = body["reads"]
    assert (read["reader"], read["content"]) == ("annotator", annotation.draft)
    assert len(body["study"]["series"]) == 1
    assert client_of(cast.annotator).get(path).status_code == 403
