"""Channels that come from series of other places, planes and grids."""

import numpy as np
import pytest
from scipy import ndimage

from learning.training.aligning import aligned
from learning.training.inputs import Channel, InputSpec
from learning.training.preparation import UnusableInput, Volume, prepare

PAIR = InputSpec((8, 32, 32), "3d", channels=(Channel("a"), Channel("b")))
APART = InputSpec((8, 32, 32), "3d", channels=(Channel("a"), Channel("b", branch=1)))


def patient(x, y, z):
    """A smooth density of the patient at places in LPS mm."""
    blob = np.exp(-((x - 12) ** 2 + (y - 20) ** 2 + (z - 9) ** 2) / 60)
    return 100 * blob + 40 * np.exp(-((x - 25) ** 2 + (y - 8) ** 2 + (z - 16) ** 2) / 40) + x * 0.1


def scanned(shape, directions, spacing, origin, reference="1.2.3"):
    """A volume of the patient; `directions` and `spacing` of columns, rows and slices."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions, float).T * np.asarray(spacing, float)
    affine[:3, 3] = origin
    z, y, x = np.indices(shape)
    places = np.stack([x, y, z, np.ones(shape)]).reshape(4, -1)
    values = patient(*(affine @ places)[:3]).reshape(shape)
    return Volume(values, (spacing[2], spacing[1], spacing[0]), affine, reference)


AXIAL = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
SAGITTAL = [(0, 1, 0), (0, 0, -1), (1, 0, 0)]
OBLIQUE = [(np.cos(0.3), np.sin(0.3), 0), (-np.sin(0.3), np.cos(0.3), 0), (0, 0, 1)]
FIRST = scanned((12, 32, 32), AXIAL, (1.0, 1.0, 2.0), (0, 0, 0))


@pytest.mark.parametrize(
    ("shape", "directions", "spacing", "origin"),
    [
        ((44, 40, 40), SAGITTAL, (1.0, 1.0, 1.0), (-4, -3, 32)),
        ((30, 48, 48), OBLIQUE, (1.0, 1.0, 1.0), (0, -12, -2)),
        ((12, 32, 32), AXIAL, (1.0, 1.0, 2.0), (0, 0, 0)),
        ((40, 64, 64), AXIAL, (0.6, 0.6, 0.8), (-2, -2, -4)),
    ],
    ids=["sagittal", "turned", "the same grid", "finer"],
)
def test_a_second_series_is_seen_at_the_place_of_the_first(shape, directions, spacing, origin):
    other = scanned(shape, directions, spacing, origin)
    found = aligned({"a": FIRST, "b": other}, PAIR)
    assert found["a"] is FIRST
    assert found["b"].values.shape == FIRST.values.shape
    assert found["b"].spacing_mm == FIRST.spacing_mm
    # Both show one patient, so that they must agree wherever the second has been.
    is_inside = found["b"].values > other.values.min() + 1e-3
    assert is_inside.mean() > 0.6
    inner = ndimage.binary_erosion(is_inside, iterations=2, border_value=1)
    np.testing.assert_allclose(found["b"].values[inner], FIRST.values[inner], atol=4.0)
    assert np.corrcoef(found["b"].values[inner], FIRST.values[inner])[0, 1] > 0.995


def test_a_shifted_series_is_moved_by_as_much_and_dark_where_it_shows_nothing():
    other = scanned((12, 32, 32), AXIAL, (1.0, 1.0, 2.0), (10, 0, 4))
    found = aligned({"a": FIRST, "b": other}, PAIR)["b"].values
    np.testing.assert_allclose(found[2:, :, 10:], FIRST.values[2:, :, 10:], atol=1e-4)
    assert (found[:2] == np.float32(other.values.min())).all()
    assert (found[:, :, :10] == np.float32(other.values.min())).all()
    image = prepare({"a": FIRST, "b": Volume(found, FIRST.spacing_mm)}, PAIR)
    assert image.shape == (2, 8, 32, 32)


def test_a_flat_image_gets_its_own_plane_of_the_other_series():
    flat = InputSpec((32, 32), channels=(Channel("a"), Channel("b")))
    first = Volume(FIRST.values[5], (1.0, 1.0), FIRST.affine_lps.copy(), "1.2.3")
    first.affine_lps[:3, 3] = (0, 0, 10)
    other = scanned((44, 40, 40), SAGITTAL, (1.0, 1.0, 1.0), (-4, -3, 32))
    found = aligned({"a": first, "b": other}, flat)["b"]
    assert found.values.shape == (32, 32)
    np.testing.assert_allclose(found.values, first.values, atol=4.0)


def test_series_that_cannot_be_laid_on_each_other_are_reasons():
    elsewhere = scanned((12, 32, 32), AXIAL, (1.0, 1.0, 2.0), (0, 0, 0), "9.9")
    with pytest.raises(UnusableInput, match="b: lies in another frame of reference than a"):
        aligned({"a": FIRST, "b": elsewhere}, PAIR)
    below = scanned((12, 32, 32), AXIAL, (1.0, 1.0, 2.0), (0, 0, -40))
    with pytest.raises(UnusableInput, match="b: shows 0% of what a shows of the patient"):
        aligned({"a": FIRST, "b": below}, PAIR)
    assert aligned({"a": FIRST, "b": below}, APART)["b"] is below  # compared by features alone


def test_what_has_no_known_place_stays_as_it_is():
    unknown = Volume(FIRST.values, FIRST.spacing_mm)
    assert aligned({"a": FIRST, "b": unknown}, PAIR)["b"] is unknown
    assert aligned({"a": unknown, "b": FIRST}, PAIR)["b"] is FIRST
    assert aligned({"a": FIRST}, PAIR) == {"a": FIRST}
