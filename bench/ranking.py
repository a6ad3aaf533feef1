"""Time and peak memory of every strategy on a large pool, modAL's own overhead included.

OMP_NUM_THREADS=1 python -m bench.ranking --cases 100000

Each strategy runs in a process of its own. Memory is the process's peak above the bare interpreter,
the pool's own arrays (1.5 GB of embeddings at a million cases) included.
"""

import argparse
import multiprocessing
import resource
import time

import numpy as np

from learning.acquisition.names import ALL_TITLES
from learning.acquisition.pool import Labeled, Pool
from learning.acquisition.strategies import STRATEGIES, select

DIMENSIONS = 384
LABELED = 500
CLUSTERS = 200
BLOCK = 50_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--strategies", default=",".join(ALL_TITLES))
    arguments = parser.parse_args()
    print(f"{arguments.cases} cases of {DIMENSIONS} floats, batch {arguments.batch}")
    print("strategy           seconds   peak MB")
    context = multiprocessing.get_context("spawn")
    for name in arguments.strategies.split(","):
        with context.Pool(1) as process:
            seconds, memory = process.apply(measure, (name, arguments.cases, arguments.batch))
        print(f"{name:<18} {seconds:>7.2f} {memory:>9.0f}", flush=True)


def measure(name: str, cases: int, batch: int) -> tuple[float, float]:
    """Seconds from the arrays to the picks, and peak MB of this process above its start."""
    before = peak_mb()
    rng = np.random.default_rng(0)
    arrays, labeled = make_arrays(name, cases, rng)
    began = time.perf_counter()
    pool = Pool(**arrays)  # the checks of the arrays are part of the time
    assert len(select(STRATEGIES[name], pool, labeled, batch, rng)) == batch
    return time.perf_counter() - began, peak_mb() - before


def make_arrays(name: str, cases: int, rng: np.random.Generator) -> tuple[dict, Labeled]:
    """Clustered embeddings and two-class predictions; members and components where needed."""
    centres = rng.normal(size=(CLUSTERS, DIMENSIONS)).astype(np.float32)
    vectors = np.empty((cases, DIMENSIONS), np.float32)
    for start in range(0, cases, BLOCK):
        size = min(BLOCK, cases - start)
        block = centres[rng.integers(CLUSTERS, size=size)]
        block += rng.standard_normal((size, DIMENSIONS), np.float32)
        vectors[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    positive = rng.random(cases, np.float32)
    table = np.stack([1 - positive, positive], axis=1)
    arrays: dict = {"embeddings": vectors, "probabilities": table}
    if name == "bald":
        arrays["members"] = np.stack([table] * 5)
    if name in ("class_entropy", "foreground_random", "boxes", "variance"):
        wanted = (
            "class:liver", "class:spleen", "entropy", "foreground", "box:nodule", "objects", "variance",
        )  # fmt: skip
        arrays["components"] = {key: rng.random(cases) for key in wanted}
    known = rng.choice(cases, LABELED, replace=False)
    return arrays, Labeled(vectors[known].copy(), (rng.random(LABELED) < 0.2).astype(np.int64))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
