"""Runs granian with the application loaded before it forks: its workers share that memory."""

from granian.cli import entrypoint

import config.wsgi  # noqa: F401  loaded here, it is loaded once for all workers

if __name__ == "__main__":
    entrypoint()  # type: ignore[no-untyped-call]  # click gives it no types
