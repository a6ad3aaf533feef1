"""What to do when memory runs out: say so, and go on with fewer at once."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn

logger = logging.getLogger(__name__)
Done = TypeVar("Done")
ALL = 1 << 30  # at once, until memory has run out
# By stage: how often memory ran out, and how many at once it sufficed for in the end
Shortages = dict[str, dict[str, int]]
_shortages: ContextVar[Shortages | None] = ContextVar("shortages", default=None)


# What libraries say of it that raise no class of their own, on a GPU and in the machine
SIGNS = (
    "out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)  # fmt: skip


class OutOfMemory(RuntimeError):
    """Even the smallest batch does not fit; says what would."""


class ShortOfMemory(RuntimeError):
    """One of several processes ran out: all begin again from the checkpoint, with fewer at once."""


@dataclass
class AtOnce:
    """How many one stage of a run works on at once; halves where memory runs out."""

    stage: str
    smallest: int = 1
    count: int = ALL
    is_short: bool = False  # fewer than were wanted

    def fitted(self, work: Callable[[int], Done], of: int) -> Done:
        """What `work(at_once)` makes of `of` things, done again by half as many where memory runs out.

        Raises OutOfMemory where it does not suffice for the smallest.
        """
        while True:
            try:
                return work(min(self.count, of))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of the handler: the error's frames hold what did not fit.
            self.halve(of)

    def halve(self, of: int) -> None:
        """Half as many of `of` things. Raises OutOfMemory below the smallest."""
        free()
        count = min(self.count, of)
        if count <= self.smallest or count // 2 < self.smallest:
            raise OutOfMemory(
                f"{count} images at once do not fit into memory, and {self.stage} cannot do with "
                "fewer; choose a smaller size or network"
            )
        self.lower(count // 2)

    def lower(self, count: int) -> None:
        """Work on so many from now on, and say so."""
        self.count, self.is_short = count, True
        note(self.stage, count)


def free() -> None:
    """Give back what torch holds for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


_rooms: WeakKeyDictionary[nn.Module, dict[str, AtOnce]] = WeakKeyDictionary()


def room(network: nn.Module, stage: str, smallest: int = 1) -> AtOnce:
    """What memory sufficed for so far with this network in this stage."""
    known = _rooms.setdefault(network, {})
    return known.setdefault(stage, AtOnce(stage, smallest))


def note(stage: str, at_once: int) -> None:
    """Say that memory ran out, in the log and to whoever listens."""
    logger.warning("memory_short stage=%s at_once=%s", stage, at_once)
    found = _shortages.get()
    if found is not None:
        times = found.get(stage, {}).get("times", 0)
        found[stage] = {"times": times + 1, "at_once": at_once}


@contextmanager
def noted() -> Iterator[Shortages]:
    """What memory did not suffice for while this lasts."""
    found: Shortages = {}
    token = _shortages.set(found)
    try:
        yield found
    finally:
        _shortages.reset(token)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on a GPU or in the machine."""
    is_said = isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)
    return is_said or isinstance(error, torch.OutOfMemoryError | MemoryError)
