"""Pictures of enhanced objects are made of the values and windows that each frame has."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset

from annotation.imaging.rendered import Rendering, render
from tests import factories
from tests.dicomweb.wire import SHARED
from tests.enhanced import enhanced

SUPPLEMENTAL = SHARED / "dicom" / "single" / "CT" / "pydicom-data__eCT_Supplemental.dcm"
SLICES = factories.make_ct("pictured", slices=3)
SOFT = {"center": 40, "width": 400}
STORED = [pydicom.dcmread(io.BytesIO(data)).pixel_array.astype(float) for data in SLICES]


def stored_at(folder, change):
    path = folder / "a.dcm"
    path.write_bytes(enhanced(SLICES, "pictured", change=change))
    return path


def picture(path, **wanted):
    with Image.open(io.BytesIO(render(path, Rendering(media_type="image/png", **wanted)))) as found:
        return np.asarray(found, int)


def ramp(values, center, width):
    """PS3.3 C.11.2.1.2.1."""
    return np.clip(((values - (center - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)


def of_slices(dataset):
    """Of all frames, and of the second one alone, other values; a window for the third."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PixelValueTransformationSequence[0].RescaleIntercept = -100
    shared.FrameVOILUTSequence[0].WindowCenter = 10
    own, window = Dataset(), Dataset()
    own.RescaleSlope, own.RescaleIntercept = 2, 50
    window.WindowCenter, window.WindowWidth = 300, 900
    _, second, third = dataset.PerFrameFunctionalGroupsSequence
    second.PixelValueTransformationSequence, third.FrameVOILUTSequence = [own], [window]


@pytest.mark.parametrize(
    ("frame", "slope", "intercept", "window"),
    [(1, 1, -100, (10, 400)), (2, 2, 50, (10, 400)), (3, 1, -100, (300, 900))],
)
def test_a_frame_has_its_own_values_and_window(tmp_path, frame, slope, intercept, window):
    path = stored_at(tmp_path, of_slices)
    values = STORED[frame - 1] * slope + intercept
    asked = picture(path, frames=(frame,), **SOFT)
    np.testing.assert_allclose(asked, ramp(values, 40, 400), atol=0.51)
    np.testing.assert_allclose(picture(path, frames=(frame,)), ramp(values, *window), atol=0.51)


def test_groups_that_tell_nothing_leave_what_the_object_tells(tmp_path):
    def at_the_top(dataset):
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -100
        dataset.SharedFunctionalGroupsSequence = []
        for group in dataset.PerFrameFunctionalGroupsSequence:
            group.FrameVOILUTSequence = []

    found = picture(stored_at(tmp_path, at_the_top), **SOFT)
    np.testing.assert_allclose(found, ramp(STORED[0] - 100, 40, 400), atol=0.51)


@pytest.mark.skipif(not SUPPLEMENTAL.exists(), reason="the real file is not here")
def test_a_real_enhanced_ct_is_seen_in_hounsfield_units():
    stored = pydicom.dcmread(SUPPLEMENTAL).pixel_array[0].astype(float)
    found = picture(SUPPLEMENTAL, **SOFT)
    np.testing.assert_allclose(found, ramp(stored - 1024, 40, 400), atol=0.51)
    np.testing.assert_allclose(picture(SUPPLEMENTAL), ramp(stored - 1024, 49, 102), atol=0.51)
