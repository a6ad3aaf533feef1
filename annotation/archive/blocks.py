"""New files written in whole blocks past the page cache (open(2), O_DIRECT), hashed on the way.

What is stored now is read much later: to copy it into the cache first would cost a quarter of the
processor time of a store request. Two buffers take turns: the disk writes one while the other is
filled. A file system that refuses such writes gets ordinary ones.
"""

import errno
import fcntl
import hashlib
import mmap
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

BLOCK_BYTES = 4096
BUFFER_BYTES = 2**20
MAX_SPARE_BUFFERS = 8
LONG_BYTES = 2**17  # worth hashing in another thread while they are written
DIRECT = getattr(os, "O_DIRECT", 0)  # Linux only
_spare: deque[memoryview] = deque(maxlen=MAX_SPARE_BUFFERS)
_writers = ThreadPoolExecutor(4, "write")
_hashers = ThreadPoolExecutor(2, "hash")


class BlockFile:
    """A file that only grows; `finish` ends it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _create(path)
        self._digest = hashlib.sha256()
        self._buffer: memoryview | None = None
        self._buffered = 0  # bytes in it
        self._written = 0  # bytes handed over to be written
        self._writing: Future[None] | None = None  # of the buffer before this one
        self._finishing: Future[str] | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises OSError, perhaps of what was appended before."""
        rest = memoryview(data)
        while rest:
            if self._buffer is None:
                self._buffer = _take_buffer()
            room = BUFFER_BYTES - self._buffered
            piece = rest[:room]
            self._buffer[self._buffered : self._buffered + len(piece)] = piece
            self._buffered += len(piece)
            rest = rest[len(piece) :]
            if len(piece) == room:
                self._hand_over(self._buffer)

    def adopt(self, chunk: bytes) -> None:
        """Hash what another process has written to the file, which gets nothing from us then."""
        self._digest.update(chunk)

    def finish(self) -> Future[str]:
        """Write what is left, of a long file aside; the SHA-256, when readers see the whole file.

        Nothing may be written after it.
        """
        if self._writing is not None:
            self._finishing = _writers.submit(self._write_rest, self._writing)
            return self._finishing
        done: Future[str] = Future()
        done.set_result(self._write_rest(None))
        return done

    def sync(self) -> None:
        """Make it durable. Raises OSError."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Closing twice changes nothing."""
        if self._descriptor < 0:
            return
        for aside in (self._writing, self._finishing):
            if aside is not None:
                aside.exception()
        os.close(self._descriptor)
        self._descriptor = -1

    def _hand_over(self, full: memoryview) -> None:
        if self._writing is not None:
            self._writing.result()
        self._writing = _writers.submit(self._write_out_buffer, full, BUFFER_BYTES)
        self._written += BUFFER_BYTES
        self._buffer, self._buffered = None, 0

    def _write_rest(self, before: Future[None] | None) -> str:
        if before is not None:  # began earlier: it cannot wait for this thread
            before.result()
        if self._buffer is not None:
            buffer, self._buffer = self._buffer, None
            self._write_out_buffer(buffer, self._buffered)
            os.ftruncate(self._descriptor, self._written + self._buffered)
        return self._digest.hexdigest()

    def _write_out_buffer(self, buffer: memoryview, size: int) -> None:
        """Write whole blocks, of which `size` bytes count, and hash those beside."""
        hashing = _hashers.submit(self._digest.update, buffer[:size]) if size > LONG_BYTES else None
        try:
            if hashing is None:
                self._digest.update(buffer[:size])
            self._write_out(buffer[: -(-size // BLOCK_BYTES) * BLOCK_BYTES])
        finally:
            if hashing is not None:
                hashing.result()
            _spare.append(buffer)

    def _write_out(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not _use_cache(self._descriptor):
                    raise


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(path, flags | DIRECT, 0o600)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    path.unlink(missing_ok=True)  # the refusal may come after the file was made
    return os.open(path, flags, 0o600)


def _use_cache(descriptor: int) -> bool:
    """From now on; whether it was written past the cache until now."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~DIRECT)
    return bool(flags & DIRECT)


def _take_buffer() -> memoryview:
    """Memory that begins at a page, as direct writes demand."""
    try:
        return _spare.pop()
    except IndexError:
        return memoryview(mmap.mmap(-1, BUFFER_BYTES))
