"""`manage.py simulate_rounds`: learning curves of strategies on known labels, against random."""

import json
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
from learning.models import EncoderKind, EncoderVersion
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
            "--slices", type=int, default=0, help="of masks: so many are drawn of each volume"
        )
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
        parser.add_argument(
            "--pretrain", type=int, default=0, metavar="STEPS",
            help="every network begins with weights learned from the training images without labels",
        )  # fmt: skip
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
            if slices := options["slices"]:
                known = replace(known, wish={**known.wish, "options": {"slices": slices}})
        except ValueError as error:
            raise CommandError(str(error)) from None
        table = options["output"].with_suffix(".csv")
        points = read_points(Point, table)
        grounds = _Grounds(known, options)
        for seed in range(options["seeds"]):
            for strategy in strategies:
                if any(p.strategy == strategy and p.seed == seed for p in points):
                    continue  # resumed: this curve is finished
                steps = schedule
                if strategy == CONTROL and options["full"]:
                    steps = [*schedule, len(known.contents)]
                replay = Replay(strategy, seed, steps, config, options["prevalence"])
                points += self._run(replay, known, grounds, options["every"])
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

    def _run(self, replay: Replay, known: Known, grounds: "_Grounds", every: int) -> list[Point]:
        """By rounds alone, or with a light head between them; chance needs none."""
        encoder, start = grounds.of(replay)
        replay = replace(replay, start=start)
        if encoder is None or replay.strategy == CONTROL:
            return simulation.run(replay, known, self._say)
        return simulation.run_two_speeds(replay, known, encoder, every, self._say)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class _Grounds:
    """What all strategies of one pool begin with: the vectors, and weights for the networks.

    A rare finding has another pool for each seed.
    """

    def __init__(self, known: Known, options: dict[str, Any]) -> None:
        self._known = known
        self._kind = EncoderKind(options["encoder"]) if options["encoder"] else None
        self._steps = options["pretrain"]
        self._made: dict[int, tuple[EncoderVersion | None, dict[str, str]]] = {}

    def of(self, replay: Replay) -> tuple[EncoderVersion | None, dict[str, str]]:
        """The encoder (None: no light head) and the start of the networks, made at the first call."""
        pool = replay.seed if replay.prevalence else 0
        if pool not in self._made:
            known, kind, steps = self._known, self._kind, self._steps
            self._made[pool] = (
                simulation.encode_pool(replay, known, kind) if kind else None,
                simulation.pretrain(replay, known, steps) if steps else {},
            )
        return self._made[pool]
