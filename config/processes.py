"""Child processes, accounts and private files: what running services by hand takes on Linux."""

import contextlib
import ctypes
import hashlib
import os
import pwd
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class EmbeddedError(RuntimeError):
    """The embedded services cannot start; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """The operating-system account that PostgreSQL and Valkey run under."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()


@dataclass(frozen=True)
class Child:
    """One supervised process: how it starts and which signal stops it gently."""

    name: str
    command: list[str]
    stop_signal: signal.Signals
    env: dict[str, str]
    account: Account
    log: Path
    end_signal: signal.Signals | None = None  # where nobody is left to stop it; None: `stop_signal`


def service_account() -> Account:
    """Our own account; as root, an unprivileged one, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        with contextlib.suppress(KeyError):
            pwd.getpwuid(os.geteuid())
            return Account(os.geteuid(), os.getegid())
        raise EmbeddedError(
            f"user id {os.geteuid()} has no account in /etc/passwd, which initdb needs: "
            "set DATABASE_URL and BROKER_URL to services of your own"
        )
    for name in (os.environ.get("EMBED_OS_USER"), "postgres", "nobody"):
        if name:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("running as root: set EMBED_OS_USER to an unprivileged account")


def is_reachable(path: Path, account: Account) -> bool:
    """Whether the account may enter every existing folder on the way to `path`."""
    for folder in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError):
            status = folder.stat()
            enter = stat.S_IXUSR if status.st_uid == account.uid else stat.S_IXOTH
            if status.st_uid != account.uid and status.st_gid == account.gid:
                enter = stat.S_IXGRP
            if not status.st_mode & enter:
                return False
    return True


def fingerprint(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def own_folder(path: Path, account: Account) -> Path:
    """A 0700 folder that belongs to the account; a symlink or a stranger's folder is refused."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        os.chown(path, account.uid, account.gid)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid:
        raise EmbeddedError(f"{path} is not a folder of our own account: remove it and start again")
    path.chmod(0o700)
    return path


def write_secret(path: Path, value: str) -> str:
    """Create the 0600 file once and return what it holds from then on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        partial = path.with_suffix(".new")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
        partial.rename(path)
    return path.read_text().strip()


def die_with_parent(signum: signal.Signals) -> Callable[[], None]:
    """A preexec hook: the kernel signals the child when the supervisor's main thread dies."""
    libc = ctypes.CDLL(None)

    def hook() -> None:
        libc.prctl(1, int(signum))  # PR_SET_PDEATHSIG

    return hook


def start(child: Child) -> subprocess.Popen[bytes]:
    """Start one child in a session of its own, so that Ctrl-C reaches only the supervisor."""
    child.log.parent.mkdir(parents=True, exist_ok=True)
    identity: dict[str, object] = {}
    if child.account.is_other:
        identity = {"user": child.account.uid, "group": child.account.gid, "extra_groups": []}
    with child.log.open("ab") as log:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child.env,
            start_new_session=True,
            preexec_fn=die_with_parent(child.end_signal or child.stop_signal),
            **identity,
        )


def stop(process: subprocess.Popen[bytes], signum: signal.Signals, timeout_s: float) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signum)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
