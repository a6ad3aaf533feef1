"""Planes, affines and measures against values worked out by hand."""

import math

import numpy as np
import pytest

from annotation.imaging.geometry import (
    Plane,
    affine_of,
    plane_of_frame,
    rescale_of_frame,
    spacing_of_frame,
)
from annotation.imaging.measures import measures_of, outline_of


def values(vr, *numbers):
    return {"vr": vr, "Value": list(numbers)}


AXIAL = {
    "00200032": values("DS", -10, 20, 30),
    "00200037": values("DS", 1, 0, 0, 0, 1, 0),
    "00280030": values("DS", 0.5, 2),  # between rows, between columns
    "00281053": values("DS", 2),
    "00281052": values("DS", -1024),
}
ENHANCED = {
    "52009229": {"vr": "SQ", "Value": [{
        "00289110": {"vr": "SQ", "Value": [{"00280030": values("DS", 1, 1)}]},
        "00209116": {"vr": "SQ", "Value": [{"00200037": values("DS", 0, 1, 0, 0, 0, -1)}]},
    }]},
    "52009230": {"vr": "SQ", "Value": [
        {"00209113": {"vr": "SQ", "Value": [{"00200032": values("DS", n, 0, 0)}]},
         "00289145": {"vr": "SQ", "Value": [{"00281053": values("DS", n + 1)}]}}
        for n in range(2)
    ]},
}  # fmt: skip


def test_columns_go_along_a_row_by_the_spacing_of_columns():
    plane = plane_of_frame(AXIAL, 1)
    assert plane.to_patient([[0, 0], [3, 0], [0, 4]]) == [
        [-10, 20, 30],
        [-4, 20, 30],
        [-10, 22, 30],
    ]


def test_each_frame_of_an_enhanced_object_has_its_own_plane_and_rescale():
    planes = [plane_of_frame(ENHANCED, number) for number in (1, 2)]
    assert [p.position for p in planes] == [(0, 0, 0), (1, 0, 0)]
    assert planes[1].to_patient([[2, 3]]) == [[1, 2, -3]]
    assert [rescale_of_frame(ENHANCED, n) for n in (1, 2)] == [(1, 0), (2, 0)]
    assert rescale_of_frame(AXIAL, 1) == (2, -1024)


@pytest.mark.parametrize(
    "change",
    [{"00200032": {"vr": "DS"}}, {"00200037": values("DS", 1, 0, 0)}, {"00280030": values("DS", 0, 1)},
     {"00280030": values("DS", "a", "b")}, {"00200032": values("DS", None, 1, 2)}],
)  # fmt: skip
def test_without_all_three_attributes_there_is_no_plane(change):
    assert plane_of_frame({**AXIAL, **change}, 1) is None
    assert plane_of_frame({}, 3) is None


def test_the_detectors_spacing_stands_in_where_the_patients_is_unknown():
    assert spacing_of_frame({"00181164": values("DS", 0.1, 0.2)}, 1) == (0.1, 0.2)
    assert spacing_of_frame({}, 1) is None


def test_an_affine_keeps_the_tilt_of_a_gantry():
    planes = [Plane((0, y, 3.0 * n), (1, 0, 0, 0, 1, 0), (0.5, 2)) for n, y in enumerate((0, 1, 2))]
    expected = [[2, 0, 0, 0], [0, 0.5, 1, 0], [0, 0, 3, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(affine_of(planes), expected)
    assert affine_of(planes[:1])[2, 2] == 1


SQUARE = [[0, 0], [4, 0], [4, 3], [0, 3]]
CIRCLE = [[5, 7], [5, 3], [3, 5], [7, 5]]  # bottom, top, left, right


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        ("length", [[0, 0, 0], [1, 2, 2]], {"length": 3}),
        ("bidirectional", [[0, 0], [3, 4], [0, 0], [0, 1]], {"length": 5, "short_axis": 1}),
        ("angle", [[1, 0], [0, 0], [0, 5]], {"angle": 90}),
        ("angle", [[0, 0], [0, 0], [0, 5]], {"angle": 0}),
        ("box", SQUARE, {"area": 12}),
        ("polygon", [[0, 0], [4, 0], [0, 3]], {"area": 6}),
        ("polygon", [[0, 0, 7], [4, 0, 7], [0, 0, 10]], {"area": 6}),
        ("ellipse", CIRCLE, {"area": 4 * math.pi}),
        ("point", [[1, 1]], {}),
        ("arrow", [[1, 1], [2, 2]], {}),
    ],
)
def test_measures_by_hand(kind, points, expected):
    assert measures_of(kind, points) == pytest.approx(expected)


def test_an_ellipses_outline_lies_on_it():
    outline = outline_of("ellipse", np.array(CIRCLE, float))
    np.testing.assert_allclose(np.linalg.norm(outline - [5, 5], axis=1), 2)
    assert len(np.unique(outline.round(6), axis=0)) == 64
