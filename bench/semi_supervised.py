"""Do unlabeled images help? The product's training with few labels, with and without them, seed by seed.

Every arm sees the same labeled batches and takes as many steps. "weights averaged" answers with the mean
teacher but learns nothing from unlabeled images: it is what the mean teacher has to beat.

python -m bench.semi_supervised --data FOLDER
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy import stats

from bench.radiographs import Radiographs, load
from learning.training.checkpoint import Checkpoints
from learning.training.config import NO_UNLABELED, TrainConfig
from learning.training.data import Samples
from learning.training.loop import choose_device, train
from learning.training.metrics.classification import auc
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict
from learning.training.tasks import OneAnswer

TASK = OneAnswer(("no_finding", "pneumonia"))
# By what it learns from unlabeled images, whether it sees any, and against which arm it is held
ARMS = {
    "labels only": (NO_UNLABELED, False, ""),
    "pseudo-labels": ("pseudo_labels", True, "labels only"),
    "weights averaged": ("mean_teacher", False, "labels only"),
    "mean teacher": ("mean_teacher", True, "weights averaged"),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=int, default=70)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--batch", type=int, default=16, help="labeled images of a step")
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()
    training = load(arguments.data, "train", arguments.side)
    measured = load(arguments.data, arguments.split, arguments.side)
    figures: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for arm in ARMS:
            began = time.process_time()
            figures[arm].append(run(arm, training, measured, seed, arguments))
            took = time.process_time() - began
            print(f"seed {seed} {arm:17} AUC {figures[arm][-1]:.3f} ({took:.0f} s)", flush=True)
    print(f"{arguments.split} AUC with {arguments.labels} labels, {arguments.seeds} seeds")
    for arm, (_, _, against) in ARMS.items():
        found = np.array(figures[arm])
        gains = found - np.array(figures[against or arm])
        low, high = stats.t.interval(0.95, len(gains) - 1, gains.mean(), stats.sem(gains))
        print(
            f"{arm:17} {found.mean():.3f}  against {against or 'itself'} {gains.mean():+.3f} "
            f"({low:+.3f} to {high:+.3f}), better in {(gains > 0).sum()} of {len(gains)}"
        )


def run(
    arm: str, training: Radiographs, measured: Radiographs, seed: int, arguments: argparse.Namespace
) -> float:
    """The AUC of one arm and seed."""
    rng = np.random.default_rng(seed)
    per_class = [rng.permutation(np.flatnonzero(training.labels == c)) for c in (0, 1)]
    labeled = np.concatenate([rows[: arguments.labels // 2] for rows in per_class])
    others = np.setdiff1d(np.arange(len(training.labels)), labeled)
    method, is_shown, _ = ARMS[arm]
    config = TrainConfig(
        side=arguments.side, batch_size=arguments.batch, epochs=1, min_steps=arguments.steps,
        evaluations=1, unlabeled=method,
    )  # fmt: skip
    unlabeled = Samples(training.images[others, None], TASK.encode([None] * len(others)))
    with TemporaryDirectory() as folder:
        trained = train(
            config=config, task=TASK, seed=seed,
            architecture=Architecture(config.network, 2, size=(arguments.side,) * 2),
            training=Samples(training.images[labeled, None], training.labels[labeled]),
            validation=Samples(training.images[:0, None], training.labels[:0]),
            unlabeled=unlabeled if is_shown else None,
            checkpoints=Checkpoints(Path(folder)), on_progress=lambda _progress: None,
        )  # fmt: skip
    blocks = [Block(part) for part in np.array_split(measured.images[:, None], 8)]
    said = predict(Members([trained.network]), blocks, TASK, config, choose_device())
    return auc(measured.labels == 1, said.mean[:, 1]) or 0.0


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
