"""How many labels a strategy saves on real radiographs: frozen embeddings, light head, locked test.

python -m bench.active_learning --dataset FOLDER --seeds 20

R95 is the number of labels to 95 % of the figure with all labels, over what random needs with the
same head. `balanced` is measured by AUC. `rare` keeps all cases without the finding and so many with
it that 3 % have it; its figure is the average precision at that prevalence, by weighting the test.
Vectors are HOG, or what `python -m bench.encoders --keep FILE` kept: `--embeddings FILE --vectors both`.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from bench.embeddings import Radiographs, radiographs
from learning.acquisition.names import ALL_TITLES
from learning.acquisition.pool import normalized
from learning.heads.fitting import HeadConfig
from learning.heads.replay import Curve, Known, Plan, full_value, replay, saving

PREVALENCE = 0.03
DIMENSIONS = 128
BUDGET = 400  # of a strategy; random may use the whole pool
COUNTS = (20, 50, 100, 150, 200, 300)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument(
        "--strategies", default="adaptive,power_margin,stratified_margin,margin,rare"
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--tasks", default="balanced,rare")
    parser.add_argument("--embeddings", type=Path, help="an .npz of bench.encoders")
    parser.add_argument("--vectors", default="both", help="which of them: both, SimCLR, HOG ...")
    arguments = parser.parse_args()
    names = ["random", *arguments.strategies.split(",")]
    assert set(names) <= set(ALL_TITLES), names
    data = radiographs(arguments.dataset, DIMENSIONS)
    if arguments.embeddings:
        data = with_vectors(data, arguments.embeddings, arguments.vectors)
    for task in arguments.tasks.split(","):
        curves, fulls = run(task, data, names, arguments.seeds, arguments.batch)
        report(task, names, curves, fulls)


def with_vectors(data: Radiographs, path: Path, name: str) -> Radiographs:
    """The same radiographs by the vectors of an encoder, which lie split by split in the file."""
    kept = np.load(path)
    splits = list(dict.fromkeys(data.splits.tolist()))
    found = {split: kept[f"{name}/{split}"] for split in splits}
    vectors = np.empty((len(data.labels), found[splits[0]].shape[1]), np.float32)
    for split in splits:
        vectors[data.splits == split] = found[split]
    return replace(data, embeddings=normalized(vectors))


def run(
    task: str, data: Radiographs, names: list[str], seeds: int, batch: int
) -> tuple[dict[str, list[Curve]], list[float]]:
    """Curves of every strategy and the figure with all labels, by seed."""
    everything = Known(data.embeddings, data.labels)
    test = everything.take(np.flatnonzero(data.splits == "test"))
    metric = rare_precision if task == "rare" else area
    head = HeadConfig(folds=0)
    curves: dict[str, list[Curve]] = {name: [] for name in names}
    fulls = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 77])
        pool = everything.take(pool_rows(task, data, rng))
        fulls.append(full_value(pool, test, head, metric, rng))
        given = tuple(map(int, np.flatnonzero(pool.labels == 1)[:2])) if task == "rare" else ()
        for name in names:
            budget = len(pool) if name == "random" else min(BUDGET, len(pool))
            plan = Plan(name, budget, batch=batch, head=head, given=given)
            curves[name].append(replay(pool, test, plan, metric, np.random.default_rng(seed)))
    return curves, fulls


def pool_rows(task: str, data: Radiographs, rng: np.random.Generator) -> np.ndarray:
    """The training cases in a random order; for `rare` with few positives, others for each seed."""
    rows = np.flatnonzero(data.splits == "train")
    if task == "rare":
        healthy = rows[data.labels[rows] == 0]
        ill = rng.permutation(rows[data.labels[rows] == 1])
        rows = np.r_[healthy, ill[: round(len(healthy) * PREVALENCE / (1 - PREVALENCE))]]
    return rng.permutation(rows)


def area(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return float(roc_auc_score(truth, probabilities[:, 1]))


def rare_precision(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Average precision as if PREVALENCE of the test cases were positive."""
    share = truth.mean()
    weights = np.where(truth == 1, PREVALENCE / share, (1 - PREVALENCE) / (1 - share))
    return float(average_precision_score(truth, probabilities[:, 1], sample_weight=weights))


def report(task: str, names: list[str], curves: dict[str, list[Curve]], fulls: list[float]) -> None:
    print(f"\n{task}: full data {np.mean(fulls):.3f}, {len(fulls)} seeds")
    print(
        "strategy            n95  random   R95  95 % interval  "
        + " ".join(f"{n:>5}" for n in COUNTS)
    )
    for name in names:
        found = saving(curves[name], curves["random"], fulls, np.random.default_rng(0))
        labels = curves[name][0].labels
        mean = np.mean([curve.values for curve in curves[name]], axis=0)
        at = " ".join(f"{mean[np.searchsorted(labels, n)]:.3f}" for n in COUNTS if n <= labels[-1])
        print(
            f"{name:<18} {found.labels:>4.0f} {found.control_labels:>7.0f} {found.ratio:>5.2f}"
            f"   {found.low:.2f} to {found.high:.2f}   {at}",
            flush=True,
        )


if __name__ == "__main__":
    main()
