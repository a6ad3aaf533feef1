"""Runs granian with the application loaded before it forks: its workers share that memory."""

import os
import signal

from granian.cli import entrypoint

import config.wsgi  # noqa: F401  loaded here, it is loaded once for all workers
from config.balance import burden
from config.processes import die_with_parent

if __name__ == "__main__":
    # Left alone they would hold the port and their connections to the database.
    os.register_at_fork(after_in_child=die_with_parent(signal.SIGKILL))
    os.register_at_fork(before=burden.prepare, after_in_child=burden.enter)
    entrypoint()  # type: ignore[no-untyped-call]  # click gives it no types
