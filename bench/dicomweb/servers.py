"""Starts the two servers in throw-away folders and reads what their processes use."""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.processes import die_with_parent, fingerprint
from tests import servers

ROOT = Path(__file__).parents[2]
ORTHANC = Path("/usr/sbin/Orthanc")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
READER = "annotation.imaging.sandbox"
IDLE_CHECKS, IDLE_CHECK_S, IDLE_CPU_SHARE = 3, 0.2, 0.1


@dataclass(frozen=True)
class Memory:
    """MB, shared pages once: the web server's processes together, the largest, and the readers."""

    total_mb: float
    largest_mb: float
    readers_mb: float


@dataclass(frozen=True)
class Server:
    """Where a server listens and which process trees do its work; `working[0]` is the web server."""

    name: str
    port: int
    root: str
    headers: dict[str, str]
    working: tuple[int, ...]

    def path(self, resource: str) -> str:
        return f"{self.root}/{resource}"

    def cpu_s(self) -> float:
        """CPU seconds so far, those of children that have ended included."""
        return sum(sum(p.cpu_times()[:4]) for pid in self.working for p in _tree(pid))

    def memory(self) -> Memory:
        return _memory(_tree(self.working[0]))


@dataclass(frozen=True)
class Ours(Server):
    """Firstread, with its project and the worker that prepares what was stored."""

    folder: Path
    project_id: str
    worker: int

    def wait_until_idle(self, timeout_s: float) -> float:
        """Wait until the default queue is empty and its worker rests; the worker's CPU seconds."""
        import redis
        from django.conf import settings

        broker = redis.Redis.from_url(settings.CACHE_URL)
        deadline = time.monotonic() + timeout_s
        quiet, before = 0, self.worker_cpu_s()
        while quiet < IDLE_CHECKS and time.monotonic() < deadline:
            time.sleep(IDLE_CHECK_S)
            now = self.worker_cpu_s()
            is_resting = now - before < IDLE_CPU_SHARE * IDLE_CHECK_S
            waiting = int(broker.llen("default")) + int(broker.hlen("unacked"))
            quiet = quiet + 1 if is_resting and not waiting else 0
            before = now
        if quiet < IDLE_CHECKS:
            print(f"warning: the worker is still busy after {timeout_s:.0f} s", flush=True)
        broker.close()
        return before

    def worker_cpu_s(self) -> float:
        return sum(sum(p.cpu_times()[:4]) for p in _tree(self.worker))


class MemoryWatch:
    """The largest memory use of a server while a `with` block runs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = Memory(0, 0, 0)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        processes: list[psutil.Process] = []
        for turn in range(10**9):
            if turn % 20 == 0:  # listing children reads the whole of /proc
                processes = _tree(self._server.working[0])
            now, most = _memory(processes), self.most
            self.most = Memory(
                max(now.total_mb, most.total_mb),
                max(now.largest_mb, most.largest_mb),
                max(now.readers_mb, most.readers_mb),
            )
            if self._stop.wait(0.02):
                return


def what_is_missing() -> str:
    """Which Debian packages to install for the comparison; empty where nothing lacks."""
    packages = {"orthanc": ORTHANC, "orthanc-dicomweb": PLUGIN}
    return " ".join(name for name, path in packages.items() if not path.exists())


@contextlib.contextmanager
def ours() -> Iterator[Ours]:
    """The product as `manage.py up` runs it, with one project whose manager calls by token."""
    folder = Path(tempfile.mkdtemp(prefix="firstread-bench-"))
    folder.chmod(0o755)
    port = servers.free_port()
    os.environ |= {"FIRSTREAD_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "manage.py", "up", "--empty", "--port", str(port)]
    sockets = Path(tempfile.gettempdir()) / f"firstread-{fingerprint(folder)}"
    with _child(command, folder, sockets, stop_signal=signal.SIGINT) as stack:
        servers.eventually(
            lambda: _alive(stack, folder) and servers.answers(f"http://127.0.0.1:{port}/healthz"),
            "our server answers", 300,
        )  # fmt: skip
        pids = dict(line.split() for line in (folder / "run" / "pids").read_text().splitlines())
        postgres = next(p for p in psutil.Process(stack.pid).children() if "postgres" in p.name())
        token, project_id = _make_project()
        yield Ours(
            name="ours", port=port, root=f"/dicomweb/projects/{project_id}",
            headers={"Authorization": f"Token {token}"},
            working=(int(pids["web"]), postgres.pid),
            folder=folder, project_id=project_id, worker=int(pids["worker"]),
        )  # fmt: skip


@contextlib.contextmanager
def orthanc() -> Iterator[Server]:
    """Orthanc with its DICOMweb plugin and SQLite, default options, for this machine only."""
    folder = Path(tempfile.mkdtemp(prefix="orthanc-bench-"))
    port = servers.free_port()
    options = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "index"),
        "Plugins": [str(PLUGIN)], "HttpPort": port, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomServerEnabled": False,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(options))
    command = [str(ORTHANC), str(folder / "orthanc.json")]
    with _child(command, folder, stop_signal=signal.SIGTERM) as process:
        servers.eventually(
            lambda: _alive(process, folder) and servers.answers(f"http://127.0.0.1:{port}/system"),
            "Orthanc answers",
        )
        yield Server("Orthanc", port, "/dicom-web", {}, (process.pid,))


def orthanc_version() -> str:
    """The server's and the plugin's version, as Debian names them."""
    said = subprocess.run([ORTHANC, "--version"], capture_output=True, text=True).stdout
    plugin = PLUGIN.resolve().name
    return f"{said.splitlines()[0]}, plugin {re.sub(r'^.*[.]so[.]?', '', plugin) or plugin}"


def _make_project() -> tuple[str, str]:
    import django

    django.setup()
    from annotation.accounts.services import create_token
    from tests import factories

    manager = factories.make_user(f"bench-{secrets.token_hex(3)}")
    project = factories.make_project(manager, "Bench")
    return create_token(user=manager, lifetime_days=1)[1], str(project.pk)


@contextlib.contextmanager
def _child(
    command: list[str], folder: Path, *others: Path, stop_signal: signal.Signals
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server for the time of the block; its folders go with it."""
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent(stop_signal),
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for made in (folder, *others):
            shutil.rmtree(made, ignore_errors=True)


def _alive(process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError((folder / "output.log").read_text(errors="replace")[-3000:])
    return True


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _memory(processes: list[psutil.Process]) -> Memory:
    web, readers = [0.0], [0.0]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            group = readers if READER in process.cmdline() else web
            group.append(process.memory_full_info().pss / 1e6)
    return Memory(sum(web), max(web), sum(readers))
