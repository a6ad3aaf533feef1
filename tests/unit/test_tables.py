"""VOI LUTs in pictures, and the images whose Modality LUT is no part of them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import XRayAngiographicImageStorage

from annotation.archive.stacks import modality_values
from annotation.imaging import rendered
from annotation.imaging.rendered import Rendering, grey_or_colour
from annotation.imaging.tables import voi_table
from tests.unit.test_native_values import RAMP, lut, written

LEVELS = (np.linspace(0, 1, 2521) ** 2 * 4095).round().astype("<u2")  # no straight line


def voi(first=0, bits=12, data=None):
    item = Dataset()
    item.LUTDescriptor = [len(LEVELS), first, bits]
    item.add_new("LUTData", "OW", LEVELS.tobytes() if data is None else data)
    return Sequence([item])


def test_a_picture_has_the_levels_of_its_voi_lut(tmp_path):
    written(tmp_path / "a.dcm", RAMP, VOILUTSequence=voi())
    found = grey_or_colour(tmp_path / "a.dcm", 1, Rendering())
    np.testing.assert_array_equal(found, np.rint(LEVELS[RAMP] / 4095 * 255))


def test_a_window_goes_before_a_voi_lut(tmp_path):
    written(tmp_path / "a.dcm", RAMP, VOILUTSequence=voi())
    written(tmp_path / "b.dcm", RAMP)
    wanted = Rendering(center=1000, width=500)
    found = [grey_or_colour(tmp_path / name, 1, wanted) for name in ("a.dcm", "b.dcm")]
    np.testing.assert_array_equal(*found)


def test_values_beside_a_voi_lut_have_its_ends():
    dataset = Dataset()
    dataset.VOILUTSequence = voi(first=2**16 - 1000)  # -1000 that lost its sign
    table = voi_table(dataset)
    found = table.look_up(np.array([-5000, -1000, 1520, 9000], np.float32))
    np.testing.assert_array_equal(found, [0, 0, 1, 1])


@pytest.mark.parametrize("sequence", [Sequence([]), Sequence([Dataset()]), voi(data=b"")])
def test_a_voi_lut_that_makes_no_sense_is_none(sequence):
    dataset = Dataset()
    dataset.VOILUTSequence = sequence
    assert voi_table(dataset) is None


def test_the_modality_lut_of_an_angiogram_is_no_part_of_its_picture(tmp_path):
    path = tmp_path / "a.dcm"
    described = {"ModalityLUTSequence": lut(), "SOPClassUID": XRayAngiographicImageStorage}
    [values] = modality_values(written(path, RAMP, **described))
    np.testing.assert_array_equal(values, RAMP)
    np.testing.assert_array_equal(rendered.modality_values(*rendered.decode(path, 1)), RAMP)
