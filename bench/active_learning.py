"""How many labels a strategy saves on real radiographs: frozen embeddings, light head, locked test.

python -m bench.active_learning --dataset FOLDER --splits 10 --seeds 3     to choose: test untouched
python -m bench.active_learning --dataset FOLDER --seeds 50                to report, once

R95 is the number of labels to 95 % of the figure with all labels, over what random needs with the
same head (`learning.heads.saving`); its interval is over replays and test patients together.
`balanced` is measured by AUC. `rare` keeps all cases without the finding and so many with it that
3 % have it; its figure is the average precision at that prevalence, by weighting the test.
Every replay begins with a pool of four fifths of the patients, so that none is judged by one pool.
Vectors are of an encoder that has seen the replay's pool alone (`--encoder`), or, for `balanced` only, what
`python -m bench.encoders --keep FILE` learned from all training images: `--embeddings FILE --vectors both`.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from bench import pool_vectors
from bench.pool_vectors import Encoder, Images
from bench.radiographs import SPLITS, load
from bench.resampled import Floats, areas, patient_draws, precisions
from learning.acquisition.names import ALL_TITLES
from learning.acquisition.pool import Rows
from learning.heads.fitting import HeadConfig
from learning.heads.replay import Known, Plan, replay
from learning.heads.saving import Arm, Full, saving

PREVALENCE = 0.03
SIDE = 128  # pixels of an image
BUDGET = 300  # of a strategy; random may use the whole pool
SAMPLES = 200  # of the test patients
POOL_SHARE = 0.8  # of the training patients, others for each seed
HELD_OUT_SHARE = 0.3  # of the patients of training and validation, while choosing
COUNTS = (10, 20, 30, 50, 75, 100, 150, 200, 300)


@dataclass(frozen=True)
class Cases:
    """Class numbers (n,), split names and patients of all radiographs, in one order."""

    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    patients: NDArray[np.str_]


@dataclass(frozen=True)
class Division:
    """Rows that may be labeled and rows that measure, of different patients."""

    training: Rows
    test: Rows


@dataclass(frozen=True)
class Trial:
    """One replay: a pool with its own encoder's vectors, and what measures it."""

    rows: Rows  # of the pool
    pool: Known
    test: Known
    test_rows: Rows
    given: tuple[int, ...]  # places in the pool whose labels everyone has
    rng: np.random.Generator


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
    parser.add_argument("--encoder", choices=("descriptor", "contrastive"), default="descriptor")
    parser.add_argument(
        "--kept", type=Path, default=Path("pool-vectors"), help="folder of learned vectors"
    )
    parser.add_argument("--embeddings", type=Path, help="an .npz of bench.encoders")
    parser.add_argument("--vectors", default="both", help="which of them: both, SimCLR, HOG ...")
    parser.add_argument("--output", type=Path, help="a CSV of all curves is added to")
    arguments = parser.parse_args()
    names = ["random", *arguments.strategies.split(",")]
    assert set(names) <= set(ALL_TITLES), names
    tasks = arguments.tasks.split(",")
    if arguments.embeddings and "rare" in tasks:
        parser.error("--embeddings: half of the images behind these show the finding; not for rare")
    cases, images = radiographs(arguments.dataset)
    encoder = chosen_encoder(arguments, images)
    for task in tasks:
        bench = Bench(task, cases, encoder, divisions(cases, arguments.splits), arguments)
        report(bench, names, arguments.output)


def radiographs(folder: Path) -> tuple[Cases, Images]:
    """All cases and their (n, SIDE, SIDE) images, split after split."""
    parts = {split: load(folder, split, SIDE) for split in SPLITS}
    cases = Cases(
        np.concatenate([part.labels for part in parts.values()]),
        np.repeat(list(parts), [len(part.labels) for part in parts.values()]),
        np.concatenate([part.patients for part in parts.values()]),
    )
    return cases, np.concatenate([part.images for part in parts.values()])


def chosen_encoder(arguments: argparse.Namespace, images: Images) -> Encoder:
    """As the arguments wish it."""
    if arguments.embeddings:
        return pool_vectors.of_all_training(arguments.embeddings, arguments.vectors)
    if arguments.encoder == "descriptor":
        return pool_vectors.descriptor(images)
    return pool_vectors.contrastive(images, arguments.kept)


