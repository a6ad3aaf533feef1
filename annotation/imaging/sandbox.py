"""Runs parsing and decoding in a child process with limits on memory and time.

The parent sends one JSON line; the child answers two sizes, a JSON header and a payload. A child that
hangs, dies or grows is replaced; the caller gets SandboxFailure, never a crashed server.
"""

import contextlib
import fcntl
import json
import os
import queue
import resource
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

MEMORY_LIMIT_BYTES = 3 * 2**30  # address space: numpy and the codecs map about 1 GiB of it
CALLS_PER_CHILD = 5_000
DEFAULT_TIMEOUT_S = 30.0
WAITS = 5  # times the limit by the clock, while a child waits for a processor that others have
LOOKS_S = 0.1  # between two looks at what a child that says nothing has used
LEAST_PRIORITY = 19
PIPE_BYTES = 2**20  # a picture or a frame passes without the two taking turns
PREFIX = struct.Struct(">II")  # bytes of header and payload that follow
CHILD_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Keep freed memory: giving every image back to the kernel costs a quarter of its rendering.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}
Answer = tuple[Any, bytes]


class SandboxFailure(RuntimeError):
    """The work was refused or the child did not survive it; `reason` is fit for a report."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Died(SandboxFailure):
    """The child is gone; what it worked on need not be why."""


class _Patience:
    """What a call may take: seconds of a processor, and some times as many by the clock.

    A child in the background runs when nobody else wants to: that it waited says nothing about its file.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid, self._seconds, self._before = pid, seconds, _seconds_of_processor(pid)
        self._end = time.monotonic() + WAITS * seconds

    def is_over(self) -> bool:
        used = _seconds_of_processor(self._pid) - self._before
        return used >= self._seconds or time.monotonic() >= self._end


