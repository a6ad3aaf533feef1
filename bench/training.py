"""Steps per second of the product's loop against a bare PyTorch loop on batches that lie ready.

python -m bench.training [--dimensions 3d]
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.loop import choose_device, train
from learning.training.networks import Architecture, on_device
from learning.training.tasks import OneAnswer, Segmentation, Weighting


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dimensions", choices=["2d", "3d"], default="2d")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    config = TrainConfig(
        max_steps=arguments.steps, min_steps=arguments.steps, epochs=1, evaluations=1,
        checkpoint_s=3600.0,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    if arguments.dimensions == "2d":
        task, size = OneAnswer(("no", "yes")), (128, 128)
        labels = np.arange(256) % 2
    else:
        config = replace(config, batch_size=2, network="segresnet_small", modality="mr")
        task, size = Segmentation(("a", "b")), (40, 56, 40)
        labels = [rng.integers(0, 3, size).astype(np.int16) for _ in range(16)]
    images = rng.normal(0, 1, (len(labels), 1, *size)).astype(np.float16)
    samples = Samples(images, labels)
    architecture = Architecture(config.network, task.outputs, arguments.dimensions, size=size)

    def product() -> float:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            train(
                config=config, task=task, architecture=architecture, training=samples,
                validation=Samples([], np.zeros(0, np.int64)), seed=0,
                checkpoints=Checkpoints(Path(folder)), on_progress=lambda _p: None,
            )  # fmt: skip
            return arguments.steps / (time.perf_counter() - began)

    def bare() -> float:
        device = choose_device()
        count = config.batch_size
        network = on_device(architecture.build(), device, architecture.spatial).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
        layout = torch.channels_last if architecture.spatial == 2 else torch.channels_last_3d
        batch = torch.from_numpy(images[:count].astype(np.float32)).to(device, memory_format=layout)
        truth = torch.from_numpy(np.stack(labels[:count]).astype(np.int64)).to(device)
        began = time.perf_counter()
        for _ in range(arguments.steps):
            optimizer.zero_grad()
            outputs = network(batch)
            if task.is_dense:
                loss = task.loss(outputs, truth, Weighting())
            else:
                loss = functional.cross_entropy(outputs, truth, label_smoothing=0.05)
            loss.backward()
            optimizer.step()
        float(loss.detach())
        return arguments.steps / (time.perf_counter() - began)

    torch.set_num_threads(config.threads)
    product()
    pairs = [(product(), bare()) for _ in range(arguments.repeats)]
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    print(f"{config.network} {arguments.dimensions} {size}, batch {config.batch_size}")
    print(f"product, with augmentation  {np.median([p[0] for p in pairs]):.2f} steps/s")
    print(f"bare PyTorch, ready batches {np.median([p[1] for p in pairs]):.2f} steps/s")
    print(
        f"ratio                       {np.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
