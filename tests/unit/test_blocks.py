"""Files written in blocks hold every byte, whatever the pieces and wherever they lie."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.archive import storage
from annotation.archive.blocks import BLOCK_BYTES, BUFFER_BYTES, BlockFile
from annotation.core.errors import StorageFull

EDGES = (0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1)
MEMORY = Path("/dev/shm")  # noqa: S108  Linux's file system in memory


def written(folder: Path, pieces: list[bytes]) -> bytes:
    path = folder / os.urandom(8).hex()
    file = BlockFile(path)
    try:
        for piece in pieces:
            file.write(memoryview(piece))
        file.finish().result()
        file.sync()
        return path.read_bytes()
    finally:
        file.close()
        path.unlink()


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_every_kind_of_full_disk_is_named(why):
    with pytest.raises(StorageFull), storage.full_disk_named():
        raise OSError(why, os.strerror(why))
    with pytest.raises(PermissionError), storage.full_disk_named():
        raise PermissionError(errno.EACCES, "no")


@given(sizes=st.lists(st.sampled_from(EDGES) | st.integers(0, 3 * BUFFER_BYTES), max_size=4))
def test_what_was_written_is_read(tmp_path_factory, sizes):
    pieces = [os.urandom(size) for size in sizes]
    assert written(tmp_path_factory.getbasetemp(), pieces) == b"".join(pieces)


def test_a_file_system_in_memory_does_too():
    pieces = [os.urandom(5_000), os.urandom(BUFFER_BYTES)]
    assert written(MEMORY, pieces[:1]) == pieces[0]
    assert written(MEMORY, pieces) == b"".join(pieces)


def test_a_file_that_exists_is_never_written_over(tmp_path):
    (tmp_path / "taken").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        BlockFile(tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"kept"


def test_what_was_hashed_is_kept_in_memory_by_nobody_and_hashes_right(settings, tmp_path):
    settings.INCOMING_ROOT = tmp_path
    pieces = [
        bytearray(os.urandom(size)) for size in (200_000, 900_000, 3, 700_000, 1_000_000, 70_000)
    ]
    incoming = storage.Incoming()
    whole = hashlib.sha256()
    for piece in pieces:
        incoming.write(memoryview(piece))
        whole.update(piece)
    received = incoming.finish()
    assert received.sha256 == whole.hexdigest()
    received.wait()
    assert incoming.path.read_bytes() == b"".join(pieces)
    for piece in pieces:
        piece.clear()  # raises BufferError where a view of it is still held
    incoming.discard()
