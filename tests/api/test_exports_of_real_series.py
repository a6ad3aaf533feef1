"""Masks on real series: tilted, classic and enhanced; they lie where the series does."""

import contextlib
import io

import highdicom
import numpy as np
import pydicom
import pytest

from annotation.archive import storage
from annotation.archive.services.ingest import ingest
from annotation.core.errors import RefusedInstance
from annotation.datasets import services
from annotation.datasets.formats.writers import WRITERS
from annotation.imaging import masks
from annotation.labeling.models import Case
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, publish_schema
from tests.api.test_exports import DEFINITION, entries, volume
from tests.dicomweb.wire import SHARED


def series_files(folder):
    return [p for p in sorted((SHARED / "dicom" / "series" / folder).rglob("*")) if p.is_file()]


def marked(cast, folder):
    """A real series with one slice of a mask: (header, frame, that slice, files, manifests)."""
    files = series_files(folder)
    if not files:
        pytest.skip("the shared data is not here")
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    for path in files:
        with contextlib.suppress(RefusedInstance):
            stored = ingest(collection=cast.project.collection, chunks=[path.read_bytes()])
    add_cases(project=cast.project, studies=[stored.study])
    series = stored.study.series.order_by("-number_of_instances").first()
    first = series.instances.exclude(frame_index=None).order_by("instance_number")[0]
    frame = first.number_of_frames // 2 + 1
    plane = np.zeros((1, first.rows, first.columns), np.uint8)
    plane[0, 5:9, 7:20] = 3
    mask = {
        "layer": 0, "series_instance_uid": series.series_instance_uid, "rows": first.rows,
        "columns": first.columns,
        "slices": {f"{first.sop_instance_uid}:{frame}": storage.keep_bytes(masks.compress(plane))},
    }  # fmt: skip
    content = {"answers": {"nodule": "yes"}, "masks": [mask]}
    import_read(reader=cast.annotator, case=Case.objects.get(study=stored.study), content=content)
    dataset = services.freeze(project=cast.project, name=folder, actor=cast.manager)
    made, manifests = {}, {}
    for name in ("nifti", "dicom_seg"):
        out = io.BytesIO()
        WRITERS[name](dataset, out, lambda _done, _total: None)
        made[name], manifests[name] = entries(out)
    return pydicom.dcmread(first.path), frame, plane[0], made, manifests


def the_volume(files, kind):
    [name] = [n for n in files if n.startswith(f"{kind}/")]
    return volume(files[name])


@pytest.mark.parametrize("folder", ["ct_head_ge_tilt", "mr_canon_classic"])
def test_masks_of_real_series_lie_where_the_series_does(cast, folder):
    """The mask's slice, sent through its affine, is where its image's header says."""
    header, _, plane, made, manifests = marked(cast, folder)
    assert [manifest["left_out"] for manifest in manifests.values()] == [[], []]
    found = the_volume(made["nifti"], "masks")
    labels = np.asarray(found.dataobj)
    [z] = set(np.nonzero(labels)[2].tolist())
    np.testing.assert_array_equal(labels[:, :, z].T, plane)
    x, y, *_ = found.affine @ [0, 0, z, 1]
    np.testing.assert_allclose(
        [-x, -y, (found.affine @ [0, 0, z, 1])[2]], header.ImagePositionPatient, atol=0.1
    )
    image = the_volume(made["nifti"], "images")
    slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    np.testing.assert_allclose(
        np.asarray(image.dataobj)[:, :, z].T, header.pixel_array * slope + intercept, rtol=1e-6
    )
    [data] = made["dicom_seg"].values()
    back = highdicom.seg.segread(io.BytesIO(data))
    np.testing.assert_array_equal(back.pixel_array > 0, plane > 0)
    assert back.FrameOfReferenceUID == header.FrameOfReferenceUID


@pytest.mark.parametrize("folder", ["mr_philips_enhanced_fmap", "mr_canon_enhanced"])
def test_a_series_with_several_images_at_one_place_is_a_stack_that_says_so(cast, folder):
    header, frame, plane, made, manifests = marked(cast, folder)
    places = {entry["not_a_volume"] for entry in manifests["nifti"]["files"][:2]}
    assert places == {"several images at one place"}
    assert [entry["reason"] for entry in manifests["dicom_seg"]["left_out"]] == [
        "Plane positions must not contain duplicates."
    ]
    labels = np.asarray(the_volume(made["nifti"], "masks").dataobj)
    [z] = set(np.nonzero(labels)[2].tolist())
    np.testing.assert_array_equal(labels[:, :, z].T, plane)
    image = np.asarray(the_volume(made["nifti"], "images").dataobj)
    assert image.shape == labels.shape == (header.Columns, header.Rows, header.NumberOfFrames)
    stored = header.pixel_array[frame - 1].astype(float)
    assert np.corrcoef(image[:, :, z].T.ravel(), stored.ravel())[0, 1] == pytest.approx(1)
