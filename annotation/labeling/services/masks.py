"""Stores the label maps that readers draw, slice by slice, and hands them out again."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from annotation.archive import storage
from annotation.core.errors import Conflict, InvalidInput
from annotation.imaging import masks
from annotation.labeling.models import Annotation, AnnotationState
from annotation.labeling.schemas import Schema

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
    for number, one in enumerate(slices):
        if unknown := one.labels - known:
            message = f"Slice {number} holds the label {min(unknown)}, which is no segment."
            raise InvalidInput(message, field="pack")
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


def problems_of_maps(*, schema: Schema, content: Content, before: Content) -> dict[str, str]:
    """What is wrong with the label maps that valid content names, by path: not uploaded, of
    another size, or with a label that is no segment of their layer.

    Only those that `before`, the content saved last, does not name in the same layer are read: no
    file of that is ever removed. The others are made young, or they might be collected before this
    is saved.
    """
    known = {one.identity for one in _named_maps(before)}
    segments: dict[int | None, set[int]] = {None: {s.value for s in schema.segments}}
    for segment in schema.segments:
        segments.setdefault(segment.layer, set()).add(segment.value)
    found = {
        one.path: _problem_of_map(one, segments)
        for one in _named_maps(content)
        if one.identity not in known
    }
    return {path: problem for path, problem in found.items() if problem}


def keep_slices(slices: dict[str, bytes]) -> None:
    """Store the bytes of slices under their addresses, all or none."""
    with ExitStack() as side_files:
        received = []
        for sha256, data in slices.items():
            path = storage.blob_path(sha256)
            if path.exists():
                os.utime(path)  # young again, as in `begin_keep`, without writing it a second time
            else:
                received.append(side_files.enter_context(storage.receive([data])))
        storage.begin_keep(received).result()


@dataclass(frozen=True)
class _NamedMap:
    """A label map that content names: a slice of a layer, or a whole imported volume."""

    path: str
    sha256: str
    shape: tuple[int, int, int]
    layer: int | None  # None: imported

    @property
    def identity(self) -> tuple[str, tuple[int, int, int], int | None]:
        return self.sha256, self.shape, self.layer


def _named_maps(content: Content) -> Iterator[_NamedMap]:
    """Those of the read, then those of its first impression: the read may have dropped them since."""
    yield from _maps_of(content.get("masks", []), "masks")
    impression = content.get("first_impression", {})
    yield from _maps_of(impression.get("masks", []), "first_impression.masks")


def _maps_of(drawn: list[dict[str, Any]], where: str) -> Iterator[_NamedMap]:
    for number, mask in enumerate(drawn):
        path = f"{where}[{number}]"
        if "layer" not in mask:
            z, y, x = mask["shape"]
            yield _NamedMap(f"{path}.sha256", mask["sha256"], (z, y, x), None)
            continue
        shape = 1, mask["rows"], mask["columns"]
        for key, sha256 in mask["slices"].items():
            yield _NamedMap(f"{path}.slices.{key}", sha256, shape, mask["layer"])


def _problem_of_map(named: _NamedMap, segments: dict[int | None, set[int]]) -> str:
    """Other files share the storage, so the bytes must be a label map of this size."""
    path = storage.blob_path(named.sha256)
    try:
        os.utime(path)
        with path.open("rb") as file:
            data = file.read(masks.HEADER_BYTES)
            if masks.shape_of(data) != named.shape:
                return f"is no {_sized(named)}"
            wrong = masks.label_outside(data + file.read(), segments.get(named.layer, set()))
    except (FileNotFoundError, masks.DamagedMask):
        return "has not been uploaded"
    if wrong is None:
        return ""
    whose = "this schema" if named.layer is None else f"layer {named.layer}"
    return f"holds the label {wrong}, which is no segment of {whose}"


def _sized(named: _NamedMap) -> str:
    depth, rows, columns = named.shape
    slices = "slice" if named.layer is not None else f"label map of {depth} slices"
    return f"{slices} of {rows} x {columns}"
