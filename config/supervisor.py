"""Runs the whole of Firstread on one machine as children of one foreground process."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config import gpu_workers
from config.embedded import EmbeddedServices, only_supervisor
from config.processes import Account, Child, EmbeddedError, start, stop, write_secret

ROOT = Path(__file__).resolve().parent.parent
GRACE_S = 20.0
MAX_BACKOFF_S = 30.0
HEALTHY_AFTER_S = 60.0
WEB_WORKERS = min(2, os.cpu_count() or 1)  # one interpreter runs on one core at a time
Say = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where the web server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass
class Watched:
    """A running child and how long to wait before starting it again."""

    child: Child
    process: "subprocess.Popen[bytes]"
    started: float = field(default_factory=time.monotonic)
    backoff_s: float = 1.0
    restart_at: float | None = None


class Supervisor:
    """Starts services, prepares the database, starts the programs, restarts what dies."""

    def __init__(self, data_root: Path, address: Address, say: Say) -> None:
        self.data_root = data_root
        self.address = address
        self.say = say
        self.services: EmbeddedServices | None = None
        self.watched: list[Watched] = []
        self.stopping = threading.Event()
        self.env = {**os.environ, "FIRSTREAD_DATA": str(data_root), "PYTHONUNBUFFERED": "1"}

    def run(self, prepare: dict[str, list[str]]) -> None:
        """Everything until a signal asks to stop; `prepare` names manage.py calls to run first."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._ask_to_stop)
        with only_supervisor(self.data_root):
            try:
                self._start_services()
                for what, arguments in prepare.items():
                    self._manage(what, arguments)
                self._serve()
            finally:
                self._stop_all()

    def _serve(self) -> None:
        if self.stopping.is_set():
            return
        self.say("Starting web, workers and scheduler ...")
        self._start_programs()
        self._wait_until_healthy()
        self.say(f"Firstread runs at {self.address.url} (Ctrl-C stops it)")
        self._watch()

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping.set()

    def _start_services(self) -> None:
        write_secret(self.data_root / "secrets" / "secret_key", secrets.token_urlsafe(48))
        if "DATABASE_URL" in os.environ and "BROKER_URL" in os.environ:
            self.say("Using the database and broker of DATABASE_URL and BROKER_URL")
            return
        began = time.monotonic()
        self.services = EmbeddedServices(self.data_root)
        self.services.start()
        self.env = {**self.services.urls, **self.env}
        self.say(f"PostgreSQL and Valkey answer ({time.monotonic() - began:.1f} s)")
        if not self.services.service_root.is_relative_to(self.data_root):
            self.say(
                f"Their files lie in {self.services.service_root}: their account cannot enter here"
            )

    def _manage(self, what: str, arguments: list[str]) -> None:
        if self.stopping.is_set():
            return
        self.say(f"{what} ...")
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.env, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        while process.poll() is None:
            if self.stopping.is_set():
                stop(process, signal.SIGINT, GRACE_S)
                return
            time.sleep(0.05)
        if process.returncode != 0:
            raise EmbeddedError(f"`manage.py {arguments[0]}` failed (see above)")

    def _programs(self) -> Iterator[Child]:
        me = Account(os.geteuid(), os.getegid())
        python = sys.executable
        worker = [python, "-m", "celery", "-A", "config", "worker", "--loglevel", "info",
                  "--without-mingle", "--without-gossip"]  # fmt: skip
        programs = {
            "web": [
                python, "-m", "config.web", "--interface", "wsgi", "config.wsgi:application",
                "--host", self.address.host, "--port", str(self.address.port),
                "--workers", str(WEB_WORKERS), "--blocking-threads", "4", "--no-ws",
                "--respawn-failed-workers", "--backpressure", "64",
            ],
            "worker": [*worker, "--pool", "threads", "--concurrency", "4",
                       "--queues", "default", "--hostname", "default@%h"],
            "beat": [
                python, "-m", "celery", "-A", "config", "beat", "--loglevel", "warning",
                "--schedule", str(self.data_root / "run" / "beat-schedule"), "--pidfile=",
            ],
        }  # fmt: skip
        each = {name: (command, dict[str, str]()) for name, command in programs.items()}
        for name, (command, devices) in (each | gpu_workers.workers()).items():
            role = "web" if name == "web" else "worker"
            env = {**self.env, "FIRSTREAD_PROCESS": role, "OMP_NUM_THREADS": "1", **devices}
            # Without its supervisor a worker must not first end the round that it is at.
            end = signal.SIGKILL if name.startswith("gpu-worker") else None
            yield Child(name, command, signal.SIGTERM, env, me, self._log(name), end)

    def _log(self, name: str) -> Path:
        return self.data_root / "logs" / f"{name}.log"

    def _start_programs(self) -> None:
        os.chdir(ROOT)
        self.watched = [Watched(child, start(child)) for child in self._programs()]
        pids = {w.child.name: w.process.pid for w in self.watched}
        (self.data_root / "run").mkdir(mode=0o700, exist_ok=True)
        (self.data_root / "run" / "pids").write_text(
            "".join(f"{name} {pid}\n" for name, pid in pids.items())
        )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + 60
        while not self.stopping.is_set():
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.address.url}/healthz", timeout=2),  # noqa: S310
            ):
                return
            web = self.watched[0]
            if web.process.poll() is not None or time.monotonic() > deadline:
                tail = self._log("web").read_text(errors="replace")[-800:]
                raise EmbeddedError(
                    f"the web server did not start; {self._log('web')} ends:\n{tail}"
                )
            time.sleep(0.1)

    def _watch(self) -> None:
        while not self.stopping.is_set():
            if self.services is not None:
                for name in self.services.ensure_running():
                    self.say(f"{name} had stopped and was started again")
            for watched in self.watched:
                self._restart_if_dead(watched)
            time.sleep(0.25)

    def _restart_if_dead(self, watched: Watched) -> None:
        now = time.monotonic()
        if watched.process.poll() is None:
            return
        if watched.restart_at is None:
            if now - watched.started > HEALTHY_AFTER_S:
                watched.backoff_s = 1.0
            watched.restart_at = now + watched.backoff_s
            name, code = watched.child.name, watched.process.returncode
            self.say(f"{name} stopped (exit {code}), see {self._log(name)}; starting it again")
        if now >= watched.restart_at:
            watched.process, watched.started = start(watched.child), now
            watched.restart_at = None
            watched.backoff_s = min(watched.backoff_s * 2, MAX_BACKOFF_S)

    def _stop_all(self) -> None:
        """Programs first, together; then the services they need."""
        if self.watched:
            self.say("Stopping ...")
        for watched in self.watched:
            if watched.process.poll() is None:
                watched.process.send_signal(watched.child.stop_signal)
        for watched in self.watched:
            # A worker in mid-epoch need not finish: its round resumes from the checkpoint.
            grace = gpu_workers.GRACE_S if watched.child.name.startswith("gpu-worker") else GRACE_S
            stop(watched.process, watched.child.stop_signal, grace)
        if self.services is not None:
            self.services.stop()
        if self.watched:
            self.say(f"Stopped; all data is kept ({self.data_root})")