def divisions(cases: Cases, splits: int) -> list[Division]:
    """The locked test, or so many divisions of the other patients."""
    if not splits:
        return [Division(*(np.flatnonzero(cases.splits == s) for s in ("train", "test")))]
    rows = np.flatnonzero(cases.splits != "test")
    found = []
    for split in range(splits):
        rng = np.random.default_rng([split, 991])
        patients = rng.permutation(np.unique(cases.patients[rows]))
        held = np.isin(cases.patients[rows], patients[: int(HELD_OUT_SHARE * len(patients))])
        found.append(Division(rows[~held], rows[held]))
    return found


class Bench:
    """One task on some divisions: figures of arms, measured and on redrawn test patients."""

    def __init__(
        self,
        task: str,
        cases: Cases,
        encoder: Encoder,
        parts: list[Division],
        arguments: argparse.Namespace,
    ) -> None:
        self.task, self._cases, self._parts = task, cases, parts
        self._encoder = pool_vectors.remembered(encoder)
        self._seeds, self._batch = arguments.seeds, arguments.batch
        self._head = HeadConfig(folds=0, l2=arguments.l2)
        self._draws = patient_draws(cases.patients, SAMPLES, np.random.default_rng(5))

    def arm(self, name: str) -> Arm:
        """The curves of a strategy, over all replays."""
        found = []
        for trial in self.trials():
            size = len(trial.pool)
            budget = size if name == "random" else min(BUDGET, size)
            plan = Plan(name, budget, batch=self._batch, head=self._head, given=trial.given)
            found.append(self._measured(trial, plan))
        count = min(len(labels) for labels, _ in found)
        figures = np.stack([values[:, :count] for _, values in found], axis=1)
        return Arm(found[0][0][:count], figures[0], figures[1:])

    def full(self) -> Full:
        """What the head of each replay knows with every label of its pool."""
        found = []
        for trial in self.trials():
            size = len(trial.pool)
            plan = Plan("random", size, start=size, head=self._head, given=trial.given)
            found.append(self._measured(trial, plan)[1][:, 0])
        figures = np.stack(found, axis=1)
        return Full(figures[0], figures[1:])

    def trials(self) -> Iterator[Trial]:
        """The replays, the same at every call; the encoder of each sees nothing but its pool."""
        for number, part in enumerate(self._parts):
            for seed in range(self._seeds):
                rows = self._pool_rows(part, np.random.default_rng([seed, number, 77]))
                known = Known(self._encoder(rows), self._cases.labels)
                pool = known.take(rows)
                given = np.flatnonzero(pool.labels == 1)[:2] if self.task == "rare" else ()
                yield Trial(
                    rows, pool, known.take(part.test), part.test, tuple(map(int, given)),
                    np.random.default_rng([seed, number]),
                )  # fmt: skip

    def _pool_rows(self, part: Division, rng: np.random.Generator) -> Rows:
        """A share of the patients in a random order; for `rare` with few positives."""
        patients = np.unique(self._cases.patients[part.training])
        kept = rng.permutation(patients)[: round(POOL_SHARE * len(patients))]
        rows = part.training[np.isin(self._cases.patients[part.training], kept)]
        if self.task == "rare":
            healthy = rows[self._cases.labels[rows] == 0]
            ill = rng.permutation(rows[self._cases.labels[rows] == 1])
            rows = np.r_[healthy, ill[: round(len(healthy) * PREVALENCE / (1 - PREVALENCE))]]
        return rng.permutation(rows)

    def _measured(self, trial: Trial, plan: Plan) -> tuple[Rows, Floats]:
        """Labels (T,) and figures (1 + SAMPLES, T), the first on the test cases as they are."""
        curve = replay(trial.pool, trial.test, plan, area, trial.rng)
        weights = np.vstack([np.ones(len(trial.test), np.float32), self._draws[:, trial.test_rows]])
        if self.task == "rare":
            return curve.labels, precisions(trial.test.labels, curve.scores, weights, PREVALENCE)
        return curve.labels, areas(trial.test.labels, curve.scores, weights)


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
