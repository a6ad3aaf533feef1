"""Steps per second of the product's loop against a bare PyTorch loop, in pairs of turns.

python -m bench.training [--dimensions 3d]

The bare loop does the same mathematics (network, loss, AdamW) three times: on ready batches that the
product's own augmentation made before, with that augmentation between its steps, and with augmentation
off on both sides. Both use a GPU with mixed precision where there is one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from learning.training.batches import Batch, Source
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.loop import choose_device, train
from learning.training.networks import Architecture, on_device
from learning.training.tasks import OneAnswer, Segmentation, Task, Weighting

STILL: dict[str, Any] = {
    "flip": False, "rotate_degrees": 0.0, "scale": 0.0, "shift": 0.0, "contrast": 0.0, "noise": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What both loops do."""

    config: TrainConfig
    task: Task
    architecture: Architecture
    samples: Samples

    def product(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            train(
                config=self.config, task=self.task, architecture=self.architecture,
                training=self.samples, validation=Samples([], np.zeros(0, np.int64)), seed=0,
                checkpoints=Checkpoints(Path(folder)), on_progress=lambda _p: None,
            )  # fmt: skip

    def batches(self) -> Iterator[Batch]:
        source = Source(
            self.samples, self.task, self.config, self.architecture.size, choose_device()
        )
        for make in islice(source.epochs(0, 0), self.config.max_steps):
            yield make()[0]

    def bare(self, batches: Iterator[Batch] | list[Batch]) -> None:
        device = choose_device()
        is_mixed = device.type == "cuda"
        network = on_device(self.architecture.build(), device).train()
        scaler = torch.amp.GradScaler("cuda", enabled=is_mixed)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
        weighting = Weighting(None, 0.0, self.config.label_smoothing)
        for batch in batches:
            optimizer.zero_grad()
            with torch.autocast(device.type, enabled=is_mixed):
                loss = self.task.loss(network(batch.images), batch.labels, weighting)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        float(loss.detach())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dimensions", choices=["2d", "3d"], default="2d")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    work = work_of(arguments.dimensions, arguments.steps)
    still = replace(work, config=replace(work.config, **STILL))
    torch.set_num_threads(work.config.threads)
    ready, ready_still = list(work.batches()), list(still.batches())
    work.product()
    print(f"{work.config.network} {work.architecture.size}, batch {work.config.batch_size}")
    print(f"{'bare loop':28}  product  bare  steps/s   ratio (lowest to highest)   of CPU time")
    compare("ready augmented batches", work.product, lambda: work.bare(ready), arguments)
    compare(
        "augments between its steps", work.product, lambda: work.bare(work.batches()), arguments
    )
    compare("no augmentation in either", still.product, lambda: still.bare(ready_still), arguments)


def work_of(dimensions: str, steps: int) -> Work:
    config = TrainConfig(
        max_steps=steps, min_steps=steps, epochs=1, evaluations=1, checkpoint_s=3600.0
    )
    rng = np.random.default_rng(0)
    task: Task
    if dimensions == "2d":
        task, size = OneAnswer(("no", "yes")), (128, 128)
        labels = np.arange(256) % 2
    else:
        config = replace(config, batch_size=2, network="segresnet_small", modality="mr")
        task, size = Segmentation(("a", "b")), (40, 56, 40)
        labels = [rng.integers(0, 3, size).astype(np.int16) for _ in range(16)]
    images = rng.normal(0, 1, (len(labels), 1, *size)).astype(np.float16)
    architecture = Architecture(config.network, task.outputs, dimensions, size=size)
    return Work(config, task, architecture, Samples(images, labels))


def compare(
    name: str,
    product: Callable[[], None],
    bare: Callable[[], None],
    arguments: argparse.Namespace,
) -> None:
    """Medians over pairs; who begins changes from pair to pair, because others use the machine."""
    pairs = []
    for number in range(arguments.repeats):
        if number % 2:
            theirs, ours = taken(bare), taken(product)
        else:
            ours, theirs = taken(product), taken(bare)
        pairs.append((*ours, *theirs))
    wall, cpu, bare_wall, bare_cpu = np.asarray(pairs).T
    ratios = bare_wall / wall
    print(
        f"{name:28}  {arguments.steps / np.median(wall):7.2f}  "
        f"{arguments.steps / np.median(bare_wall):4.2f}            "
        f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})         "
        f"{np.median(bare_cpu / cpu):.2f}"
    )


def taken(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
