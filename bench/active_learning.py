"""How many labels a strategy saves on real radiographs: frozen embeddings, light head, locked test.

python -m bench.active_learning --dataset FOLDER --splits 10 --seeds 3     to choose: test untouched
python -m bench.active_learning --dataset FOLDER --seeds 50                to report, once

R95 is the number of labels to 95 % of the figure with all labels, over what random needs with the
same head (`learning.heads.saving`); its interval is over replays and test patients together.
`balanced` is measured by AUC. `rare` keeps all cases without the finding and so many with it that
3 % have it; its figure is the average precision at that prevalence, by weighting the test.
Every replay begins with a pool of four fifths of the patients, so that none is judged by one pool.
Vectors are HOG, or what `python -m bench.encoders --keep FILE` kept: `--embeddings FILE --vectors both`.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from bench.embeddings import Radiographs, radiographs
from bench.resampled import Floats, areas, patient_draws, precisions
from learning.acquisition.names import ALL_TITLES
from learning.acquisition.pool import Rows, normalized
from learning.heads.fitting import HeadConfig
from learning.heads.replay import Known, Plan, replay
from learning.heads.saving import Arm, Full, saving

PREVALENCE = 0.03
DIMENSIONS = 128
BUDGET = 300  # of a strategy; random may use the whole pool
SAMPLES = 200  # of the test patients
POOL_SHARE = 0.8  # of the training patients, others for each seed
HELD_OUT_SHARE = 0.3  # of the patients of training and validation, while choosing
COUNTS = (10, 20, 30, 50, 75, 100, 150, 200, 300)


@dataclass(frozen=True)
class Division:
    """Rows that may be labeled and rows that measure, of different patients."""

    training: Rows
    test: Rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument(
        "--strategies", default="herding,adaptive,power_margin,stratified_margin,margin,rare"
    )
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument(
        "--splits", type=int, default=0, help="of training and validation, in place of the test"
    )
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--l2", type=float, default=HeadConfig.l2)
    parser.add_argument("--tasks", default="balanced,rare")
    parser.add_argument("--embeddings", type=Path, help="an .npz of bench.encoders")
    parser.add_argument("--vectors", default="both", help="which of them: both, SimCLR, HOG ...")
    parser.add_argument("--output", type=Path, help="a CSV of all curves is added to")
    arguments = parser.parse_args()
    names = ["random", *arguments.strategies.split(",")]
    assert set(names) <= set(ALL_TITLES), names
    data = radiographs(arguments.dataset, DIMENSIONS)
    if arguments.embeddings:
        data = with_vectors(data, arguments.embeddings, arguments.vectors)
    for task in arguments.tasks.split(","):
        bench = Bench(task, data, divisions(data, arguments.splits), arguments)
        report(bench, names, arguments.output)


def with_vectors(data: Radiographs, path: Path, name: str) -> Radiographs:
    """The same radiographs by the vectors of an encoder, which lie split by split in the file."""
    kept = np.load(path)
    splits = list(dict.fromkeys(data.splits.tolist()))
    found = {split: kept[f"{name}/{split}"] for split in splits}
    vectors = np.empty((len(data.labels), found[splits[0]].shape[1]), np.float32)
    for split in splits:
        vectors[data.splits == split] = found[split]
    return replace(data, embeddings=normalized(vectors))


def divisions(data: Radiographs, splits: int) -> list[Division]:
    """The locked test, or so many divisions of the other patients."""
    if not splits:
        return [Division(*(np.flatnonzero(data.splits == s) for s in ("train", "test")))]
    rows = np.flatnonzero(data.splits != "test")
    found = []
    for split in range(splits):
        rng = np.random.default_rng([split, 991])
        patients = rng.permutation(np.unique(data.patients[rows]))
        held = np.isin(data.patients[rows], patients[: int(HELD_OUT_SHARE * len(patients))])
        found.append(Division(rows[~held], rows[held]))
    return found


class Bench:
    """One task on some divisions: figures of arms, measured and on redrawn test patients."""

    def __init__(
        self, task: str, data: Radiographs, parts: list[Division], arguments: argparse.Namespace
    ) -> None:
        self.task, self._data, self._parts = task, data, parts
        self._seeds, self._batch = arguments.seeds, arguments.batch
        self._head = HeadConfig(folds=0, l2=arguments.l2)
        self._draws = patient_draws(data.patients, SAMPLES, np.random.default_rng(5))

    def arm(self, name: str) -> Arm:
        """The curves of a strategy, over all replays."""
        found = []
        for pool, part, given, rng in self._replays():
            budget = len(pool) if name == "random" else min(BUDGET, len(pool))
            plan = Plan(name, budget, batch=self._batch, head=self._head, given=given)
            found.append(self._measured(pool, part, plan, rng))
        count = min(len(labels) for labels, _ in found)
        figures = np.stack([values[:, :count] for _, values in found], axis=1)
        return Arm(found[0][0][:count], figures[0], figures[1:])

    def full(self) -> Full:
        """What the head of each replay knows with every label of its pool."""
        found = []
        for pool, part, given, rng in self._replays():
            plan = Plan("random", len(pool), start=len(pool), head=self._head, given=given)
            found.append(self._measured(pool, part, plan, rng)[1][:, 0])
        figures = np.stack(found, axis=1)
        return Full(figures[0], figures[1:])

    def _replays(self) -> Iterator[tuple[Known, Division, tuple[int, ...], np.random.Generator]]:
        everything = Known(self._data.embeddings, self._data.labels)
        for number, part in enumerate(self._parts):
            for seed in range(self._seeds):
                rng = np.random.default_rng([seed, number, 77])
                pool = everything.take(self._pool_rows(part, rng))
                given = np.flatnonzero(pool.labels == 1)[:2] if self.task == "rare" else ()
                yield pool, part, tuple(map(int, given)), np.random.default_rng([seed, number])

    def _pool_rows(self, part: Division, rng: np.random.Generator) -> Rows:
        """A share of the patients in a random order; for `rare` with few positives."""
        patients = np.unique(self._data.patients[part.training])
        kept = rng.permutation(patients)[: round(POOL_SHARE * len(patients))]
        rows = part.training[np.isin(self._data.patients[part.training], kept)]
        if self.task == "rare":
            healthy = rows[self._data.labels[rows] == 0]
            ill = rng.permutation(rows[self._data.labels[rows] == 1])
            rows = np.r_[healthy, ill[: round(len(healthy) * PREVALENCE / (1 - PREVALENCE))]]
        return rng.permutation(rows)

    def _measured(
        self, pool: Known, part: Division, plan: Plan, rng: np.random.Generator
    ) -> tuple[Rows, Floats]:
        """Labels (T,) and figures (1 + SAMPLES, T), the first on the test cases as they are."""
        test = Known(self._data.embeddings, self._data.labels).take(part.test)
        curve = replay(pool, test, plan, area, rng)
        weights = np.vstack([np.ones(len(part.test), np.float32), self._draws[:, part.test]])
        if self.task == "rare":
            return curve.labels, precisions(test.labels, curve.scores, weights, PREVALENCE)
        return curve.labels, areas(test.labels, curve.scores, weights)


def area(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return float(roc_auc_score(truth, probabilities[:, 1]))


def report(bench: Bench, names: list[str], output: Path | None) -> None:
    full, control = bench.full(), bench.arm("random")
    print(f"\n{bench.task}: full data {full.values.mean():.3f}, {len(full.values)} replays")
    print(
        "strategy            n95  random   R95  95 % interval  "
        + " ".join(f"{n:>5}" for n in COUNTS)
    )
    for name in names:
        arm = control if name == "random" else bench.arm(name)
        found = saving(arm, control, full, np.random.default_rng(0))
        mean = arm.values.mean(axis=0)
        at = [f"{mean[np.searchsorted(arm.labels, n)]:.3f}" for n in COUNTS if n <= arm.labels[-1]]
        print(
            f"{name:<18} {found.labels:>4.0f} {found.control_labels:>7.0f} {found.ratio:>5.2f}"
            f"   {found.low:.2f} to {found.high:.2f}   {' '.join(at)}",
            flush=True,
        )
        if output:
            write(output, bench.task, name, arm, full)


def write(path: Path, task: str, name: str, arm: Arm, full: Full) -> None:
    """Add the mean and the quartiles over replays at every number of labels."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        table = csv.writer(file)
        if is_new:
            table.writerow(["task", "strategy", "labels", "mean", "low", "high", "full"])
        low, high = np.quantile(arm.values, [0.25, 0.75], axis=0)
        parts = zip(arm.labels, arm.values.mean(axis=0), low, high, strict=True)
        for labels, *figures in parts:
            table.writerow(
                [task, name, labels, *(f"{v:.4f}" for v in (*figures, full.values.mean()))]
            )


if __name__ == "__main__":
    main()
