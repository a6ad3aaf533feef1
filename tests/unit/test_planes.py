"""In which plane an image lies."""

import numpy as np
import pytest

from annotation.imaging.volume import plane_of

AXIAL = [1, 0, 0, 0, 1, 0]


def tilted(degrees):
    """Axial rows, with columns tilted about the patient's left-right axis."""
    angle = np.radians(degrees)
    return [1, 0, 0, 0, np.cos(angle), np.sin(angle)]


@pytest.mark.parametrize(
    ("cosines", "plane"),
    [
        (AXIAL, "axial"),
        ([-1, 0, 0, 0, -1, 0], "axial"),
        ([0, 1, 0, 0, 0, -1], "sagittal"),
        ([0, -1, 0, 0, 0, 1], "sagittal"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        (tilted(30), "axial"),
        (tilted(-30), "axial"),
        (tilted(45), "oblique"),
        (tilted(62), "coronal"),
        ([0, 0, 0, 0, 0, 0], ""),
        ([1, 0, 0, 1, 0, 0], ""),
        ([float("nan")] * 6, ""),
        ([1, 0, 0], ""),
        (None, ""),
    ],
)
def test_the_plane_follows_the_normal_of_the_image(cosines, plane):
    assert plane_of(cosines) == plane
