"""What is measured of a region: lengths, angles and areas of points in mm or in pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
ELLIPSE_CORNERS = 64


def measures_of(kind: str, points: Sequence[Sequence[float]]) -> dict[str, float]:
    """Measures of a region's points (n, 2 or 3), in the unit of the points.

    "length", "short_axis" (both lengths), "angle" (degrees), "area" (of closed regions).
    """
    places = np.asarray(points, np.float64)
    if kind == "length":
        return {"length": _distance(places, 0, 1)}
    if kind == "bidirectional":
        return {"length": _distance(places, 0, 1), "short_axis": _distance(places, 2, 3)}
    if kind == "angle":
        return {"angle": _angle(places)}
    if kind in ("box", "ellipse", "polygon", "freehand"):
        return {"area": _area(outline_of(kind, places)) if kind != "ellipse" else _ellipse(places)}
    return {}


def outline_of(kind: str, points: Points) -> Points:
    """The corners of a closed region; an ellipse as a polygon of 64."""
    if kind != "ellipse":
        return points
    bottom, top, left, right = points
    turn = 2 * np.pi * np.arange(ELLIPSE_CORNERS)[:, None] / ELLIPSE_CORNERS
    centre = points.mean(axis=0)
    return np.asarray(
        centre + np.cos(turn) * (right - left) / 2 + np.sin(turn) * (bottom - top) / 2, np.float64
    )


def _distance(places: Points, one: int, other: int) -> float:
    return float(np.linalg.norm(places[one] - places[other]))


def _angle(places: Points) -> float:
    arms = places[0] - places[1], places[2] - places[1]
    lengths = np.linalg.norm(arms[0]) * np.linalg.norm(arms[1])
    if lengths == 0:
        return 0.0
    return float(np.degrees(np.arccos(np.clip(arms[0] @ arms[1] / lengths, -1.0, 1.0))))


def _ellipse(places: Points) -> float:
    return float(np.pi * _distance(places, 0, 1) * _distance(places, 2, 3) / 4)


def _area(corners: Points) -> float:
    """Half the length of the vector area (Newell), in two dimensions or three."""
    solid = np.zeros((len(corners), 3))
    solid[:, : corners.shape[1]] = corners - corners[0]
    return float(np.linalg.norm(np.cross(solid, np.roll(solid, -1, axis=0)).sum(axis=0)) / 2)
