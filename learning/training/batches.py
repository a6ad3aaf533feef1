"""Which samples form a batch, how patches are cut from them, and batches made ahead."""

import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.training.augmentation import augment
from learning.training.config import TrainConfig
from learning.training.data import Image, Samples
from learning.training.distributed import ALONE, Group
from learning.training.memory import OutOfMemory, free, is_out_of_memory
from learning.training.networks.architecture import memory_format
from learning.training.tasks import Task
from learning.training.tasks.segmentation import UNLABELED

logger = logging.getLogger(__name__)
Size = tuple[int, ...]
PLACES = 1000  # voxels remembered per mask
MOST_MAKERS = 8  # each holds a batch
Made = TypeVar("Made")


@dataclass(frozen=True)
class Batch:
    """(b, c, *space) images, labels, and (b, k) columns on one device."""

    images: Tensor
    labels: Tensor
    columns: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def parts(self, count: int, smallest: int) -> Iterator["Batch"]:
        """At most `count` samples at once; a rest below `smallest` goes with the part before."""
        start = 0
        while start < len(self):
            rest = len(self) - start - count
            stop = len(self) if rest < smallest else start + count
            columns = None if self.columns is None else self.columns[start:stop]
            yield Batch(self.images[start:stop], self.labels[start:stop], columns)
            start = stop


@dataclass(frozen=True)
class Source:
    """What batches are made from: the samples of one run and the shape that they get."""

    samples: Samples
    task: Task
    config: TrainConfig
    size: Size
    device: torch.device
    _places: dict[int, "Places"] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many images, or patches of them, an epoch draws."""
        return len(self.samples) * self.config.patches_per_image

    @property
    def batch_size(self) -> int:
        """Of all processes together."""
        return min(self.config.batch_size, self.count)

    @property
    def steps_per_epoch(self) -> int:
        """Only whole batches are learned from."""
        return max(self.count // self.config.batch_size, 1)

    def epochs(
        self, seed: int, first: int, group: Group = ALONE
    ) -> Iterator[Callable[[], tuple[Batch, bool]]]:
        """What makes the batches of one epoch after the other without end, in any order of making.

        Each comes with whether it is its epoch's last.
        """
        for epoch in itertools.count(first):
            makers = self._makers(seed, epoch, group)
            for number, make in enumerate(makers, 1):
                yield partial(_with, make, number == len(makers))

    def _makers(self, seed: int, epoch: int, group: Group) -> list[Callable[[], Batch]]:
        # Every process draws the same order and takes its share of each batch. Shares are equal: all have
        # to come to as many parts where memory allows no more, or they would wait for each other.
        order = self._order(torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        size = self.config.batch_size
        fewest = 1 if self.task.is_dense else 2  # of a share: batch norm needs two
        makers: list[Callable[[], Batch]] = []
        for start in range(0, self.steps_per_epoch * size, size):
            picked = order[start : start + size]
            share = max(-(-len(picked) // group.size), fewest)
            picked = np.resize(picked, share * group.size)  # by repeating the first
            # Draws of its own, so that it does not matter which batch is made first.
            drawn = np.random.SeedSequence([seed, epoch, group.rank, start])
            own = int(drawn.generate_state(1, np.uint64)[0] >> np.uint64(1))
            makers.append(partial(self.batch, picked[group.rank :: group.size], own))
        return makers

    def _order(self, generator: torch.Generator) -> NDArray[np.int64]:
        count = self.count
        labels = np.asarray(self.samples.labels) if not self.task.is_dense else np.zeros(0)
        weights = self.task.sampling_weights(labels) if self.config.oversample else None
        if weights is None:
            return torch.randperm(count, generator=generator).numpy() % len(self.samples)
        drawn = torch.multinomial(
            torch.from_numpy(weights), count, replacement=True, generator=generator
        )
        return drawn.numpy()

    def batch(self, rows: NDArray[np.int64], seed: int) -> Batch:
        """These samples, changed by draws of the seed."""
        samples, config = self.samples, self.config
        draws = torch.Generator().manual_seed(seed)
        masks: Tensor | None = None
        if self.task.is_dense:
            pairs = [self._patch(int(row), draws) for row in rows]
            images = torch.from_numpy(np.stack([image for image, _ in pairs]))
            masks = torch.from_numpy(np.stack([mask for _, mask in pairs]))
        else:
            images = torch.from_numpy(stacked(samples.images, rows))
        layout = memory_format(len(self.size))
        images, masks = augment(
            sent(images, self.device).float(),
            None if masks is None else sent(masks, self.device), config, draws,
        )  # fmt: skip
        labels = masks if masks is not None else torch.from_numpy(np.asarray(samples.labels)[rows])
        columns = samples.columns
        return Batch(
            images.contiguous(memory_format=layout),
            labels if masks is not None else sent(labels, self.device),
            None if columns is None else sent(torch.from_numpy(columns[rows]), self.device),
        )

    def _patch(self, row: int, draws: torch.Generator) -> tuple[Image, NDArray[np.int64]]:
        image, mask = self.samples.images[row], np.asarray(self.samples.labels[row])
        if row not in self._places:
            self._places[row] = Places.of(mask, np.random.default_rng(row))
        start = self._places[row].start(mask.shape, self.size, self.config.foreground_share, draws)
        cut = cut_out(image, start, self.size, None).astype(np.float32)
        return cut, cut_out(mask, start, self.size, UNLABELED).astype(np.int64)


@dataclass(frozen=True)
class Places:
    """Flat indices of some voxels of a mask, so that no patch needs to search a whole volume."""

    structure: NDArray[np.int64]
    labeled: NDArray[np.int64]

    @classmethod
    def of(cls, mask: NDArray[Any], rng: np.random.Generator) -> "Places":
        found = [np.flatnonzero(mask > 0), np.flatnonzero(mask >= 0)]
        return cls(*(
            rng.choice(f, PLACES, replace=False) if len(f) > PLACES else f for f in found
        ))  # fmt: skip

    def start(
        self, shape: Size, size: Size, foreground_share: float, draws: torch.Generator
    ) -> Size:
        """Where a patch begins: around a voxel of a structure for a share of them, else around any
        labeled one, because a patch without labels teaches nothing."""
        room = [max(have - want, 0) for have, want in zip(shape, size, strict=True)]
        if not any(room) or not len(self.labeled):
            return tuple(0 for _ in room)
        wants_structure = float(torch.rand(1, generator=draws)) < foreground_share
        voxels = self.structure if wants_structure and len(self.structure) else self.labeled
        picked = voxels[int(torch.randint(len(voxels), (1,), generator=draws))]
        centre = np.unravel_index(picked, shape)
        return tuple(
            int(np.clip(c - want // 2, 0, most))
            for c, want, most in zip(centre, size, room, strict=True)
        )


def cut_out(array: NDArray[Any], start: Size, size: Size, fill: float | None) -> NDArray[Any]:
    """The window of an array's last axes; what lies outside is `fill`, or the array's minimum."""
    axes = len(size)
    window: tuple[Any, ...] = tuple(slice(a, a + s) for a, s in zip(start, size, strict=True))
    cut: NDArray[Any] = array[(..., *window)]
    missing = [want - have for want, have in zip(size, cut.shape[-axes:], strict=True)]
    if not any(missing):
        return cut
    around = [(0, 0)] * (array.ndim - axes) + [(m // 2, m - m // 2) for m in missing]
    value = array.min() if fill is None else fill
    return np.pad(cut, around, constant_values=value)


def stacked(images: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Rows as one array, whether they lie in one array or in many."""
    if isinstance(images, np.ndarray) and images.dtype != object:
        return np.asarray(images[rows])
    return np.stack([images[int(row)] for row in rows])


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; to a GPU from pinned memory, so that nobody waits for the copy."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def maker_count(device: torch.device, wanted: int = 0) -> int:
    """How many threads make batches: for a GPU most of the cores; on a CPU one, beside the network."""
    if wanted:
        return wanted
    return min(max((os.cpu_count() or 1) - 1, 1), MOST_MAKERS) if device.type == "cuda" else 1


