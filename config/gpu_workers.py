"""One training worker per GPU, found without torch; as a program it runs all of this machine.

python -m config.gpu_workers

Each is a process of its own that sees its own devices alone: a kill costs one device's work, and a round
never waits for another's.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from config import env
from config.processes import die_with_parent

RESTART_S = 5.0
GRACE_S = 5.0  # a worker in mid-epoch need not finish: its round resumes from the checkpoint
COMMAND = [
    "-m", "celery", "-A", "config", "worker", "--loglevel", "info", "--without-mingle",
    "--without-gossip", "--pool", "solo", "--queues", "gpu",
]  # fmt: skip
MIG = re.compile(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)")
GPU = re.compile(r"^GPU (\d+): ")


def workers() -> dict[str, tuple[list[str], dict[str, str]]]:
    """By name the command of every training worker, and what it needs in its environment."""
    groups = device_groups(env.text("GPU_DEVICES", "auto"))
    found = {}
    for number, devices in enumerate(groups):
        name = "gpu-worker" if len(groups) == 1 else f"gpu-worker-{number}"
        host = "gpu@%h" if len(groups) == 1 else f"gpu{number}@%h"
        # A single process, no pool: a kill -9 ends the training that runs in it. Processes that train
        # one network together end when their pipe to it closes.
        command = [sys.executable, *COMMAND, "--hostname", host]
        seen: dict[str, str] = {}
        if devices is not None:
            seen = {"CUDA_VISIBLE_DEVICES": devices, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        found[name] = (command, seen)
    return found


def device_groups(wanted: str) -> list[str | None]:
    """The devices of each worker as CUDA names them; None sees whatever there is.

    `wanted` is `auto` (a worker for every device), or groups of devices between spaces: "0 1" are two
    workers of one device each, "0,1" is one worker that has two. `none` leaves the GPUs alone.
    """
    if wanted == "none":
        return [""]
    if wanted == "auto":
        return [*found_devices()] or [None]
    groups = wanted.split()
    for group in groups:
        if not re.fullmatch(r"[\w-]+(,[\w-]+)*", group):
            raise env.SettingError(
                f'GPU_DEVICES must be auto, none, or devices such as "0 1" or "0,1", not {wanted!r}'
            )
    if not groups:
        raise env.SettingError("GPU_DEVICES names no device; leave it out, or say none")
    return [*groups]


def found_devices() -> list[str]:
    """Every GPU that this process may use, or every part of one that is divided (MIG)."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return env.words("CUDA_VISIBLE_DEVICES", [])
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        said = subprocess.run(
            [program, "-L"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return devices_in(said)


def devices_in(listing: str) -> list[str]:
    """The devices that `nvidia-smi -L` lists: a GPU's number, or the names of its parts."""
    found: list[list[str]] = []
    whole: list[str] = []
    for line in listing.splitlines():
        if gpu := GPU.match(line):
            whole.append(gpu[1])
            found.append([])
        elif (part := MIG.match(line)) and found:
            found[-1].append(part[1])
    return [device for gpu, parts in zip(whole, found, strict=True) for device in parts or [gpu]]


def main() -> None:
    stopping = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stopping.set())
    wanted = workers()
    running = {name: _start(*worker) for name, worker in wanted.items()}
    ended: dict[str, float] = {}
    while not stopping.wait(0.25):
        for name, process in running.items():
            if process.poll() is None:
                continue
            if name not in ended:
                ended[name] = time.monotonic()
                print(f"{name} stopped (exit {process.returncode})", file=sys.stderr, flush=True)
            elif time.monotonic() - ended[name] >= RESTART_S:
                del ended[name]
                running[name] = _start(*wanted[name])
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + GRACE_S
    for process in running.values():
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()


def _start(command: list[str], devices: dict[str, str]) -> "subprocess.Popen[bytes]":
    # KILL, for after TERM a worker first ends the round that it is at: beside those of the next start.
    return subprocess.Popen(
        command, env={**os.environ, **devices}, preexec_fn=die_with_parent(signal.SIGKILL)
    )


if __name__ == "__main__":
    main()
