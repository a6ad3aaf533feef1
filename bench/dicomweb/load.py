"""The clients: `wrk` for frames, Python threads with keep-alive connections for the rest."""

import http.client
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.dicomweb.servers import Server

BUFFER_BYTES = 2**20
TIMEOUT_S = 300
WRK = shutil.which("wrk")
SCRIPT = """
local ready, last = {}, 0
function init(args)
  for path in io.lines(args[1]) do ready[#ready + 1] = wrk.format("GET", path) end
end
function request()
  last = last % #ready + 1
  return ready[last]
end
function done(summary, latency, requests)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %f %f %d %d", summary.requests, summary.duration,
    summary.bytes, latency:percentile(50), latency:percentile(95), e.status,
    e.connect + e.read + e.write + e.timeout))
end
"""


class BadAnswer(RuntimeError):
    """A server answered something else than 200: no figure is worth having then."""


@dataclass(frozen=True)
class Request:
    """One GET, or one POST where there is a body; `units` is what it counts for."""

    path: str
    accept: str
    body: bytes | bytearray | Iterable[bytes] | None = None
    content_type: str = ""
    length: int | None = None
    units: int = 1


@dataclass(frozen=True)
class Sample:
    """What one measurement found."""

    requests: int
    units: int
    wall_s: float
    received_bytes: int
    p50_ms: float
    p95_ms: float

    @property
    def rate(self) -> float:
        return self.units / self.wall_s

    @property
    def mb_per_s(self) -> float:
        return self.received_bytes / 1e6 / self.wall_s


class Connection:
    """One keep-alive connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def send(self, request: Request) -> int:
        """The number of bytes answered; raises BadAnswer unless the status is 200."""
        response = self._send(request)
        size = 0
        while count := response.readinto(self._buffer):
            size += count
        return size

    def fetch(self, request: Request) -> tuple[str, bytes]:
        """Content-Type and body."""
        response = self._send(request)
        return response.headers.get("Content-Type", ""), response.read()

    def close(self) -> None:
        self._http.close()

    def _send(self, request: Request) -> http.client.HTTPResponse:
        headers = {**self._server.headers, "Accept": request.accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if request.length is not None:
            headers["Content-Length"] = str(request.length)
        method = "GET" if request.body is None else "POST"
        self._http.request(method, self._server.path(request.path), request.body, headers)
        response = self._http.getresponse()
        if response.status != 200:
            text = response.read(4000).decode(errors="replace")
            raise BadAnswer(
                f"{self._server.name} answered {response.status} to {method} {request.path}: {text}"
            )
        return response


def fetch(server: Server, path: str, accept: str) -> tuple[str, bytes]:
    connection = Connection(server)
    try:
        return connection.fetch(Request(path, accept))
    finally:
        connection.close()


def drive(
    server: Server,
    sources: Sequence[Iterator[Request]],
    *,
    seconds: float | None = None,
    most_units: int | None = None,
) -> Sample:
    """One connection per source, until the sources, the time or the number of units is used up."""
    start = threading.Barrier(len(sources) + 1)
    deadline = [float("inf")]
    share = None if most_units is None else max(1, most_units // len(sources))

    def work(source: Iterator[Request]) -> tuple[list[float], int, int]:
        connection = Connection(server)
        times: list[float] = []
        units = size = 0
        start.wait()
        for request in source:
            began = time.perf_counter()
            size += connection.send(request)
            ended = time.perf_counter()
            times.append(ended - began)
            units += request.units
            if ended > deadline[0] or (share is not None and units >= share):
                break
        connection.close()
        return times, units, size

    with ThreadPoolExecutor(len(sources)) as pool:
        futures = [pool.submit(work, source) for source in sources]
        began = time.perf_counter()
        if seconds is not None:
            deadline[0] = began + seconds
        start.wait()
        results = [future.result() for future in futures]
        wall = time.perf_counter() - began
    times_ms = np.concatenate([times for times, _, _ in results]) * 1000
    return Sample(
        len(times_ms), sum(r[1] for r in results), wall, sum(r[2] for r in results),
        float(np.percentile(times_ms, 50)), float(np.percentile(times_ms, 95)),
    )  # fmt: skip


def wrk(
    server: Server, paths: Sequence[str], *, accept: str, connections: int, seconds: float
) -> Sample:
    """The C client: one thread that goes through the paths again and again."""
    assert WRK is not None
    with tempfile.TemporaryDirectory() as name:
        script, listed = Path(name) / "cycle.lua", Path(name) / "paths"
        script.write_text(SCRIPT)
        listed.write_text("".join(f"{server.path(path)}\n" for path in paths))
        command = [
            WRK,
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            str(script),
        ]
        for key, value in {**server.headers, "Accept": accept}.items():
            command += ["-H", f"{key}: {value}"]
        command += [f"http://127.0.0.1:{server.port}/", "--", str(listed)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    requests, wall_us, size, p50, p95, refused, broken = (float(v) for v in line.split()[1:])
    if refused or broken:
        fetch(server, paths[0], accept)  # raises with the answer's text where it is the rule
        raise BadAnswer(
            f"{server.name}: {refused:.0f} bad answers, {broken:.0f} broken connections"
        )
    return Sample(
        int(requests), int(requests), wall_us / 1e6, int(size), p50 / 1000, p95 / 1000
    )  # fmt: skip
