"""Predictions for many images: one network or several members, and embeddings on the way."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor, nn

from learning.training.batches import cut_out, sent
from learning.training.config import TrainConfig
from learning.training.memory import room
from learning.training.networks import Architecture, embed, forward, keep_dropping, on_device
from learning.training.networks.architecture import memory_format
from learning.training.precision import mixed
from learning.training.tasks import Task

Done = TypeVar("Done")
Given = TypeVar("Given")
WINDOWS = 2  # at once


@dataclass(frozen=True)
class Block:
    """(b, c, *space) images, or a list of b (c, *space), and (b, k) columns of some cases."""

    images: NDArray[Any] | list[NDArray[Any]]
    columns: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Predictions:
    """What networks say of n images: what is tested, kept and suggested, and the members that are compared.

    `mean` (n, k) is over the networks as they are, without dropout; `members` (m, n, k) are their passes with
    random dropout, where there are any, else the networks themselves. Embeddings (n, d) by the first network.
    """

    mean: NDArray[np.float64]
    members: NDArray[np.float64]
    embeddings: NDArray[np.float32]


@dataclass(frozen=True)
class Members:
    """Networks whose disagreement says how sure they are, each with `passes` of random dropout.

    No passes: every network once, as it is.
    """

    networks: Sequence[nn.Module]
    passes: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return len(self.networks) * max(self.passes, 1)

    def make_ready(self, device: torch.device) -> None:
        for network in self.networks:
            on_device(network, device).eval()

    @contextmanager
    def drawing(self, number: int) -> Iterator[None]:
        """While dropout is drawn for the block of this number; without it nothing is drawn."""
        if not self.passes:
            yield
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + number)
            yield

    def plain(self) -> Iterator[nn.Module]:
        """Every network as it is: without dropout."""
        for network in self.networks:
            yield network.eval()

    def each(self) -> Iterator[nn.Module]:
        """Every member in turn, dropping at random where there are passes."""
        for network in self.plain():
            if self.passes:
                keep_dropping(network)
            for _ in range(max(self.passes, 1)):
                yield network


def predict(
    members: Members,
    blocks: Iterable[Block],
    task: Task,
    config: TrainConfig,
    device: torch.device,
    *,
    on_predicted: Callable[[int], None] = lambda _images: None,
) -> Predictions:
    """Predictions of all blocks together, as `predict_each` makes them; `on_predicted` may raise to stop."""
    found: list[Predictions] = []
    for one in predict_each(members, blocks, task, config, device):
        found.append(one)
        on_predicted(len(one.mean))
    if not found:
        nothing = np.zeros((len(members), 0, task.outputs))
        return Predictions(nothing[0], nothing, np.zeros((0, 0), np.float32))
    return _joined(found)


@torch.no_grad()
def predict_each(
    members: Members,
    blocks: Iterable[Block],
    task: Task,
    config: TrainConfig,
    device: torch.device,
) -> Iterator[Predictions]:
    """Predictions of one block after the other, averaged with the mirror image, by every member.

    The next block is made ready in a thread while the networks work on this one. Where memory runs
    out, a block is halved.
    """
    torch.set_num_threads(config.threads)
    for number, (images, columns) in enumerate(_loaded(blocks, device)):
        if number == 0:
            members.make_ready(device)
        with members.drawing(number):
            found = _predict_block(members, images, columns, task, config)
        yield found


@torch.no_grad()
def segment(
    members: Members,
    image: NDArray[Any],
    task: Task,
    architecture: Architecture,
    config: TrainConfig,
    device: torch.device,
) -> Iterator[NDArray[np.float32]]:
    """(1 + structures, *space) probabilities of one (c, *space) image, member by member.

    One at a time, because a few members of a large volume do not fit into memory together.
    """
    torch.set_num_threads(config.threads)
    members.make_ready(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(members.seed)
        for network in members.each():
            probabilities = window_outputs(
                network, image, architecture, config, device, task.predictions
            )
            if config.flip_at_test:
                mirror = np.ascontiguousarray(np.flip(image, axis=-1))
                mirrored = window_outputs(
                    network, mirror, architecture, config, device, task.predictions
                )
                probabilities = (probabilities + mirrored.flip(-1).to(probabilities.device)) / 2
            yield probabilities[0].cpu().numpy()


@torch.no_grad()
def raw_outputs(
    network: nn.Module, blocks: Iterable[Block], config: TrainConfig, device: torch.device
) -> Iterator[Tensor]:
    """The network's float32 outputs of each block, without dropout."""
    network.eval()
    for images, columns in _loaded(blocks, device):

        def outputs(at_once: int, images: Tensor = images, columns: Tensor | None = columns) -> Any:
            with mixed(device, config.mixed_precision):
                return torch.cat([forward(network, *p) for p in _parts(images, columns, at_once)])

        found = room(network, "validation").fitted(outputs, len(images))
        yield found.float()


