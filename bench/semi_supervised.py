"""Do unlabeled images help? The same loop with 70 labels, with and without each piece, on the same seeds.

Every arm sees the same labeled batches and takes as many steps. "weights averaged" answers with the mean
teacher but learns nothing from unlabeled images: it is what the mean teacher has to beat.

python -m bench.semi_supervised --data FOLDER
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets.resnet import ResNet
from torch.nn import functional

from bench.radiographs import Radiographs, load
from learning.training.memory import AtOnce
from learning.training.metrics.classification import auc
from learning.training.pretraining.views import ViewConfig, view
from learning.training.resumable import Schedule, batch_of_step, fit
from learning.training.semi_supervised import (
    MeanTeacher,
    confident_pseudo_labels,
    consistency_loss,
    ramp_up,
)

ARMS = ("labels only", "pseudo-labels", "weights averaged", "mean teacher", "both")
WEAK = ViewConfig(smallest_crop=0.85, contrast=0.2, offset=0.2, noise=0.05, blur=0.0)
STRONG = ViewConfig(smallest_crop=0.6, contrast=0.5, offset=0.4, noise=0.1, blur=0.3)
LABELED, UNLABELED = 16, 48


class Forgotten:
    """A store that keeps nothing: a run of the benchmark is never resumed."""

    def save(self, step: int, state: dict[str, object]) -> None: ...

    def load(self) -> None:
        return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=int, default=70)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--gate", type=float, default=0.95)
    parser.add_argument("--weight", type=float, default=10.0, help="of the consistency")
    parser.add_argument("--split", default="test")
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    training = load(arguments.data, "train", arguments.side)
    measured = load(arguments.data, arguments.split, arguments.side)
    figures: dict[str, list[float]] = {arm: [] for arm in arguments.arms}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for arm in arguments.arms:
            began = time.process_time()
            figures[arm].append(run(arm, training, measured, seed, arguments))
            print(
                f"seed {seed} {arm:17} AUC {figures[arm][-1]:.3f} ({time.process_time() - began:.0f} s)",
                flush=True,
            )
    base = np.array(figures[arguments.arms[0]])
    print(f"{arguments.split} AUC with {arguments.labels} labels, {arguments.seeds} seeds")
    for arm in arguments.arms:
        found = np.array(figures[arm])
        gains = ", ".join(f"{gain:+.3f}" for gain in found - base)
        print(f"{arm:17} {found.mean():.3f}  against {arguments.arms[0]} by seed: {gains}")


def run(
    arm: str, training: Radiographs, measured: Radiographs, seed: int, arguments: argparse.Namespace
) -> float:
    """Test AUC of one arm and seed."""
    rng = np.random.default_rng(seed)
    per_class = [rng.permutation(np.flatnonzero(training.labels == c)) for c in (0, 1)]
    labeled = np.concatenate([rows[: arguments.labels // 2] for rows in per_class])
    torch.manual_seed(seed)
    network = MeanTeacher(ResNet(
        "basic", [1, 1, 1, 1], [16, 32, 64, 128], spatial_dims=2, n_input_channels=1,
        conv1_t_size=5, conv1_t_stride=2, num_classes=2,
    ), decay=0.98)  # fmt: skip
    has_pseudo, has_teacher = arm in ("pseudo-labels", "both"), arm in ("mean teacher", "both")

    def batch_loss(module: torch.nn.Module, drawn: tuple[int, torch.Generator]) -> torch.Tensor:
        step, generator = drawn
        rows = labeled[batch_of_step(len(labeled), LABELED, step, seed)]
        seen = view(_tensor(training, rows), WEAK, generator)
        labels = torch.from_numpy(training.labels[rows])
        if not (has_pseudo or has_teacher):
            return functional.cross_entropy(module(seen), labels)
        everything = batch_of_step(len(training.labels), UNLABELED, step, seed + 1000)
        images = _tensor(training, everything)
        weak, strong = view(images, WEAK, generator), view(images, STRONG, generator)
        answers = module(torch.cat([seen, strong]))
        loss = functional.cross_entropy(answers[: len(seen)], labels)
        share = ramp_up(step, arguments.steps // 2)
        taught = network.taught(weak)
        if has_pseudo:
            sure = confident_pseudo_labels(taught, least_confidence=arguments.gate)
            if len(sure.rows):
                guessed = functional.cross_entropy(answers[len(seen) :][sure.rows], sure.labels)
                loss = loss + share * guessed * len(sure.rows) / UNLABELED
        if has_teacher:
            loss = loss + share * arguments.weight * consistency_loss(answers[len(seen) :], taught)
        return loss

    schedule = Schedule(steps=arguments.steps, learning_rate=3e-3, report_every=arguments.steps)
    fit(network, lambda *drawn: drawn, batch_loss, schedule, seed=seed, store=Forgotten(),
        room=AtOnce("training"), after_step=lambda _: network.update())  # fmt: skip
    answering = (
        network.teacher if arm in ("weights averaged", "mean teacher", "both") else network.student
    )
    return auc(measured.labels == 1, _scores(answering.eval(), measured)) or 0.0


@torch.no_grad()
def _scores(network: torch.nn.Module, data: Radiographs) -> np.ndarray:
    answers = network(_tensor(data, np.arange(len(data.labels)))).softmax(dim=1)
    return answers[:, 1].double().numpy()


def _tensor(data: Radiographs, rows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(data.images[rows].astype(np.float32))[:, None]


if __name__ == "__main__":
    main()
