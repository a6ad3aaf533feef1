"""A process that stores, or prepares, and kills itself right after a named step.

Run as `python -m tests.dicomweb.crash STEP ...`; the settings come from the environment.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import django


def main(step: str, *arguments: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    place, name = STEPS[step]
    _die_after(_imported(place), name)
    (_prepare if step.startswith("prepared") else _store)(*arguments)


STEPS = {
    "side file written": ("annotation.archive.storage:Incoming", "finish"),
    "parsed": ("annotation.dicomweb.incoming", "examine"),
    "files renamed": ("annotation.archive.storage", "begin_keep"),
    "rows inserted": ("annotation.archive.services.ingest:_Batch", "_insert_instances"),
    "counted": ("annotation.archive.services.indexing:Places", "count"),
    "cases added": ("annotation.dicomweb.stow", "add_cases"),
    "committed": ("annotation.dicomweb.stow", "_store_batch"),
    "prepared one instance": ("annotation.archive.services.preparation", "_prepare_frames"),
    "prepared all but the end": ("annotation.archive.services.preparation", "_prepare_metadata"),
}


def _imported(place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = __import__(module, fromlist=["x"])
    return getattr(found, attribute) if attribute else found


def _die_after(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def doomed(*args: Any, **options: Any) -> None:
        original(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, doomed)


def _store(url: str, token: str, content_type: str, body: str) -> None:
    from django.test import Client

    Client(SERVER_NAME="localhost").generic(
        "POST", url, Path(body).read_bytes(), content_type=content_type,
        headers={"Authorization": f"Token {token}"},
    )  # fmt: skip


def _prepare() -> None:
    from annotation.archive.services import preparation
    from annotation.dicomweb.dicomjson import join_for_preparation

    preparation.QUIET_S = 0
    preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)


if __name__ == "__main__":
    main(*sys.argv[1:])