@torch.no_grad()
def window_outputs(
    network: nn.Module,
    image: NDArray[Any],
    architecture: Architecture,
    config: TrainConfig,
    device: torch.device,
    then: Callable[[Tensor], Done],
) -> Done:
    """`then` of the (1, outputs, *space) raw outputs of an image of any size, from overlapping windows.

    Windows are weighted by a Gaussian, because a network knows least at a window's edge. Where memory
    runs out they go through one at a time, and at last are put together in the machine's memory.
    """
    space = image.shape[1:]
    size = tuple(max(have, want) for have, want in zip(space, architecture.size, strict=True))
    padded = cut_out(image, (0,) * len(space), size, None)

    def done(at_once: int) -> Done:
        together = device if at_once else torch.device("cpu")
        tensor = torch.from_numpy(np.array(padded, np.float32))[None].to(
            together, memory_format=memory_format(len(space))
        )
        with mixed(device, config.mixed_precision):
            found: Any = sliding_window_inference(
                tensor, architecture.size, sw_batch_size=max(at_once, 1), predictor=network,
                overlap=config.window_overlap, mode="gaussian", sw_device=device, device=together,
            )  # fmt: skip
        outputs: Tensor = found
        for axis, (have, got) in enumerate(zip(space, size, strict=True), start=2):
            outputs = outputs.narrow(axis, (got - have) // 2, have)
        return then(outputs.float())

    return room(network, "windows", smallest=0).fitted(done, WINDOWS)


def _predict_block(
    members: Members, images: Tensor, columns: Tensor | None, task: Task, config: TrainConfig
) -> Predictions:
    """Predictions of one block."""

    def predicted(at_once: int) -> Predictions:
        parts = _parts(images, columns, at_once)
        return _joined([_predict_whole(members, *part, task, config) for part in parts])

    return room(members.networks[0], "prediction").fitted(predicted, len(images))


def _joined(parts: Sequence[Predictions]) -> Predictions:
    return Predictions(
        np.concatenate([one.mean for one in parts]),
        np.concatenate([one.members for one in parts], axis=1),
        np.concatenate([one.embeddings for one in parts]),
    )


def _parts(
    images: Tensor, columns: Tensor | None, at_once: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    for start in range(0, len(images), at_once):
        rows = slice(start, start + at_once)
        yield images[rows], None if columns is None else columns[rows]


def _predict_whole(
    members: Members, images: Tensor, columns: Tensor | None, task: Task, config: TrainConfig
) -> Predictions:
    def seen(network: nn.Module, shown: Tensor) -> Tensor:
        return task.predictions(forward(network, shown, columns).float())

    def said(network: nn.Module) -> Tensor:
        if not config.flip_at_test:
            return seen(network, images)
        mirrored = seen(network, images.flip(-1))  # first: the embedding is of what is seen last
        return (seen(network, images) + mirrored) / 2

    with mixed(images.device, config.mixed_precision), embed(members.networks[0]) as caught:
        plain = torch.stack([said(network) for network in members.plain()]).double().cpu()
        features = caught.of(len(images)).cpu()
        each = plain
        if members.passes:
            each = torch.stack([said(network) for network in members.each()]).double().cpu()
    return Predictions(plain.mean(dim=0).numpy(), each.numpy(), features.numpy())


def one_ahead(
    source: Iterable[Given], work: Callable[[Given], Done]
) -> Iterator[tuple[Given, Done]]:
    """Each with what `work` makes of it, made in a thread while the caller deals with the one before.

    The source is asked in the caller's own thread, where it may use the database.
    """
    with ThreadPoolExecutor(1) as worker:
        waiting: tuple[Given, Future[Done]] | None = None
        for given in source:
            coming = worker.submit(copy_context().run, work, given)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = given, coming
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _loaded(
    blocks: Iterable[Block], device: torch.device
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Blocks as tensors on the device; the next is stacked and converted in a thread.

    They are asked for in the caller's own, where whatever makes them may use the database.
    """

    def load(block: Block) -> tuple[Tensor, Tensor | None]:
        stacked = np.stack(block.images) if isinstance(block.images, list) else block.images
        images = torch.from_numpy(np.asarray(stacked, np.float32))
        layout = memory_format(images.ndim - 2)
        columns = None if block.columns is None else sent(torch.from_numpy(block.columns), device)
        return sent(images, device).to(memory_format=layout), columns

    with ThreadPoolExecutor(1) as loader:
        waiting: Future[tuple[Tensor, Tensor | None]] | None = None
        for block in blocks:
            coming = loader.submit(load, block)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()
