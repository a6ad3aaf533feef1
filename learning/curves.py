"""Learning curves as files, a table and a plot: mean over seeds, each seed shown."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TypeVar, get_type_hints

import matplotlib as mpl
import numpy as np

from learning.heads.saving import Arm
from learning.simulation import Point, QuickPoint

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"random": "#7f7f7f", "margin": "#0072b2", "entropy": "#d55e00",
           "least_confident": "#009e73", "herding": "#56b4e9"}  # fmt: skip
P = TypeVar("P", Point, QuickPoint)
Curves = dict[str, dict[int, list[float]]]


def read_points(kind: type[P], table: Path) -> list[P]:
    """The points of an earlier run, none where there is no file."""
    if not table.exists():
        return []
    types = get_type_hints(kind)
    with table.open(newline="") as file:
        return [
            kind(**{name: parse(row[name]) for name, parse in types.items()})
            for row in csv.DictReader(file)
        ]


def write_points(table: Path, points: Sequence[Point | QuickPoint]) -> None:
    """Replace the file at once, so that a killed replay can go on."""
    columns = [f.name for f in fields(points[0])]
    partial = table.with_suffix(".part")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([getattr(p, c) for c in columns] for p in points)
    partial.rename(table)


def by_strategy(points: Sequence[Point]) -> Curves:
    """The figures of all seeds by strategy and number of labels."""
    curves: Curves = defaultdict(lambda: defaultdict(list))
    for point in points:
        curves[point.strategy][point.labels].append(point.value)
    return curves


def of_figure(points: Sequence[Point], figure: str) -> list[Point]:
    """Those of one figure, where a replay measured several."""
    return [point for point in points if point.figure == figure]


def summarize(points: Sequence[Point]) -> str:
    """A table of mean and range of each test figure per strategy and number of labels."""
    lines = []
    for figure in dict.fromkeys(point.figure for point in points):
        lines.append(f"{figure:<16} labels  seeds      mean  lowest  highest")
        for strategy, curve in sorted(by_strategy(of_figure(points, figure)).items()):
            for labels, values in sorted(curve.items()):
                lines.append(
                    f"{strategy:<16} {labels:>6} {len(values):>6} {np.mean(values):>9.3f}"
                    f" {min(values):>7.3f} {max(values):>8.3f}"
                )
    return "\n".join(lines)


def arms(points: Sequence[Point]) -> dict[str, Arm]:
    """The curves of each strategy, of the seeds that all strategies have."""
    names = list(dict.fromkeys(point.strategy for point in points))
    seeds = set.intersection(*({p.seed for p in points if p.strategy == n} for n in names))
    found = {}
    for strategy in names:
        own = [point for point in points if point.strategy == strategy]
        rows = [
            sorted((p.labels, p.value) for p in own if p.seed == seed) for seed in sorted(seeds)
        ]
        labels = np.asarray([n for n, _ in rows[0]])
        found[strategy] = Arm(labels, np.asarray([[value for _, value in row] for row in rows]))
    return found


def plot_curves(points: Sequence[Point], path: Path) -> None:
    """Write an SVG: thick lines are means over seeds, thin ones the seeds."""
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for strategy, curve in sorted(by_strategy(points).items()):
        labels = sorted(curve)
        colour = COLOURS.get(strategy)
        axes.plot(labels, [np.mean(curve[n]) for n in labels], color=colour, lw=2.2, label=strategy)
        for seed in sorted({p.seed for p in points if p.strategy == strategy}):
            own = sorted(
                (p.labels, p.value) for p in points if (p.strategy, p.seed) == (strategy, seed)
            )
            axes.plot(*zip(*own, strict=True), color=colour, lw=0.6, alpha=0.5)
    axes.set_xlabel("labeled training studies")
    axes.set_ylabel(f"test {points[0].figure}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
