"""`manage.py simulate_heads`: what the quick half of the loop saves, on known labels, against random."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from learning import simulation
from learning.acquisition.names import HEAD_STRATEGIES_OF_KIND
from learning.curves import read_points, write_points
from learning.heads.saving import Arm, Full, saving
from learning.known import UnusableFolder, known_of
from learning.models import EncoderKind
from learning.simulation import QuickPoint, Replay

CONTROL = "random"


class Command(BaseCommand):
    help = "Replay the labels of a folder through claims, reads and refits; write CSV and R95."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dataset", type=Path, required=True, help="folder with labels.csv")
        parser.add_argument("--strategies", default="random,herding")
        parser.add_argument("--seeds", type=int, default=10)
        parser.add_argument("--every", type=int, default=5, help="labels between two refits")
        parser.add_argument("--until", type=int, default=300, help="labels of a replay")
        parser.add_argument("--encoder", choices=EncoderKind.values, default="contrastive")
        parser.add_argument("--output", type=Path, default=Path("head-curves.csv"))

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        strategies = options["strategies"].split(",")
        known_names = HEAD_STRATEGIES_OF_KIND["one"]
        unknown = [s for s in strategies if s not in known_names]
        if unknown:
            names = ", ".join(known_names)
            raise CommandError(f"Unknown strategy {unknown[0]!r}; known: {names}")
        try:
            actor = simulation.reader_named("simulation-manager")
            known = known_of(options["dataset"], actor, self._say)
        except UnusableFolder as error:
            raise CommandError(str(error)) from None
        encoder = simulation.encode(known, EncoderKind(options["encoder"]))
        schedule = range(options["every"], options["until"] + 1, options["every"])
        points = read_points(QuickPoint, options["output"])
        for seed in range(options["seeds"]):
            for strategy in strategies:
                if any((p.strategy, p.seed) == (strategy, seed) for p in points):
                    continue  # resumed: this curve is finished
                replay = Replay(strategy, seed, schedule, {})
                points += simulation.run_quick(replay, known, encoder, self._say)
                write_points(options["output"], points)
        self._summarize(points, simulation.full_auc(encoder, known))

    def _summarize(self, points: Sequence[QuickPoint], full: float) -> None:
        curves = _curves(points)
        self.stdout.write(f"with all labels: AUC {full:.3f}")
        for strategy, own in curves.items():
            if strategy == CONTROL or CONTROL not in curves:
                continue
            fulls = Full(np.full(len(own.values), full))
            found = saving(own, curves[CONTROL], fulls, np.random.default_rng(0))
            self.stdout.write(
                f"{strategy}: {found.labels:.0f} labels to 95 %, random {found.control_labels:.0f},"
                f" R95 {found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
            )
        seconds = [p.seconds for p in points]
        self.stdout.write(f"a refit took {np.median(seconds):.2f} s (median)")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _curves(points: Sequence[QuickPoint]) -> dict[str, Arm]:
    """The AUC of every seed at the numbers of labels that all seeds of all strategies have."""
    values: dict[tuple[str, int], dict[int, float]] = defaultdict(dict)
    for point in points:
        values[point.strategy, point.seed][point.labels] = point.auc
    common = sorted(set.intersection(*(set(curve) for curve in values.values())))
    found: dict[str, list[list[float]]] = defaultdict(list)
    for (strategy, _), curve in values.items():
        found[strategy].append([curve[n] for n in common])
    labels = np.asarray(common)
    return {strategy: Arm(labels, np.asarray(rows)) for strategy, rows in found.items()}