def made_ahead(tasks: Iterator[Callable[[], Made]], makers: int, threads: int) -> Generator[Made]:
    """What the tasks make, in their order; the next ones are made in threads meanwhile.

    Where memory runs out, what was made ahead is let go and made again, one when it is asked for.
    Ends with its consumer, whatever ends that. Raises OutOfMemory where it does not suffice for one.
    """
    undone: list[Callable[[], Made]] = []
    yield from _made_in_threads(tasks, makers, threads, undone)
    if undone:
        logger.warning("memory_short stage=batches at_once=1")
        free()
        yield from map(_made_alone, itertools.chain(undone, tasks))


def _made_in_threads(
    tasks: Iterator[Callable[[], Made]], makers: int, threads: int,
    undone: list[Callable[[], Made]],
) -> Generator[Made]:  # fmt: skip
    """Until the end, or until memory runs out: then what was begun is `undone`."""
    with ThreadPoolExecutor(makers, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        waiting = deque((task, pool.submit(task)) for task in itertools.islice(tasks, makers))
        try:
            while waiting:
                try:
                    made = waiting[0][1].result()
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    undone += [task for task, _ in waiting]
                    return
                waiting.popleft()
                waiting.extend((task, pool.submit(task)) for task in itertools.islice(tasks, 1))
                yield made
        finally:
            for _, making in waiting:
                making.cancel()


def _made_alone(task: Callable[[], Made]) -> Made:
    try:
        return task()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    raise OutOfMemory("one batch does not fit into memory; choose a smaller size or batch")


def _with(make: Callable[[], Batch], is_last: bool) -> tuple[Batch, bool]:
    return make(), is_last
