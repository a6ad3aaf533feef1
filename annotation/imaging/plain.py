"""The JSON model of plainly encoded attributes straight from their bytes, as almost all files are.

Plain is: explicit and known value representations, little endian, ASCII text, every length inside
what is there. Whatever else turns up is left to pydicom, which takes five times as long.
"""

import functools
import struct

from pydicom.uid import UID
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from annotation.imaging.frames import ITEM, PIXEL_TAGS, SEQUENCE_END, UNDEFINED_LENGTH
from annotation.imaging.jsonmodel import (
    ASCII_SAFE,
    CHARACTER_SET,
    MAX_DEPTH,
    Json,
    is_no_attribute,
    quick_value,
    telling_its_characters,
)

HEAD_BYTES = 2**16  # hold the attributes of almost every object
PREAMBLE_BYTES = 132
HEADER, LENGTH, ITEM_HEADER = struct.Struct("<HH2sH"), struct.Struct("<I"), struct.Struct("<HHI")
LONG_VRS = {str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32}
SHORT_VRS = {str(vr).encode() for vr in EXPLICIT_VR_LENGTH_16}
ITEM_END = (0xFFFE, 0xE00D)
MAX_KNOWN, MAX_KNOWN_BYTES = 4000, 256
_known: dict[bytes, Json] = {}  # by the bytes of an element: the objects of a series are much alike


class NotPlain(ValueError):
    """pydicom has to look at this file."""


@functools.lru_cache(maxsize=256)
def plain_syntax(name: str) -> UID:
    """The transfer syntax of that name, if its datasets can be plain. Raises NotPlain."""
    syntax = UID(name)
    if not (
        syntax.is_transfer_syntax
        and not syntax.is_private
        and syntax.is_little_endian
        and not syntax.is_implicit_VR
        and not syntax.is_deflated
    ):
        raise NotPlain
    return syntax


def transfer_syntax(head: bytes) -> tuple[str, int]:
    """The syntax that the file meta information names, and where the dataset begins in `head`.

    Raises NotPlain, also where `head` is no DICOM file at all.
    """
    if head[PREAMBLE_BYTES - 4 : PREAMBLE_BYTES] != b"DICM":
        raise NotPlain
    place, found = PREAMBLE_BYTES, ""
    while place < len(head):
        try:
            group, element, _, start, length = _header(head, place)
        except struct.error:
            break
        if group != 0x0002:
            return found, place
        place = start + length
        if element == 0x0010:
            found = head[start:place].decode("ascii", "replace").rstrip("\0 ")
    raise NotPlain


def plain_model(head: bytes, start: int, *, is_whole: bool) -> tuple[Json, int]:
    """The JSON model of the dataset that begins at `start`, and where its pixels begin, or it ends.

    `head` is the beginning of a file, or all of it. Equals `jsonmodel.json_model`. Raises NotPlain.
    """
    try:
        body, place = _Reader(head).read(start, len(head), "", 0)
    except struct.error:  # cut off in a header
        raise NotPlain from None
    if place == len(head) and not is_whole:
        raise NotPlain
    return telling_its_characters(body), place


def _header(data: bytes, place: int) -> tuple[int, int, bytes, int, int]:
    """(group, element, VR, start of the value, its length) of the element at `place`.

    Raises NotPlain, or struct.error where the data ends.
    """
    group, element, vr, length = HEADER.unpack_from(data, place)
    if vr in SHORT_VRS:
        return group, element, vr, place + 8, length
    if vr in LONG_VRS:
        return group, element, vr, place + 12, LENGTH.unpack_from(data, place + 8)[0]
    raise NotPlain


class _Reader:
    """Converts the datasets and sequences in `data`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, place: int, end: int | None, path: str, depth: int) -> tuple[Json, int]:
        """The dataset from `place` to `end`, to its own end mark where that is None, or to the pixels."""
        data = self.data
        body: Json = {}
        while end is None or place < end:
            if end is None and ITEM_HEADER.unpack_from(data, place)[:2] == ITEM_END:
                return body, place + ITEM_HEADER.size
            group, element, vr, start, length = _header(data, place)
            if depth == 0 and (group, element) in PIXEL_TAGS:
                return body, place
            name = f"{group:04X}{element:04X}"
            if vr == b"SQ":
                converted, stop = self._sequence(start, length, f"{path}{name}.", depth)
            else:
                stop = start + length
                converted = self._value(vr, name, place, start, stop, path)
            if name in body or stop > len(data):
                raise NotPlain
            if name == CHARACTER_SET:
                _check_characters(converted, depth)
            if not is_no_attribute(name):
                body[name] = converted
            place = stop
        if place != end:
            raise NotPlain
        return body, place

    def _value(self, vr: bytes, name: str, place: int, start: int, stop: int, path: str) -> Json:
        if stop - place > MAX_KNOWN_BYTES:
            return self._converted(vr, name, start, stop, path)
        element = self.data[place:stop]
        if (known := _known.get(element)) is None:
            if len(_known) >= MAX_KNOWN:
                _known.clear()
            known = _known[element] = self._converted(vr, name, start, stop, path)
        return known

    def _converted(self, vr: bytes, name: str, start: int, stop: int, path: str) -> Json:
        if vr == b"UN" or stop > len(self.data):
            raise NotPlain
        found = quick_value(vr.decode(), self.data[start:stop], name, path)
        if found is None:
            raise NotPlain
        return found

    def _sequence(self, place: int, length: int, path: str, depth: int) -> tuple[Json, int]:
        if depth >= MAX_DEPTH:
            raise NotPlain
        end = None if length == UNDEFINED_LENGTH else place + length
        items: list[Json] = []
        while end is None or place < end:
            group, element, size = ITEM_HEADER.unpack_from(self.data, place)
            place += ITEM_HEADER.size
            if end is None and (group, element) == SEQUENCE_END:
                return {"vr": "SQ", "Value": items}, place
            if (group, element) != ITEM:
                raise NotPlain
            stop = None if size == UNDEFINED_LENGTH else place + size
            item, place = self.read(place, stop, f"{path}{len(items)}.", depth + 1)
            items.append(item)
        return {"vr": "SQ", "Value": items}, place


def _check_characters(value: Json, depth: int) -> None:
    names = [name or "" for name in value.get("Value", [])]
    if depth > 0 or not ASCII_SAFE.issuperset(names):
        raise NotPlain
