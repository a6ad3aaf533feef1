"""`manage.py simulate_rounds`: learning curves of strategies on known labels, against random."""

import csv
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.labeling.services.pictures import BadTable, read_table
from learning import simulation
from learning.acquisition.names import STRATEGY_TITLES
from learning.curves import plot_curves, summarize
from learning.simulation import Point, Replay

DEFAULT_SCHEDULE = "20,40,70,110,160,230,320"
COLUMNS = ["strategy", "seed", "labels", "auc", "auc_low", "auc_high"]


class Command(BaseCommand):
    help = "Replay the labels of a folder through claims, reads and rounds; write CSV and a plot."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dataset", type=Path, required=True, help="folder with labels.csv")
        parser.add_argument("--strategies", default="random,entropy,margin")
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument(
            "--schedule", default=DEFAULT_SCHEDULE, help="label counts of the rounds"
        )
        parser.add_argument("--config", default="{}", help="JSON of training options")
        parser.add_argument("--output", type=Path, default=Path("learning-curves"))

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        strategies = options["strategies"].split(",")
        unknown = [s for s in strategies if s not in STRATEGY_TITLES]
        if unknown:
            raise CommandError(
                f"Unknown strategy {unknown[0]!r}; known: {', '.join(STRATEGY_TITLES)}"
            )
        try:
            rows = read_table(options["dataset"] / "labels.csv")
            schedule = [int(n) for n in options["schedule"].split(",")]
            config = json.loads(options["config"])
        except (BadTable, ValueError) as error:
            raise CommandError(str(error)) from None
        collection = simulation.import_once(options["dataset"], rows, self._say)
        table = options["output"].with_suffix(".csv")
        points = _read_points(table)
        for seed in range(options["seeds"]):
            for strategy in strategies:
                if any(p.strategy == strategy and p.seed == seed for p in points):
                    continue  # resumed: this curve is finished
                replay = Replay(strategy, seed, schedule, config)
                points += simulation.run(replay, collection, rows, self._say)
                _write_points(table, points)
        plot_curves(points, options["output"].with_suffix(".svg"))
        self.stdout.write(summarize(points))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _read_points(table: Path) -> list[Point]:
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return [
            Point(
                row["strategy"], int(row["seed"]), int(row["labels"]), float(row["auc"]),
                float(row["auc_low"]), float(row["auc_high"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def _write_points(table: Path, points: list[Point]) -> None:
    partial = table.with_suffix(".part")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([getattr(p, c) for c in COLUMNS] for p in points)
    partial.rename(table)
