"""Stores the label maps that readers draw, slice by slice, and hands them out again."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from annotation.archive import storage
from annotation.core.errors import Conflict, InvalidInput
from annotation.imaging import masks
from annotation.labeling.models import Annotation, AnnotationState

Content = dict[str, Any]


def store_slices(*, annotation: Annotation, pack: bytes) -> int:
    """Keep the slices of a pack, all or none; returns how many it holds.

    The draft that is saved next names them; those that no draft names are garbage after a day.
    Raises InvalidInput for a pack with anything wrong in it, Conflict for a read handed in.
    """
    if annotation.state != AnnotationState.DRAFT:
        raise Conflict("The read has been submitted; reopen it to change it.")
    known = {segment.value for segment in annotation.schema.schema.segments}
    try:
        slices = list(masks.unpack(pack))
    except masks.DamagedMask as error:
        raise InvalidInput(f"The masks cannot be read: {error}.", field="pack") from None
    unknown = sorted({value for one in slices for value in one.labels - known})
    if unknown:
        raise InvalidInput(f"There is no segment {unknown[0]}.", field="pack")
    keep_slices({one.sha256: one.data for one in slices})
    return len(slices)


def pack_of_layer(*, content: Content, layer: int) -> Iterator[bytes]:
    """The pack of the slices that the content names in this layer, read while it is sent."""
    addresses = {
        sha256
        for mask in content.get("masks", [])
        if mask.get("layer") == layer
        for sha256 in mask["slices"].values()
    }
    return masks.pack(storage.blob_path(sha256).read_bytes() for sha256 in sorted(addresses))


def unknown_slices(*, content: Content, before: Content) -> dict[str, str]:
    """Problems by path with slices that valid content names and nobody has uploaded.

    Only those that `before`, the content saved last, does not name are looked up: no file of that
    is ever removed. The others are made young, or they might be collected before this is saved.
    """
    known = {sha256 for _, sha256, *_ in _named_slices(before)}
    problems = {}
    for path, sha256, rows, columns in _named_slices(content):
        if sha256 not in known:
            problem = _problem_of_slice(sha256, rows, columns)
            if problem:
                problems[path] = problem
    return problems


def keep_slices(slices: dict[str, bytes]) -> None:
    """Store the bytes of slices under their addresses, all or none."""
    with ExitStack() as side_files:
        received = []
        for sha256, data in slices.items():
            path = storage.blob_path(sha256)
            if path.exists():
                os.utime(path)  # young again, as in `keep_all`, without writing it a second time
            else:
                received.append(side_files.enter_context(storage.receive([data])))
        storage.keep_all(received)


def _named_slices(content: Content) -> Iterator[tuple[str, str, int, int]]:
    for number, mask in enumerate(content.get("masks", [])):
        for key, sha256 in mask.get("slices", {}).items():
            yield f"masks[{number}].slices.{key}", sha256, mask["rows"], mask["columns"]


def _problem_of_slice(sha256: str, rows: int, columns: int) -> str:
    """Whether the bytes are there and a slice of this size: other files share the storage."""
    path = storage.blob_path(sha256)
    try:
        os.utime(path)
        with path.open("rb") as file:
            shape = masks.shape_of(file.read(masks.HEADER_BYTES))
    except (FileNotFoundError, masks.DamagedMask):
        return "has not been uploaded"
    return "" if shape == (1, rows, columns) else f"is no slice of {rows} x {columns}"
