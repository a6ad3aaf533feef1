"""Files under their SHA-256: received to a side folder, synced, then renamed into place.

User text never becomes a path. A blob is written once and never changed.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from annotation.core.errors import InvalidInput, StorageFull

CHUNK_BYTES = 2**20
MAX_INSTANCE_BYTES = 4 * 2**30
RESERVE_BYTES = 256 * 2**20  # space kept free for the database


@dataclass(frozen=True)
class Received:
    """A complete, synced file that is not yet under its address."""

    path: Path
    sha256: str
    size_bytes: int


def blob_path(sha256: str) -> Path:
    return Path(settings.BLOB_ROOT) / sha256[:2] / sha256


@contextlib.contextmanager
def receive(chunks: Iterable[bytes]) -> Iterator[Received]:
    """Write the chunks to a side file and hash them; the file is gone after the block unless kept."""
    incoming = Path(settings.INCOMING_ROOT)
    incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.disk_usage(incoming).free < RESERVE_BYTES:
        raise StorageFull("The archive has no space left.")
    path = incoming / f"{uuid.uuid4().hex}.part"
    try:
        yield _write(path, chunks)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull("The archive has no space left.") from None
        raise
    finally:
        path.unlink(missing_ok=True)


def keep(received: Received) -> Path:
    """Move the file to its address and make the rename durable; keeping twice changes nothing."""
    target = blob_path(received.sha256)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not target.exists():
        received.path.rename(target)
        _sync_folder(target.parent)
    return target


def read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def keep_bytes(data: bytes) -> str:
    """Store bytes and return their address."""
    with receive([data]) as received:
        keep(received)
        return received.sha256


def _write(path: Path, chunks: Iterable[bytes]) -> Received:
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_INSTANCE_BYTES:
                raise InvalidInput(f"An object may not exceed {MAX_INSTANCE_BYTES >> 30} GiB.")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Received(path, digest.hexdigest(), size)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
