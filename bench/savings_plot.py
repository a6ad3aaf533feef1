"""Draws the curves that `bench.active_learning --output` wrote: one panel for each task.

python -m bench.savings_plot CURVES.csv OUTPUT.svg
"""

import csv
import sys
from pathlib import Path

import matplotlib as mpl

from learning.heads.saving import SHARE

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"random": "#7f7f7f", "herding": "#0072b2", "stratified_margin": "#d55e00",
           "adaptive": "#009e73"}  # fmt: skip


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    mpl.rcParams["svg.fonttype"] = "none"  # letters, not outlines: a tenth of the size
    figure, panels = plt.subplots(1, len(tasks), figsize=(5 * len(tasks), 4), squeeze=False)
    for panel, task in zip(panels[0], tasks, strict=True):
        draw(panel, task, [row for row in rows if row["task"] == task])
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})


def draw(panel: plt.Axes, task: str, rows: list[dict[str, str]]) -> None:
    """Means over replays with their middle half, and the figure that R95 asks for."""
    for name in dict.fromkeys(row["strategy"] for row in rows):
        own = [row for row in rows if row["strategy"] == name]
        labels, mean, low, high = (
            [float(row[column]) for row in own] for column in ("labels", "mean", "low", "high")
        )
        panel.plot(labels, mean, color=COLOURS.get(name), label=name)
        if name in ("random", "herding"):
            panel.fill_between(labels, low, high, color=COLOURS[name], alpha=0.15, lw=0)
    panel.axhline(SHARE * float(rows[0]["full"]), color="black", lw=0.8, ls=":")
    panel.set(title=task, xlabel="labels", xlim=(0, 320))
    panel.legend(frameon=False)


if __name__ == "__main__":
    main()
