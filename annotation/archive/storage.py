"""Files under their SHA-256: received to a side folder, synced, then renamed into place.

User text never becomes a path. A blob is written once and never changed.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from annotation.archive.blocks import BlockFile
from annotation.core.disk import is_disk_full
from annotation.core.errors import InvalidInput, StorageFull

CHUNK_BYTES = 2**20
MAX_INSTANCE_BYTES = 4 * 2**30
RESERVE_BYTES = 256 * 2**20  # space kept free for the database
ROOM_S = 0.05  # so long free space is taken to last: no disk fills the reserve faster
_syncers = ThreadPoolExecutor(4, "sync")
_keepers = ThreadPoolExecutor(4, "keep")  # they wait for the syncers


class Received:
    """A file that has come whole, and is not yet under its address.

    Others may read it after `wait`. No row may name it before `keep` has made it durable there.
    """

    def __init__(
        self, path: Path, size_bytes: int, written: Future[str], sync: Callable[[], None]
    ) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self._written, self._sync = written, sync
        self._synced: Future[None] | None = None

    @property
    def sha256(self) -> str:
        """Waits until the whole file is written, and hashed. Raises StorageFull."""
        with full_disk_named():
            return self._written.result()

    def wait(self) -> None:
        """Until the last bytes are written. Raises StorageFull."""
        with full_disk_named():
            self._written.result()

    def begin_sync(self) -> Future[None]:
        """Make the content durable, once, while others go on."""
        if self._synced is None:
            self._synced = _syncers.submit(self._make_durable)
        return self._synced

    def end(self) -> None:
        """Wait for everything that still uses the file."""
        for aside in (self._written, self._synced):
            if aside is not None:
                aside.exception()

    def _make_durable(self) -> None:
        self.wait()
        with full_disk_named():
            self._sync()


def blob_path(sha256: str) -> Path:
    return Path(settings.BLOB_ROOT) / sha256[:2] / sha256


class Incoming:
    """A side file that is written piece by piece and hashed on the way."""

    def __init__(self) -> None:
        self.path = _incoming_folder() / f"{secrets.token_hex(16)}.part"
        self._file = BlockFile(self.path)
        self._received: Received | None = None
        self.size_bytes = 0

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises InvalidInput past the size limit and StorageFull on a full disk."""
        self._grow(len(chunk))
        with full_disk_named():
            self._file.write(chunk)

    def finish(self) -> Received:
        """Nothing more comes. Raises StorageFull."""
        with full_disk_named():
            written = self._file.finish()
        self._received = Received(self.path, self.size_bytes, written, self._sync)
        return self._received

    def close(self) -> None:
        """Hold no descriptor any longer: of a whole file that need not be durable."""
        self._file.close()

    def _sync(self) -> None:
        self._file.sync()
        self._file.close()

    def adopt(self) -> None:
        """Take over what another process has written to `path`; `finish` may follow."""
        for chunk in read_chunks(self.path):
            self._file.adopt(chunk)
            self._grow(len(chunk))

    def _grow(self, more: int) -> None:
        self.size_bytes += more
        if self.size_bytes > MAX_INSTANCE_BYTES:
            raise InvalidInput(f"An object may not exceed {MAX_INSTANCE_BYTES >> 30} GiB.")

    def discard(self) -> None:
        """Remove the side file, unless `keep` has moved it to its address."""
        if self._received is not None:
            self._received.end()
        self._file.close()
        self.path.unlink(missing_ok=True)


_room = ("", 0.0)  # the folder that was last looked at, and until when there is room enough


def _incoming_folder() -> Path:
    """Where side files go. Raises StorageFull before the disk has no room for the database."""
    global _room
    folder = Path(settings.INCOMING_ROOT)
    if _room[0] == str(folder) and time.monotonic() < _room[1]:
        return folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < RESERVE_BYTES:
        raise StorageFull("The archive has no space left.")
    _room = str(folder), time.monotonic() + ROOM_S
    return folder


@contextlib.contextmanager
def receive(chunks: Iterable[bytes]) -> Iterator[Received]:
    """Write the chunks to a side file; it is gone after the block unless kept."""
    incoming = Incoming()
    try:
        for chunk in chunks:
            incoming.write(chunk)
        yield incoming.finish()
    finally:
        incoming.discard()


@contextlib.contextmanager
def full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise StorageFull("The archive has no space left.") from None
        raise


def keep(received: Received) -> Path:
    """Move the file to its address and make the rename durable; keeping twice changes nothing."""
    begin_keep([received]).result()
    return blob_path(received.sha256)


def begin_keep(files: Iterable[Received]) -> Future[None]:
    """Bring the files to their addresses; done when content and names are durable.

    Whoever commits a row that names one of them must have waited. Raises StorageFull.
    """
    wanted = list(files)
    for received in wanted:
        received.begin_sync()
    return _keepers.submit(_keep_all, wanted)


def _keep_all(files: Sequence[Received]) -> None:
    """With one sync per folder."""
    folders = set()
    for received in files:
        target = blob_path(received.sha256)
        received.begin_sync().result()
        folders.add(target.parent)
        if target.exists():  # perhaps so new that its folder is not yet synced
            os.utime(target)  # young again: the garbage collector must not take it for an orphan
            continue
        try:
            received.path.rename(target)
        except FileNotFoundError:  # the first file of its folder
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            received.path.rename(target)
    _sync_folders(folders)


def read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def keep_bytes(data: bytes) -> str:
    """Store bytes and return their address."""
    with receive([data]) as received:
        keep(received)
        return received.sha256


def _sync_folders(folders: Iterable[Path]) -> None:
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
