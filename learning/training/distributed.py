"""Several processes that train one network: torch's DistributedDataParallel, gloo or NCCL."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Group:
    """This process's place among those of one run."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wrapped(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network with gradients averaged over all processes."""
        if self.size == 1:
            return network
        if device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        ids = [device.index] if device.type == "cuda" else None
        # MONAI's transformers hold parameters that they never use.
        return DistributedDataParallel(network, device_ids=ids, find_unused_parameters=True)

    def averaging(self, learner: nn.Module, *, is_last: bool) -> AbstractContextManager[None]:
        """While one part of a batch is learned from: gradients are averaged once, with the last."""
        if is_last or not isinstance(learner, DistributedDataParallel):
            return nullcontext()
        return learner.no_sync()

    def agreed(self, value: float | None) -> float | None:
        """The first process's value: what is decided by it must not differ between processes."""
        if self.size == 1:
            return value
        shared = [value]
        distributed.broadcast_object_list(shared, src=0)
        return shared[0]


ALONE = Group()


def has_lost_another(error: Exception) -> bool:
    """Whether this process failed only because another one of its group is gone."""
    of_the_wire = isinstance(error, distributed.DistError) or "gloo" in str(error)
    return of_the_wire or "NCCL" in str(error)


@contextmanager
def joined() -> Iterator[Group]:
    """The group that torchrun's environment describes, or this process alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    yield Group(distributed.get_rank(), size)
    # Not after a failure: it would wait for processes that may wait for this one.
    distributed.destroy_process_group()
