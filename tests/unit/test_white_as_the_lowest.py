"""Networks see images whose white is their lowest value (MONOCHROME1) as readers do."""

import numpy as np
import pytest

from learning import volumes
from learning.training.inputs import Channel, InputSpec
from learning.training.preparation import Volume, prepare
from tests.unit.test_native_values import SIDE, written

RAMP = np.linspace(100, 900, SIDE * SIDE).round().astype("<u2").reshape(SIDE, SIDE)


def seen(tmp_path, pixels, photometric, **normalised):
    """(rows, columns) of the network's input."""
    channel = Channel("image", **normalised)
    stack = written(tmp_path / "a.dcm", pixels, PhotometricInterpretation=photometric)
    values = volumes._shown(stack, channel)[0]
    spec = InputSpec((SIDE, SIDE), channels=(channel,))
    return prepare({"image": Volume(values, (1.0, 1.0))}, spec)[0]


def test_a_bright_speck_does_not_move_a_fixed_window(tmp_path):
    window = {"normalisation": "window", "low": 0, "high": 1000}
    specked = RAMP.copy()
    specked[0, 0] = 4095
    clean, found = (seen(tmp_path, one, "MONOCHROME1", **window) for one in (RAMP, specked))
    np.testing.assert_array_equal(found.ravel()[1:], clean.ravel()[1:])
    assert found[0, 0] == -1
    np.testing.assert_array_equal(clean, -seen(tmp_path, RAMP, "MONOCHROME2", **window))


@pytest.mark.parametrize("normalisation", ["percentile", "zscore"])
def test_what_is_normalised_by_the_image_itself_is_its_negative(tmp_path, normalisation):
    ends = {"low": 2.0, "high": 99.0} if normalisation == "percentile" else {}
    negative = RAMP.max() + RAMP.min() - RAMP
    expected = seen(tmp_path, negative, "MONOCHROME2", normalisation=normalisation, **ends)
    found = seen(tmp_path, RAMP, "MONOCHROME1", normalisation=normalisation, **ends)
    np.testing.assert_allclose(found, expected, atol=0.001)
