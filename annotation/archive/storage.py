"""Files under their SHA-256: received to a side folder, synced, then renamed into place.

User text never becomes a path. A blob is written once and never changed.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from annotation.archive.blocks import BlockFile
from annotation.core.errors import InvalidInput, StorageFull

CHUNK_BYTES = 2**20
MAX_INSTANCE_BYTES = 4 * 2**30
RESERVE_BYTES = 256 * 2**20  # space kept free for the database
MOST_UNHASHED_BYTES = 2**22  # of one file that wait in memory
LONG_BYTES = 2**18  # worth hashing in another thread while it is written
_hashers = ThreadPoolExecutor(2, "hash")
_syncers = ThreadPoolExecutor(4, "sync")


class Received:
    """A complete file that is not yet under its address.

    Others may read it already; who asks for its hash waits until it is hashed and durable, so that
    nothing can name a file that is not.
    """

    def __init__(self, path: Path, size_bytes: int, settle: Callable[[], str]) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self._settle = settle
        self._sha256 = ""

    @property
    def sha256(self) -> str:
        self.settle()
        return self._sha256

    def settle(self) -> None:
        """Make it durable, once. Raises StorageFull where the disk had no room."""
        if not self._sha256:
            self._sha256 = self._settle()


def blob_path(sha256: str) -> Path:
    return Path(settings.BLOB_ROOT) / sha256[:2] / sha256


class Incoming:
    """A side file that is written piece by piece and hashed on the way."""

    def __init__(self) -> None:
        self.path = _incoming_folder() / f"{uuid.uuid4().hex}.part"
        self._file = BlockFile(self.path)
        self._digest = hashlib.sha256()
        self._unhashed: deque[bytes | memoryview] = deque()
        self._unhashed_bytes = 0  # at most: the other thread may have taken some
        self._hashing: Future[None] | None = None
        self.size_bytes = 0

    @property
    def head(self) -> Future[None] | None:
        """Done when the beginning of a long file can be read; None where too little has come."""
        return self._file.head

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises InvalidInput past the size limit and StorageFull on a full disk.

        The chunk must not change afterwards: it may be hashed a little later.
        """
        self._grow(len(chunk))
        self._unhashed.append(chunk)
        self._unhashed_bytes += len(chunk)
        if self._unhashed_bytes >= LONG_BYTES:
            self._hash_aside()
        with _full_disk_named():
            self._file.write(chunk)

    def finish(self) -> Received:
        """The file, whole for readers; its content is durable once it has been settled."""
        with _full_disk_named():
            self._file.flush()
        return Received(self.path, self.size_bytes, self._settle)

    def close(self) -> None:
        """Hold no descriptor any longer: of a whole file that need not be durable."""
        self._file.close()

    def _settle(self) -> str:
        with _full_disk_named():
            self._file.sync()
        self._file.close()
        if self._hashing is not None:
            self._hashing.result()
        self._hash()
        return self._digest.hexdigest()

    def _hash_aside(self) -> None:
        """Let another thread hash what has come; wait for it only where it falls far behind."""
        if self._hashing is not None and not self._hashing.done():
            if self._unhashed_bytes < MOST_UNHASHED_BYTES:
                return  # it takes this along
            self._hashing.result()
        self._hashing = _hashers.submit(self._hash)
        self._unhashed_bytes = 0

    def _hash(self) -> None:
        """Until nothing is left, so that no chunk stays in memory; never in two threads at once."""
        while self._unhashed:
            self._digest.update(self._unhashed.popleft())

    def adopt(self) -> None:
        """Take over what another process has written to `path`; `finish` may follow."""
        for chunk in read_chunks(self.path):
            self._digest.update(chunk)
            self._grow(len(chunk))

    def _grow(self, more: int) -> None:
        self.size_bytes += more
        if self.size_bytes > MAX_INSTANCE_BYTES:
            raise InvalidInput(f"An object may not exceed {MAX_INSTANCE_BYTES >> 30} GiB.")

    def discard(self) -> None:
        """Remove the side file, unless `keep` has moved it to its address."""
        if self._hashing is not None:
            self._hashing.exception()
        self._unhashed.clear()
        self._file.close()
        self.path.unlink(missing_ok=True)


def _incoming_folder() -> Path:
    """Where side files go. Raises StorageFull before the disk has no room for the database."""
    folder = Path(settings.INCOMING_ROOT)
    try:
        free = shutil.disk_usage(folder).free
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if free < RESERVE_BYTES:
        raise StorageFull("The archive has no space left.")
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
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull("The archive has no space left.") from None
        raise


def keep(received: Received) -> Path:
    """Move the file to its address and make the rename durable; keeping twice changes nothing."""
    begin_keep([received]).result()
    return blob_path(received.sha256)


def begin_keep(files: Iterable[Received]) -> Future[None]:
    """Move the files to their addresses; done when that is durable, with one sync per folder.

    Whoever commits a row that names one of them must have waited.
    """
    folders = set()
    for received in files:
        target = blob_path(received.sha256)
        folders.add(target.parent)
        if target.exists():  # perhaps so new that its folder is not yet synced
            os.utime(target)  # young again: the garbage collector must not take it for an orphan
            continue
        try:
            received.path.rename(target)
        except FileNotFoundError:  # the first file of its folder
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            received.path.rename(target)
    return _syncers.submit(_sync_folders, folders)


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
