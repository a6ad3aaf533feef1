"""The frames of a dose lie where its grid says, and their values are in its unit, wherever it is looked at."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from annotation.archive import selectors
from annotation.archive.models import Instance
from annotation.archive.services.ingest import ingest
from annotation.archive.stacks import image_type, modality_values, stack_of
from annotation.datasets.formats.content import _in_patient
from annotation.imaging.geometry import plane_of_frame
from annotation.imaging.rendered import decode
from annotation.imaging.rendered import modality_values as pictured_values
from annotation.imaging.volume import NotAVolume
from tests import factories

REAL = Path(get_testdata_file("rtdose.dcm"))  # 15 planes of 10 x 10, 5 mm apart
ORIGIN = [189.43125, 199.43125, -761.87]
PLANES = [[*ORIGIN[:2], ORIGIN[2] + 5 * number] for number in range(15)]


def stored(cast, **attributes):
    data = factories.with_attributes(REAL.read_bytes(), **attributes)
    return ingest(collection=cast.project.collection, chunks=[data]).study


def stack_in(study):
    [series] = study.series.all()
    return stack_of(study.pk, series.series_instance_uid, 10, 10)


def test_planes_lie_apart_by_the_offsets_and_values_are_doses(cast):
    stack = stack_in(stored(cast))
    assert (stack.not_a_volume, image_type(stack)) == (None, np.float32)
    np.testing.assert_allclose([frame.plane.position for frame in stack.frames], PLANES)
    np.testing.assert_allclose(
        stack.frames[8].plane.to_patient([[1, 2]]), [PLANES[8] + np.array([10, 20, 0])]
    )
    inverse = np.linalg.inv(stack.affine_lps)
    np.testing.assert_allclose(inverse @ [*PLANES[14], 1], [0, 0, 14, 1], atol=1e-9)
    counts = pydicom.dcmread(REAL).pixel_array
    np.testing.assert_allclose(list(modality_values(stack)), counts * 1e-6)
    np.testing.assert_allclose(pictured_values(*decode(REAL, 9)), counts[8] * 1e-6, rtol=1e-6)


RISING, FALLING = list(range(1, 16)), list(range(15, 0, -1))
FORMS = {
    "as it is": ({}, RISING, 5),
    "downwards": ({"GridFrameOffsetVector": [-5 * n for n in range(15)]}, FALLING, -5),
    "the z of each plane": ({"GridFrameOffsetVector": [z for _, _, z in PLANES]}, RISING, 5),
    "along another normal": ({"ImageOrientationPatient": [-1, 0, 0, 0, 1, 0]}, RISING, -5),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_reading_room_lists_planes_as_networks_and_exports_have_them(cast, form):
    attributes, order, step_mm = FORMS[form]
    study = stored(cast, **attributes)
    stack, [listed] = stack_in(study), selectors.find_image_series(study)
    assert [frame.number for frame in stack.frames] == order
    assert [frame for _, frame in listed.in_slice_order] == order
    assert (stack.not_a_volume, listed.not_a_volume, listed.plane) == (None, None, "axial")
    first, ninth = (plane_of_frame(Instance.objects.get().dicom_json, n) for n in (1, 9))
    np.testing.assert_allclose(np.subtract(ninth.position, first.position), [0, 0, 8 * step_mm])


def test_offsets_that_are_neither_distances_nor_places_tell_no_place(cast):
    study = stored(cast, GridFrameOffsetVector=[7 + 5 * n for n in range(15)])
    stack, [listed] = stack_in(study), selectors.find_image_series(study)
    assert (listed.not_a_volume, listed.frame_order) == (NotAVolume.MULTI_FRAME, None)
    assert [frame.plane for frame in stack.frames] == [None] * 15
    np.testing.assert_allclose(stack.affine_lps, np.diag([10, 10, 1, 1]))


def test_a_region_that_was_stored_without_points_lies_on_its_own_plane(cast):
    box = {"frame": 9, "kind": "box", "pixels": [[1, 2], [3, 2], [3, 4], [1, 4]]}
    stored(cast)
    [corner, *_] = _in_patient(box, Instance.objects.get().dicom_json)["points"]
    np.testing.assert_allclose(corner, PLANES[8] + np.array([10, 20, 0]))
