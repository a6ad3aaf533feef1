"""Scoring throughput of a round's shards against a bare PyTorch loop, in pairs of turns.

python -m config.embedded exec -- python -m bench.scoring [--kind masks]

The bare loop does the same mathematics (the network on each image and on its mirror image, softmax, mean)
on tensors that lie ready in the machine's memory; the product begins at its cache of images on the disk
and ends at the records that a shard keeps. Both use the GPU with mixed precision where there is one.
With masks the product's records also hold what it says of each volume's voxels; the bare loop stops at
the probabilities.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor, nn

from bench.setup import fresh_database

IMAGES = {"answers": 2048, "masks": 24}
VOLUME = (40, 64, 64)
FILES = {"answers": 50, "masks": 8}  # that stand for the pool again and again


@dataclass(frozen=True)
class Work:
    """What both loops do."""

    kind: Any  # learning.pipeline.base.Kind
    learned: Any
    network: nn.Module
    chosen: list[Any]
    ready: Tensor  # (n, 1, *space) in the machine's memory
    device: torch.device

    def product(self) -> None:
        for start in range(0, len(self.chosen), self.kind.shard_size):
            loaded = self.kind.inputs.load(self.chosen[start : start + self.kind.shard_size], {})
            for one in self.kind.foresee(self.learned, loaded, {}, is_suggested=True):
                one.as_json()

    @torch.no_grad()
    def bare_answers(self) -> None:
        size = self.kind.block_size
        for start in range(0, len(self.ready), size):
            batch = self.ready[start : start + size].to(self.device)
            batch = batch.to(memory_format=torch.channels_last)
            with self._precision():
                plain = self.network(batch).float().softmax(1)
                mirrored = self.network(batch.flip(3)).float().softmax(1)
            ((plain + mirrored) / 2).cpu().numpy()

    @torch.no_grad()
    def bare_masks(self) -> None:
        for image in self.ready.split(1):
            volume = image.to(self.device)
            plain = self._windows(volume).softmax(1)
            mirrored = self._windows(volume.flip(-1)).softmax(1)
            ((plain + mirrored.flip(-1)) / 2).cpu().numpy()

    def _windows(self, volume: Tensor) -> Tensor:
        with self._precision():
            found: Any = sliding_window_inference(
                volume, self.kind.spec.size, 2, self.network,
                overlap=self.kind.config.window_overlap, mode="gaussian",
            )  # fmt: skip
        outputs: Tensor = found
        return outputs.float()

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, enabled=self.device.type == "cuda")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=list(IMAGES), default="answers")
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    fresh_database()
    torch.set_num_threads(1)
    count = arguments.images or IMAGES[arguments.kind]
    work = answers(count) if arguments.kind == "answers" else masks(count)
    compare(arguments.kind, work, arguments.repeats)


def answers(count: int) -> Work:
    from annotation.archive.models import Instance
    from annotation.labeling.schemas import parse_schema
    from learning.images import Chosen
    from learning.models import Target
    from learning.pipeline.answers import Answers
    from tests import factories

    project = factories.make_project(factories.make_user("manager"), "Bench")
    for _ in range(FILES["answers"]):
        factories.make_study(project, side=128)
    instances = list(Instance.objects.filter(collection=project.collection))
    kind = Answers(
        Target(project=project, question="nodule"), parse_schema(factories.QUESTIONS),
        {"network": "resnet10"}, "margin", 100,
    )  # fmt: skip
    chosen = [Chosen(i.pk, i.series_id, i) for i in _again(instances, count)]
    return _work(kind, chosen, kind.architecture().size)


def masks(count: int) -> Work:
    from annotation.archive.services.ingest import ingest
    from annotation.imaging import conversion
    from annotation.labeling.models import Case
    from annotation.labeling.schemas import parse_schema
    from annotation.labeling.services.projects import add_cases
    from learning.models import Target, TargetKind
    from learning.pipeline.masks import Masks
    from tests import factories

    project = factories.make_project(factories.make_user("manager"), "Bench")
    rng = np.random.default_rng(0)
    for number in range(FILES["masks"]):
        voxels = rng.normal(100, 20, VOLUME).astype(np.int16)
        subject = conversion.Subject(patient_id=f"patient {number}")
        for data in conversion.volume_series(voxels, np.eye(4), subject, f"{number}", "MR"):
            study = ingest(collection=project.collection, chunks=[data]).study
        add_cases(project=project, studies=[study])
    target = Target(
        project=project, kind=TargetKind.SEGMENTATION, options={"layer": 0, "undrawn": "unknown"},
        input={"size": [32, 48, 48], "dimensions": "3d", "keeps_size": True},
    )  # fmt: skip
    schema = parse_schema({"segments": [{"value": 1, "label": "Lesion"}], "questions": []})
    kind = Masks(target, schema, {"network": "segresnet_small"}, "class_entropy", 100)
    cases = list(Case.objects.filter(project=project).select_related("study"))
    return _work(kind, list(_again(kind.inputs.choose(cases, {}), count)), VOLUME)


def _again(things: list[Any], count: int) -> Iterator[Any]:
    return (things[number % len(things)] for number in range(count))


def _work(kind: Any, chosen: list[Any], space: tuple[int, ...]) -> Work:
    from learning.training.loop import choose_device
    from learning.training.networks import on_device

    architecture, device = kind.architecture(), choose_device()
    network = on_device(architecture.build(), device).eval()
    records = {"task": kind.task.as_json(), "architecture": architecture.as_json(), "columns": {}}
    learned = kind.restored(network, records)
    ready = torch.randn(len(chosen), 1, *space)
    return Work(kind, learned, network, chosen, ready, device)


def compare(name: str, work: Work, repeats: int) -> None:
    bare = work.bare_answers if name == "answers" else work.bare_masks
    work.product()  # fills the cache
    bare()
    pairs = []
    for number in range(repeats):
        # Who begins changes, because others use the machine.
        if number % 2:
            theirs, ours = taken(bare), taken(work.product)
        else:
            ours, theirs = taken(work.product), taken(bare)
        pairs.append((*ours, *theirs))
    wall, cpu, bare_wall, bare_cpu = np.asarray(pairs).T
    ratios, count = bare_wall / wall, len(work.chosen)
    print(f"{name}: {count} images of {tuple(work.ready.shape[2:])} on {work.device}, one thread")
    print(f"product, images from the cache   {count / np.median(wall):.1f} images/s")
    print(f"bare PyTorch, tensors in memory  {count / np.median(bare_wall):.1f} images/s")
    print(f"ratio                            {np.median(ratios):.2f}", end=" ")
    print(
        f"({ratios.min():.2f} to {ratios.max():.2f}); of CPU time {np.median(bare_cpu / cpu):.2f}"
    )


def taken(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, until a GPU has done it too, and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