def _seconds_of_processor(pid: int) -> float:
    """What a process has used so far; the clock where the system does not tell (/proc is Linux's)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Child:
    """One limited worker process."""

    def __init__(self) -> None:
        env = {**os.environ, **CHILD_ENVIRONMENT}
        self.calls = 0
        self._received = bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "annotation.imaging.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=env,
        )

        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # more than an account may have: the default stays
                fcntl.fcntl(_pipe(pipe), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def call(self, function: str, arguments: dict[str, Any], timeout_s: float) -> Answer:
        self.calls += 1
        self._received = bytearray()
        request = {"function": function, "arguments": arguments}
        try:
            _pipe(self.process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(self.process.stdin).flush()
            patience = _Patience(self.process.pid, timeout_s)
            header_size, payload_size = PREFIX.unpack(self._read(PREFIX.size, patience))
            header = json.loads(self._read(header_size, patience))
            payload = self._read(payload_size, patience)
        except TimeoutError:
            self.close()
            raise SandboxFailure(f"took longer than {timeout_s:.0f} s") from None
        except (BrokenPipeError, ValueError):
            self.close()
            raise _Died("the reader process died") from None
        if header["error"] is not None:
            raise SandboxFailure(header["error"])
        return header["value"], payload

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def is_worn_out(self) -> bool:
        return self.process.poll() is not None or self.calls >= CALLS_PER_CHILD

    def _read(self, size: int, patience: _Patience) -> bytes:
        """The next bytes; whatever else the pipe holds is taken too, for the next call."""
        descriptor = _pipe(self.process.stdout).fileno()
        while len(self._received) < size:
            ready, _, _ = select.select([descriptor], [], [], LOOKS_S)
            if ready:
                piece = os.read(descriptor, PIPE_BYTES)
                if not piece:
                    raise ValueError("closed")
                self._received += piece
            elif patience.is_over():
                raise TimeoutError
        data = bytes(self._received[:size])
        del self._received[:size]
        return data


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BrokenPipeError
    return pipe


_idle: "queue.SimpleQueue[Child]" = queue.SimpleQueue()
_owner = os.getpid()


def run(function: str, /, *, timeout_s: float = DEFAULT_TIMEOUT_S, **arguments: Any) -> Answer:
    """Call one of FUNCTIONS in a child, in a second one where the first died; returns (JSON value, payload).

    `timeout_s` are seconds of a processor. Raises SandboxFailure.
    """
    try:
        return _run(function, arguments, timeout_s)
    except _Died:
        return _run(function, arguments, timeout_s)


def _run(function: str, arguments: dict[str, Any], timeout_s: float) -> Answer:
    global _idle, _owner
    if _owner != os.getpid():  # after a fork the parent's children are not ours
        _idle, _owner = queue.SimpleQueue(), os.getpid()
    try:
        child = _idle.get_nowait()
    except queue.Empty:
        child = Child()
    if child.is_worn_out:
        child.close()
        child = Child()
    try:
        return child.call(function, arguments, timeout_s)
    finally:
        if child.process.poll() is None:
            _idle.put(child)


# What follows runs in the child.


def _parse(path: str) -> Answer:
    """The record without `dicom_json`, and that as JSON text."""
    from annotation.imaging import parsing

    record, text = parsing.as_json(parsing.parse(Path(path)))
    return record, text.encode()


def _render(path: str, **options: Any) -> Answer:
    from annotation.imaging.rendered import Rendering, render

    for name, value in options.items():
        options[name] = tuple(value) if isinstance(value, list) else value
    return None, render(Path(path), Rendering(**options))


def _native_frame(path: str, frame: int) -> Answer:
    """One frame decoded to little-endian native bytes as the metadata describes them."""
    import numpy as np

    from annotation.imaging.rendered import decode_as_described

    dataset, pixels = decode_as_described(Path(path), frame)
    if pixels.ndim == 3 and dataset.get("PlanarConfiguration") == 1:
        pixels = np.moveaxis(pixels, 2, 0)
    if dataset.get("BitsAllocated") == 1:
        pixels = np.packbits(pixels.ravel(), bitorder="little")
    return str(pixels.dtype), pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()


def _grey_values(path: str, frame: int) -> Answer:
    """The type and the little-endian values of one grey frame, not yet rescaled."""
    from annotation.imaging.rendered import grey_values

    values = grey_values(Path(path), frame)
    return str(values.dtype), values.astype(values.dtype.newbyteorder("<")).tobytes()


def _encode_frame(path: str, frame: int, transfer_syntax: str) -> Answer:
    from annotation.imaging.encoding import encode_frame

    return None, encode_frame(Path(path), frame, transfer_syntax)


def _encode_frames(path: str, target: str) -> Answer:
    from annotation.imaging.encoding import encode_frames

    index, transfer_syntax = encode_frames(Path(path), Path(target))
    return {"index": index.as_json(), "transfer_syntax": transfer_syntax}, b""


def _convert(path: str, target: str) -> Answer:
    """The whole object as Explicit VR Little Endian in `target`; False where it stays as it is."""
    from annotation.imaging.transcoding import to_explicit_little_endian

    return to_explicit_little_endian(Path(path), Path(target)), b""


def _model_input(path: str, frame: int, side: int) -> Answer:
    """(side, side) float16 values for a network."""
    from annotation.imaging.rendered import model_input

    return None, model_input(Path(path), frame, side).astype("<f2").tobytes()


def _element(path: str, tag: str, target: str) -> Answer:
    """The bytes of one binary element in `target`."""
    from annotation.imaging.parsing import binary_element

    Path(target).write_bytes(binary_element(Path(path), tag))
    return None, b""


def _split_datasets(metadata: str) -> Answer:
    """(start, length) of every dataset in `metadata`, which is rewritten."""
    from annotation.imaging import composition

    return composition.split_datasets(Path(metadata)), b""


def _compose(
    metadata: str, start: int, length: int, bulk: dict[str, dict[str, str]], target: str
) -> Answer:
    from annotation.imaging import composition

    composition.compose(Path(metadata), start, length, bulk, Path(target))
    return None, b""


FUNCTIONS: dict[str, Callable[..., Answer]] = {
    "parse": _parse,
    "render": _render,
    "native_frame": _native_frame,
    "grey_values": _grey_values,
    "encode_frame": _encode_frame,
    "encode_frames": _encode_frames,
    "convert": _convert,
    "model_input": _model_input,
    "element": _element,
    "split_datasets": _split_datasets,
    "compose": _compose,
}


def _serve() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["PYTHONWARNINGS"] = "ignore"
    import logging
    import warnings

    logging.disable(logging.CRITICAL)  # pydicom would log element values: patient data
    warnings.simplefilter("ignore")
    if os.environ.get("FIRSTREAD_PROCESS") == "worker":
        _step_back()
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        error, value, payload = None, None, b""
        try:
            value, payload = FUNCTIONS[request["function"]](**request["arguments"])
        except MemoryError:
            error = "needs more memory than is allowed"
        except Exception as failure:  # noqa: BLE001  the boundary that reports it
            error = str(failure) or type(failure).__name__
        header = json.dumps({"error": error, "value": value}).encode()
        output.write(PREFIX.pack(len(header), len(payload)) + header + payload)
        output.flush()


def _step_back() -> None:
    """Let whoever reads go first: nothing that is prepared in the background is in a hurry.

    Linux shares the processor between sessions before it looks at the niceness inside one
    (sched(7), autogroup): the child gets a session of its own, and that is made nice.
    """
    os.setsid()
    os.nice(LEAST_PRIORITY)
    with contextlib.suppress(OSError):  # no autogroups here: then the niceness counts by itself
        Path("/proc/self/autogroup").write_text(str(LEAST_PRIORITY))


if __name__ == "__main__":
    _serve()
