"""The figures of boxes, from what is kept of each case: its detections, each a hit or not, and its objects.

Per case: how many objects of each class (n, k), and a row of as many groups as the case with most
detections has, NaN beyond its own. A group is (class, score, then 1 or 0 for a hit at each overlap).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.detections import (
    FALSE_PER_IMAGE,
    Curve,
    Matches,
    curve,
    of_one_draw,
    times,
)
from learning.training.metrics.intervals import Measure, Rows, bootstrap_all, bootstrap_figures

Floats = NDArray[np.float64]
OfCurve = Callable[[Curve], Floats]
AT_ONCE = 4_000_000  # detections times draws in memory: 32 MB an array


def named(overlap: float) -> str:
    """What the average precision at this overlap is called: ap50."""
    return f"ap{round(100 * overlap)}"


def packed(by_overlap: Sequence[Sequence[Matches]]) -> Floats:
    """(n, width) rows as they are kept, from the matches by overlap and class."""
    rows = [_groups(by_overlap, image).ravel() for image in range(len(by_overlap[0][0]))]
    return padded(rows)


def padded(rows: Sequence[Sequence[float] | Floats]) -> Floats:
    """(n, width) of rows of any length, NaN where one ends."""
    found = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return found


@dataclass(frozen=True)
class BoxFigures:
    """Matches by overlap and class, and the figures of them."""

    matches: Mapping[float, Sequence[Matches]]
    classes: Sequence[str]

    @classmethod
    def of(
        cls,
        objects: NDArray[Any],
        values: Floats,
        overlaps: Sequence[float],
        classes: Sequence[str],
    ) -> "BoxFigures":
        """From what is kept: `objects` (n, k), `values` (n, width)."""
        groups = values.reshape(len(values), -1, 2 + len(overlaps)) if values.size else None
        found = {
            overlap: [
                _matches(groups, objects[:, label].astype(np.int64), label, place)
                for label in range(len(classes))
            ]
            for place, overlap in enumerate(overlaps)
        }
        return cls(found, classes)

    @property
    def _counted(self) -> dict[str, tuple[Sequence[Matches], OfCurve]]:
        """Of each figure the matches by class, and how it follows from a curve; the deciding one first."""
        first, *others = self.matches
        return {
            named(first): (self.matches[first], Curve.average_precision),
            "froc": (self.matches[first], Curve.froc),
            **{named(other): (self.matches[other], Curve.average_precision) for other in others},
        }

    def measures(self) -> dict[str, Measure]:
        """Means over the classes that occur, by rows."""

        def measure(per_class: Sequence[Matches], of_curve: OfCurve) -> Measure:
            return lambda rows: _mean([_one(m, of_curve, rows) for m in per_class])

        return {name: measure(*counted) for name, counted in self._counted.items()}

    def weighted(self) -> dict[str, Callable[[Rows, NDArray[np.float32]], Floats]]:
        """The same of many draws at once: see `metrics.weighted`."""

        def measure(
            per_class: Sequence[Matches], of_curve: OfCurve
        ) -> Callable[[Rows, NDArray[np.float32]], Floats]:
            return lambda rows, weights: _mean_of_draws(
                [_draws(m, of_curve, rows, weights) for m in per_class]
            )

        return {name: measure(*counted) for name, counted in self._counted.items()}

    def froc_curve(self, patients: Sequence[str], rng: np.random.Generator) -> list[dict[str, Any]]:
        """Sensitivity at each of FALSE_PER_IMAGE, with its interval: the mean over the classes."""
        first = next(iter(self.matches))

        def points(rows: Rows) -> dict[str, float | None]:
            curves = [curve(m, times(m, rows)) for m in self.matches[first]]
            return {
                str(rate): _mean([of_one_draw(found.sensitivity(rate)) for found in curves])
                for rate in FALSE_PER_IMAGE
            }

        found = bootstrap_figures(points, patients, rng)
        return [
            {"false_per_image": float(rate), "sensitivity": asdict(estimate)}
            for rate, estimate in found.items()
        ]

    def labels(self, patients: Sequence[str], rng: np.random.Generator) -> list[dict[str, Any]]:
        """Each class: its figures, and how many cases show one."""
        return [self._label(place, patients, rng) for place in range(len(self.classes))]

    def _label(
        self, place: int, patients: Sequence[str], rng: np.random.Generator
    ) -> dict[str, Any]:
        def measure(per_class: Sequence[Matches], of_curve: OfCurve) -> Measure:
            return lambda rows: _one(per_class[place], of_curve, rows)

        measures = {name: measure(*counted) for name, counted in self._counted.items()}
        objects = next(iter(self.matches.values()))[place].objects
        return {
            "name": self.classes[place],
            "positives": int((objects > 0).sum()),
            "objects": int(objects.sum()),
            **{n: asdict(found) for n, found in bootstrap_all(measures, patients, rng).items()},
        }


def _groups(by_overlap: Sequence[Sequence[Matches]], image: int) -> Floats:
    """(detections, 2 + overlaps) of one image; each class is in the order of its scores."""
    found = [
        np.column_stack([
            np.full(len(first.scores[image]), label), first.scores[image],
            *(matches[label].is_hit[image] for matches in by_overlap),
        ])
        for label, first in enumerate(by_overlap[0])
    ]  # fmt: skip
    return np.concatenate(found)


def _matches(groups: Floats | None, objects: NDArray[np.int64], label: int, place: int) -> Matches:
    """Of one class at one overlap."""
    if groups is None:
        empty = [np.zeros(0)] * len(objects)
        return Matches(empty, [one.astype(bool) for one in empty], objects)
    mine = [case[case[:, 0] == label] for case in groups]
    return Matches([one[:, 1] for one in mine], [one[:, 2 + place] == 1 for one in mine], objects)


def _one(matches: Matches, of_curve: OfCurve, rows: Rows) -> float | None:
    return of_one_draw(of_curve(curve(matches, times(matches, rows))))


def _draws(matches: Matches, of_curve: OfCurve, rows: Rows, weights: NDArray[np.float32]) -> Floats:
    """(draws,), a block of draws after the other: there are many detections in an image."""
    own = np.zeros_like(weights)
    own[rows] = weights[rows]
    at_once = max(1, AT_ONCE // max(len(matches.ranked.image), 1))
    blocks = [own[:, start : start + at_once] for start in range(0, own.shape[1], at_once)]
    return np.concatenate([of_curve(curve(matches, block)) for block in blocks])


def _mean_of_draws(found: Sequence[Floats]) -> Floats:
    """(draws,) mean over the classes that a draw has."""
    values = np.stack(found)
    is_known = np.isfinite(values)
    total, count = np.where(is_known, values, 0.0).sum(axis=0), is_known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
