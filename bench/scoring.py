"""Scoring throughput of a round's shards against a bare PyTorch loop, in pairs of turns.

python -m config.embedded exec -- python -m bench.scoring

The bare loop does the same mathematics (the network on each image and on its mirror image, softmax,
mean) on tensors that lie ready; the product begins at its cache of images on the disk and ends at the
records that a shard keeps.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from bench.setup import fresh_database


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    fresh_database()

    from annotation.archive.models import Instance
    from annotation.labeling.schemas import parse_schema
    from learning.images import Chosen
    from learning.models import Target
    from learning.pipeline.answers import Answers
    from learning.training.networks import on_device
    from tests import factories

    torch.set_num_threads(1)
    project = factories.make_project(factories.make_user("manager"), "Bench")
    for _ in range(50):
        factories.make_study(project, side=128)
    instances = list(Instance.objects.filter(collection=project.collection))
    # The same 50 files stand for the pool again and again: every image is read from the cache.
    chosen = [
        Chosen(i.pk, i.series_id, i)
        for i in (instances[n % len(instances)] for n in range(arguments.images))
    ]
    target = Target(project=project, question="nodule")
    kind = Answers(
        target, parse_schema(factories.QUESTIONS), {"network": "resnet10"}, "margin", 100
    )
    architecture = kind.architecture()
    network = on_device(architecture.build(), torch.device("cpu"), 2).eval()
    records = {"task": kind.task.as_json(), "architecture": architecture.as_json(), "columns": {}}
    learned = kind.restored(network, records)
    ready = torch.randn(arguments.images, 1, *architecture.size)

    def product() -> None:
        for start in range(0, len(chosen), kind.shard_size):
            loaded = kind.inputs.load(chosen[start : start + kind.shard_size], {})
            for one in kind.foresee(learned, loaded, is_suggested=True):
                one.as_json()

    @torch.no_grad()
    def bare() -> None:
        for start in range(0, len(ready), kind.block_size):
            batch = ready[start : start + kind.block_size].to(memory_format=torch.channels_last)
            mean = (network(batch).softmax(1) + network(batch.flip(3)).softmax(1)) / 2
            mean.numpy()

    def taken(work: Callable[[], None]) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return time.perf_counter() - wall, time.process_time() - cpu

    product()
    pairs = []
    for number in range(arguments.repeats):
        # Who begins changes, because others use the machine.
        if number % 2:
            theirs, ours = taken(bare), taken(product)
        else:
            ours, theirs = taken(product), taken(bare)
        pairs.append((*ours, *theirs))
    wall, cpu, bare_wall, bare_cpu = np.asarray(pairs).T
    ratios = bare_wall / wall
    count = arguments.images
    print(f"{count} images of {architecture.size}, blocks of {kind.block_size}, one thread")
    print(f"product, images from the cache   {count / np.median(wall):.0f} images/s")
    print(f"bare PyTorch, tensors in memory  {count / np.median(bare_wall):.0f} images/s")
    print(f"ratio                            {np.median(ratios):.2f}", end=" ")
    print(
        f"({ratios.min():.2f} to {ratios.max():.2f}); of CPU time {np.median(bare_cpu / cpu):.2f}"
    )


if __name__ == "__main__":
    main()
