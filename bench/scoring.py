"""Scoring throughput of the product's prediction against a bare PyTorch loop, in one run.

python -m config.embedded exec -- python -m bench.scoring
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from bench.setup import fresh_database


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    fresh_database()

    from annotation.archive.models import Instance
    from learning import pipeline
    from learning.pipeline import POOL_BLOCK, Chosen
    from learning.training.config import TrainConfig
    from learning.training.loop import choose_device
    from learning.training.networks import Architecture
    from learning.training.predict import Block, Members, predict
    from learning.training.tasks import OneAnswer
    from tests import factories

    config = TrainConfig(threads=1)
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
    task = OneAnswer(("no", "yes"))
    size = (config.side, config.side)
    network = Architecture(config.network, task.outputs, size=size).build().eval()
    network = network.to(memory_format=torch.channels_last)

    def product() -> None:
        def blocks():
            for start in range(0, len(chosen), POOL_BLOCK):
                part = chosen[start : start + POOL_BLOCK]
                images = [image for _, image in pipeline._load_images(part, config, {})]
                yield Block(np.stack(images)[:, None])

        predict(Members([network]), blocks(), task, config, choose_device())

    ready = torch.randn(arguments.images, 1, config.side, config.side)

    @torch.no_grad()
    def bare() -> None:
        for start in range(0, len(ready), POOL_BLOCK):
            batch = ready[start : start + POOL_BLOCK].to(memory_format=torch.channels_last)
            (network(batch).softmax(1) + network(batch.flip(3)).softmax(1)).numpy()

    def rate(work: Callable[[], None]) -> float:
        began = time.perf_counter()
        work()
        return arguments.images / (time.perf_counter() - began)

    product()
    pairs = [(rate(product), rate(bare)) for _ in range(arguments.repeats)]
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    print(f"images {arguments.images}, {config.side} pixels, {torch.get_num_threads()} thread")
    print(f"product, images from the cache   {np.median([p[0] for p in pairs]):.0f} images/s")
    print(f"bare PyTorch, tensors in memory  {np.median([p[1] for p in pairs]):.0f} images/s")
    print(
        f"ratio                            {np.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
