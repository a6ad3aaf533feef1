"""`manage.py simulate_rounds`: learning curves of strategies on known labels, against random."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from learning import simulation
from learning.acquisition.names import ALL_TITLES
from learning.curves import arms, of_figure, plot_curves, read_points, summarize, write_points
from learning.heads.saving import Arm, Full, saving
from learning.known import Known, known_of
from learning.models import EncoderKind
from learning.simulation import Point, Replay

CONTROL = "random"
DEFAULT_SCHEDULE = "20,40,70,110,160,230,320"


class Command(BaseCommand):
    help = "Replay the labels of a folder through claims, reads and rounds; write CSV and a plot."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dataset", type=Path, required=True, help="folder with labels.csv or boxes.csv"
        )
        parser.add_argument("--strategies", default="random,entropy,margin")
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument(
            "--schedule", default=DEFAULT_SCHEDULE, help="label counts of the rounds"
        )
        parser.add_argument("--config", default="{}", help="JSON of training options")
        parser.add_argument("--input", default="{}", help="JSON of the input's specification")
        parser.add_argument(
            "--encoder", choices=EncoderKind.values,
            help="a light head on its vectors serves between the rounds",
        )  # fmt: skip
        parser.add_argument("--every", type=int, default=5, help="labels between two refits of it")
        parser.add_argument(
            "--full", action="store_true", help="the control learns from all labels in the end"
        )
        parser.add_argument(
            "--prevalence", type=float, default=0.0, help="of the last answer in training, 0 .. 0.5"
        )
        parser.add_argument("--output", type=Path, default=Path("learning-curves"))

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        strategies = options["strategies"].split(",")
        unknown = [s for s in strategies if s not in ALL_TITLES]
        if unknown:
            raise CommandError(f"Unknown strategy {unknown[0]!r}; known: {', '.join(ALL_TITLES)}")
        try:
            schedule = [int(n) for n in options["schedule"].split(",")]
            config = json.loads(options["config"])
            actor = simulation.reader_named("simulation-manager")
            known = known_of(options["dataset"], actor, self._say)
            if spec := json.loads(options["input"]):
                known = replace(known, wish={**known.wish, "input": spec})
        except ValueError as error:
            raise CommandError(str(error)) from None
        run = self._runner(known, options)
        table = options["output"].with_suffix(".csv")
        points = read_points(Point, table)
        for seed in range(options["seeds"]):
            for strategy in strategies:
                if any(p.strategy == strategy and p.seed == seed for p in points):
                    continue  # resumed: this curve is finished
                steps = schedule
                if strategy == CONTROL and options["full"]:
                    steps = [*schedule, len(known.contents)]
                replay = Replay(strategy, seed, steps, config, options["prevalence"])
                points += run(replay)
                write_points(table, points)
        shown = of_figure(points, points[-1].figure)
        plot_curves(shown, options["output"].with_suffix(".svg"))
        self.stdout.write(summarize(points))
        if options["full"]:
            self._say_savings(arms(shown))

    def _say_savings(self, found: dict[str, Arm]) -> None:
        """R95 of each strategy; the last point of the control knows all labels."""
        control = found[CONTROL]
        full = Full(control.values[:, -1])
        for strategy, arm in found.items():
            if strategy == CONTROL:
                continue
            one = saving(arm, control, full, np.random.default_rng(0))
            self.stdout.write(
                f"{strategy}: {one.labels:.0f} labels to 95 % of {full.values.mean():.3f}, random "
                f"{one.control_labels:.0f}, R95 {one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})"
            )

    def _runner(self, known: Known, options: dict[str, Any]) -> Callable[[Replay], list[Point]]:
        """How a strategy is replayed: by rounds alone, or with a light head between them."""
        if not options["encoder"]:
            return lambda replay: simulation.run(replay, known, self._say)
        encoder = simulation.encode(known, EncoderKind(options["encoder"]))

        def run(replay: Replay) -> list[Point]:
            if replay.strategy == CONTROL:
                return simulation.run(replay, known, self._say)
            return simulation.run_two_speeds(replay, known, encoder, options["every"], self._say)

        return run

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
