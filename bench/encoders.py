"""Which encoder to start with on a machine without a GPU: HOG, SimCLR, or both.

Trains on the training split without its labels, then fits a linear probe on all and on few labels. The
probe's strength is chosen on the validation split.

python -m bench.encoders --data FOLDER --minutes 15
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from bench.radiographs import SPLITS, Radiographs, load
from learning.training.checkpoint import Checkpoints
from learning.training.metrics.classification import auc
from learning.training.metrics.intervals import bootstrap
from learning.training.pretraining.contrastive import ContrastiveConfig, pretrain_contrastive
from learning.training.pretraining.default import small_encoder
from learning.training.pretraining.descriptor import describe, fit_whitening, joined, normalised
from learning.training.pretraining.embed import embed, neighbour_purity
from learning.training.resumable import Schedule
from learning.training.run import Progress

FEW = (20, 70)
DRAWS = 20


def told(progress: Progress) -> None:
    if progress.figures:
        print(
            f"step {progress.step} of {progress.steps}: loss {progress.figures['loss']:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0, help="CPU time for SimCLR")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write all embeddings to this .npz")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = {split: load(arguments.data, split, arguments.side) for split in SPLITS}

    began = time.process_time()
    described = {split: describe(iter(part.images)) for split, part in data.items()}
    seconds = (time.process_time() - began) / sum(len(part.labels) for part in data.values())
    print(f"HOG: {1000 * seconds:.1f} ms an image", flush=True)
    (fresh, learned), whiten = contrastive(data, arguments), fit_whitening(described["train"])
    whitened = {split: whiten(found) for split, found in described.items()}
    both = {split: joined([whitened[split], learned[split]]) for split in SPLITS}
    plain = {split: normalised(found) for split, found in described.items()}
    print(f"{'':14} {'val':>6} {'test AUC':>9} {'95 %':>15} {'20':>6} {'70':>6} {'purity':>7}")
    rows = {
        "HOG": plain,
        "HOG whitened": whitened,
        "10 steps": fresh,
        "SimCLR": learned,
        "both": both,
    }
    for name, vectors in rows.items():
        report(name, vectors, data)
    if arguments.keep:
        np.savez(arguments.keep, **{f"{n}/{s}": v[s] for n, v in rows.items() for s in SPLITS})


def contrastive(
    data: dict[str, Radiographs], arguments: argparse.Namespace
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Embeddings of every split by an encoder of 10 steps, and by one trained for so many minutes."""
    images = data["train"].images[:, None]
    limit = 60 * arguments.minutes

    def trained(steps: int, folder: str) -> tuple[torch.nn.Module, float]:
        encoder = small_encoder(2, arguments.seed)
        config = ContrastiveConfig(
            batch_size=arguments.batch,
            schedule=Schedule(steps=steps, learning_rate=3e-3, weight_decay=1e-3, report_every=50),
        )
        began = time.process_time()
        pretrain_contrastive(
            encoder, images, config, seed=arguments.seed, store=Checkpoints(Path(folder) / str(steps)),
            on_progress=told,
        )  # fmt: skip
        return encoder, time.process_time() - began

    with tempfile.TemporaryDirectory() as folder:
        fresh, seconds = trained(10, folder)
        encoder, seconds = trained(int(0.9 * limit / (seconds / 10)), folder)
    print(f"SimCLR: {seconds / 60:.1f} minutes of CPU time", flush=True)
    return embedded(fresh, data), embedded(encoder, data)


def embedded(encoder: torch.nn.Module, data: dict[str, Radiographs]) -> dict[str, np.ndarray]:
    return {s: embed(encoder, np.array_split(part.images[:, None], 8)) for s, part in data.items()}


def report(name: str, vectors: dict[str, np.ndarray], data: dict[str, Radiographs]) -> None:
    """One row: probe on all labels, on few, and the purity of the neighbours."""
    labels = {split: part.labels for split, part in data.items()}

    def probe(rows: np.ndarray, strength: float) -> LogisticRegression:
        model = LogisticRegression(C=strength, max_iter=5000)
        return model.fit(vectors["train"][rows], labels["train"][rows])

    def score(model: LogisticRegression, split: str) -> float:
        return auc(labels[split] == 1, model.decision_function(vectors[split])) or 0.0

    everything = np.arange(len(labels["train"]))
    strength = max(10.0 ** np.arange(-2, 4), key=lambda c: score(probe(everything, c), "val"))
    model = probe(everything, strength)
    scores = model.decision_function(vectors["test"])
    interval = bootstrap(
        lambda i: auc(labels["test"][i] == 1, scores[i]),
        data["test"].patients,
        np.random.default_rng(0),
    )
    few = [np.mean([score(probe(_draw(labels["train"], count, seed), 10.0), "test") for seed in range(DRAWS)])
           for count in FEW]  # fmt: skip
    purity = neighbour_purity(vectors["train"], labels["train"], queries=vectors["test"],
                              query_labels=labels["test"])  # fmt: skip
    print(
        f"{name:14} {score(model, 'val'):6.3f} {interval.value:9.3f} {interval.low:7.3f}-{interval.high:.3f} "
        f"{few[0]:6.3f} {few[1]:6.3f} {purity:7.3f}", flush=True,
    )  # fmt: skip


def _draw(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of a random draw that holds both classes."""
    rng = np.random.default_rng(seed)
    ones, zeros = (rng.permutation(np.flatnonzero(labels == c)) for c in (1, 0))
    return np.concatenate([ones[: count // 2], zeros[: count - count // 2]])


if __name__ == "__main__":
    main()
