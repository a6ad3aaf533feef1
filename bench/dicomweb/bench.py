"""Measures both servers in turns and puts what it finds into the report."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.dicomweb import load
from bench.dicomweb.data import STOW_TYPE, Data, Item, Template, multipart
from bench.dicomweb.load import Request, Sample
from bench.dicomweb.report import Report, Row
from bench.dicomweb.servers import Memory, Ours, Server

DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JSON = "application/dicom+json"
MEMORY_BOUND_MB = 300
LOAD_CONNECTIONS = 2


@dataclass(frozen=True)
class Cost:
    """A sample and the CPU time that its server spent on each unit."""

    sample: Sample
    cpu_ms: float


@dataclass(frozen=True)
class Pairs:
    """Repetitions of one measurement on both servers; `theirs` is empty without Orthanc."""

    ours: list[Cost]
    theirs: list[Cost]

    def each(self, value: Callable[[Cost], float]) -> tuple[list[float], list[float]]:
        return [value(c) for c in self.ours], [value(c) for c in self.theirs]


@dataclass
class Bench:
    """The two servers, what is in them, and how long to measure."""

    ours: Ours
    theirs: Server | None
    data: Data
    seconds: float
    pairs: int
    idle_timeout_s: float
    report: Report = field(default_factory=Report)

    @property
    def servers(self) -> list[Server]:
        return [self.ours, self.theirs] if self.theirs else [self.ours]

    def settle(self) -> None:
        """Let the work end that earlier storing caused, so that it disturbs nobody."""
        if self.idle_timeout_s:
            self.ours.wait_until_idle(self.idle_timeout_s)

    def in_turns(self, measure: Callable[[Server], Sample]) -> Pairs:
        """ours, theirs, ours, theirs, …"""
        found: dict[str, list[Cost]] = {server.name: [] for server in self.servers}
        for _, server in itertools.product(range(self.pairs), self.servers):
            self.settle()
            before = server.cpu_s()
            sample = measure(server)
            cpu_ms = (server.cpu_s() - before) * 1000 / sample.units
            found[server.name].append(Cost(sample, cpu_ms))
        return Pairs(found[self.ours.name], found[self.theirs.name] if self.theirs else [])

    def add(
        self,
        section: str,
        name: str,
        unit: str,
        figures: tuple[list[float], list[float]],
        **options,
    ) -> None:
        self.report.add(Row(section, name, unit, *figures, **options))

    def add_memory(self, when: str) -> None:
        """What the web server's processes hold now; Orthanc is one process."""
        theirs = [self.theirs.memory().total_mb] if self.theirs else []
        self.add_memory_rows(when, self.ours.memory(), theirs)

    def add_memory_rows(self, when: str, ours: Memory, theirs: list[float]) -> None:
        kind = {"is_less_better": True}
        together = ([ours.total_mb], theirs)
        self.add("memory", f"memory {when}", "MB", together, bound=MEMORY_BOUND_MB, **kind)
        self.add("memory", f"  largest process {when}", "MB", ([ours.largest_mb], []))
        self.add("memory", f"  DICOM readers {when}", "MB", ([ours.readers_mb], []))

    def load_both(self) -> None:
        """All objects over STOW into each server, the studies of many objects first."""
        data = self.data
        groups = [*_batches(data.ct, 20), *_batches(data.dx, 10), *_batches(data.small, 50)]
        for server in self.servers:
            requests = map(stow_request, groups)  # several threads may call next() on a map
            began = time.monotonic()
            done = load.drive(server, [requests] * LOAD_CONNECTIONS)
            print(
                f"loaded into {server.name}: {done.units} instances in "
                f"{time.monotonic() - began:.1f} s",
                flush=True,
            )
        began = time.monotonic()
        self.settle()
        print(f"our background work ended {time.monotonic() - began:.1f} s later", flush=True)


def cycled(requests: Sequence[Request], seed: int = 1) -> Iterator[Request]:
    """The requests in a random but repeatable order, again and again."""
    order = np.random.default_rng(seed).permutation(len(requests))
    return itertools.cycle([requests[n] for n in order])


def renewed(template: Template) -> Iterator[Request]:
    """The same objects under new UIDs, without end."""
    while True:
        body = template.renew()
        yield Request("studies", JSON, body, STOW_TYPE, units=template.instances)


def stow_request(items: Sequence[Item]) -> Request:
    return Request("studies", JSON, multipart(items), STOW_TYPE, units=len(items))


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
