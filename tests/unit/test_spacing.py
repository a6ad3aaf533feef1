"""What the export measures with is what the reading room shows (frontend/tests/spacing.test.ts)."""

import pytest

from annotation.imaging.spacing import Spacing, pixel_shape, spacing_between

DX, CT = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"
PIXELS = [[1, 1], [90, 9]]


def json_of(values):
    return {tag: {"vr": "UN", "Value": found} for tag, found in values.items()}


def radiograph(values):
    return json_of({"00080016": [DX], **values})


def ultrasound(*regions):
    names = ("00186018", "0018601A", "0018601C", "0018601E", "0018602C", "0018602E")
    axes = {"00186012": [1], "00186024": [3], "00186026": [3]}
    items = [json_of({**axes, **{n: [v] for n, v in zip(names, r, strict=True)}}) for r in regions]
    return json_of({"00186011": items})


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (radiograph({"00181164": [0.14, 0.15]}), Spacing("detector", 0.14, 0.15)),
        (radiograph({"00280030": [0.14, 0.15]}), Spacing("detector", 0.14, 0.15)),
        (
            radiograph({"00280030": [0.1, 0.1], "00280A02": ["FIDUCIAL"], "00181164": [0.2, 0.2]}),
            Spacing("calibrated", 0.1, 0.1),
        ),
        (
            radiograph({"00280030": [0.1, 0.1], "00181164": [0.2, 0.2]}),
            Spacing("calibrated", 0.1, 0.1),
        ),
        (
            radiograph({"00280030": [0.2, 0.3], "00181164": [0.2, 0.3], "00181114": [2]}),
            Spacing("calibrated", 0.1, 0.15),
        ),
        (
            radiograph({"00181164": [0.2, 0.3], "00181110": [1000], "00181111": [500]}),
            Spacing("calibrated", 0.1, 0.15),
        ),
        (
            json_of({"00080016": [CT], "00280030": [0.7, 0.8], "00200037": [1, 0, 0, 0, 1, 0]}),
            Spacing("patient", 0.7, 0.8),
        ),
        (json_of({"00280030": [0.7, 0.8]}), Spacing("calibrated", 0.7, 0.8)),
        (radiograph({"00280030": [0, 0]}), None),
        ({}, None),
    ],
)
def test_pixels_are_as_large_as_the_viewer_says(dataset, expected):
    assert spacing_between(dataset, 1, PIXELS) == expected


def test_ultrasound_has_the_scale_of_the_place_or_none():
    image = ultrasound((0, 0, 99, 99, 0.03, 0.02), (100, 0, 199, 99, 0.04, 0.04))
    assert spacing_between(image, 1, PIXELS) == Spacing("calibrated", 0.2, 0.3)
    assert spacing_between(image, 1, [[1, 1], [150, 9]]) is None
    assert spacing_between(image, 1, [[1, 1], [400, 9]]) is None


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (json_of({"00280034": [4, 3]}), (4, 3)),
        (json_of({"00280030": [0.4, 0.2], "00280034": [4, 3]}), (0.4, 0.2)),
        (json_of({"00280030": [0, 0], "00280034": [0, 3]}), (1, 1)),
        ({}, (1, 1)),
    ],
)
def test_pixels_without_a_size_may_have_a_shape(dataset, expected):
    assert spacing_between({**dataset, "00186011": {"Value": [{}]}}, 1, PIXELS) is None
    assert pixel_shape(dataset) == expected
