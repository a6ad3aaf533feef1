"""New files, the small ones written in whole blocks past the page cache (open(2), O_DIRECT).

A slice of a CT is stored now and read much later: to copy it into the cache first would cost a fifth
of the processor time of a store request. A file that outgrows the buffer goes through the cache, where
the disk works while the rest arrives; so does one on a file system that refuses such writes.
"""

import errno
import fcntl
import mmap
import os
from collections import deque
from pathlib import Path

BLOCK_BYTES = 4096
BUFFER_BYTES = 2**20
MAX_SPARE_BUFFERS = 8
DIRECT = getattr(os, "O_DIRECT", 0)  # Linux only
_spare: deque[memoryview] = deque(maxlen=MAX_SPARE_BUFFERS)


class BlockFile:
    """A file that only grows; `flush` ends it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _create(path)
        self._buffer: memoryview | None = None  # until the file has outgrown it
        self._buffered = 0
        self._is_large = False

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises OSError."""
        if not self._is_large and self._buffered + len(data) > BUFFER_BYTES:
            self._outgrow()
        if self._is_large:
            self._write_out(memoryview(data))
            return
        if self._buffer is None:
            self._buffer = _take_buffer()
        self._buffer[self._buffered : self._buffered + len(data)] = data
        self._buffered += len(data)

    def flush(self) -> None:
        """Write what is left, so that readers see the whole file; nothing may be written after it."""
        if self._buffer is not None:
            self._write_out(self._buffer[: -(-self._buffered // BLOCK_BYTES) * BLOCK_BYTES])
            os.ftruncate(self._descriptor, self._buffered)
            self._give_buffer_back()

    def sync(self) -> None:
        """Make it durable. Raises OSError."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Closing twice changes nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._give_buffer_back()

    def _outgrow(self) -> None:
        _use_cache(self._descriptor)
        self._is_large = True
        if self._buffer is not None:
            self._write_out(self._buffer[: self._buffered])
            self._give_buffer_back()

    def _write_out(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not _use_cache(self._descriptor):
                    raise

    def _give_buffer_back(self) -> None:
        if self._buffer is not None:
            _spare.append(self._buffer)
            self._buffer = None


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
