"""Real server and worker processes on the test database."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import quote

import psutil
from django.conf import settings
from django.db import connection

from tests import forked


def environment(**extra):
    """Settings that point a child process at the test database and the real broker."""
    db = connection.settings_dict
    url = (
        f"postgresql://{quote(db['USER'])}:{quote(db['PASSWORD'])}@/{db['NAME']}"
        f"?host={quote(db['HOST'], safe='')}"
    )
    return {
        **os.environ, "DATABASE_URL": url, "BROKER_URL": settings.BROKER_URL,
        "SECRET_KEY": settings.SECRET_KEY, "FIRSTREAD_DATA": str(settings.DATA_ROOT),
        "OMP_NUM_THREADS": "1", "LEAST_AUDIT_PERCENT": str(settings.LEAST_AUDIT_PERCENT),
        "STUDY_QUIET_SECONDS": "0", **extra,
    }  # fmt: skip


@contextlib.contextmanager
def running(command, **extra):
    """A child process for the time of a `with` block."""
    process = subprocess.Popen(command, env=environment(**extra), cwd=settings.BASE_DIR)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def web_server(*, port=None, **extra):
    """granian as in production; yields its address."""
    port = port or free_port()
    with running(web_command(port), FIRSTREAD_PROCESS="web", **extra):
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{url}/healthz"), "the web server answers")
        yield url


def web_command(port):
    return [
        sys.executable, "-m", "config.web", "--interface", "wsgi", "config.wsgi:application",
        "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "4", "--no-ws",
        "--log-level", "warning",
    ]  # fmt: skip


def kill(process):
    """With all its children, as when the machine runs out of memory: nobody says goodbye."""
    children = psutil.Process(process.pid).children(recursive=True)
    for one in [process, *children]:
        one.kill()
    process.wait()


def is_alive(process):
    """Whether it still runs: a zombie that nobody has asked for yet does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def worker(*queues, **extra):
    """A Celery worker like the supervisor's, of one process."""
    arguments = [
        "celery", "-A", "config", "worker", "--pool", "solo", "--queues", ",".join(queues),
        "--loglevel", "warning", "--without-mingle", "--without-gossip",
    ]  # fmt: skip
    return forked.running(arguments, environment(FIRSTREAD_PROCESS="worker", **extra))


def answers(url):
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own server
        return True
    return False


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def eventually(condition, what, timeout_s=90):
    """Wait until the condition holds; fails with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain until {what}"
        time.sleep(0.1)
