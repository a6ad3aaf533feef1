"""Reads a DICOM part-10 file into the plain record that the archive stores.

Trusts nothing: identifiers, sizes and declared lengths are checked before anything is kept.
Runs inside `sandbox`, because hostile files can exhaust memory in any parser.
"""

import base64
import contextlib
import functools
import io
import json
import os
import re
import struct
import sys
import zlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from annotation.imaging.frames import (
    PIXEL_TAGS,
    FrameIndex,
    NoFrames,
    PixelDescription,
    check_length,
    index_frames,
)
from annotation.imaging.jsonmodel import json_model
from annotation.imaging.levels import SERIES_TAGS, STUDY_TAGS
from annotation.imaging.normalization import misread_by_browsers
from annotation.imaging.plain import (
    HEAD_BYTES,
    NotPlain,
    plain_model,
    plain_syntax,
    transfer_syntax,
)

UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_INFLATED_BYTES = 512 * 2**20
MAX_FRAMES = 100_000
MAX_TEXT = 600  # PostgreSQL refuses index entries above 2,704 bytes, and a character takes up to 4
MAX_JSON_CHARACTERS = 64 * 2**20
ROWS, COLUMNS, NUMBER_OF_FRAMES = "00280010", "00280011", "00280008"


@functools.cache
def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


def _tags(*keywords: str) -> dict[str, str]:
    return {keyword: _tag(keyword) for keyword in keywords}


STUDY_TEXT = _tags(
    "PatientID", "PatientName", "PatientSex", "PatientAge", "AccessionNumber", "StudyID",
    "StudyDescription", "ReferringPhysicianName", "StudyTime",
)  # fmt: skip
SERIES_TEXT = _tags(
    "Modality", "SeriesDescription", "BodyPartExamined", "Laterality", "ViewPosition"
)


class UnreadableDicom(ValueError):
    """The file cannot be accepted; the message says why and names the attribute."""


@dataclass(frozen=True)
class ParsedInstance:
    """What one file says about itself, in types that JSON can carry."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    study: dict[str, str]
    series: dict[str, str]
    study_date: str
    patient_birth_date: str
    series_number: int | None
    instance_number: int | None
    rows: int | None
    columns: int | None
    bits_allocated: int | None
    number_of_frames: int
    position: list[float] | None
    orientation: list[float] | None
    frame_index: dict[str, Any] | None
    unrenderable_reason: str
    misread_by_browsers: str
    study_json: dict[str, Any] = field(repr=False)
    series_json: dict[str, Any] = field(repr=False)
    dicom_json: dict[str, Any] = field(repr=False)


def parse(path: Path) -> ParsedInstance:
    """Parse and check one file. Raises UnreadableDicom."""
    try:
        with path.open("rb") as file:
            return _described(file, os.fstat(file.fileno()).st_size, *_attributes(file))
    except UnreadableDicom:
        raise
    except InvalidDicomError:
        raise UnreadableDicom("not a DICOM part-10 file (no DICM prefix)") from None
    except RecursionError:
        raise UnreadableDicom("sequences are nested too deeply") from None
    except MemoryError:
        raise UnreadableDicom("the file needs more memory than is allowed") from None
    except Exception as error:  # noqa: BLE001  pydicom raises many types on hostile input
        raise UnreadableDicom(f"cannot be parsed: {type(error).__name__}") from None


class ParsedHead(NamedTuple):
    """What `parse` finds in a file that has so many bytes at least."""

    parsed: ParsedInstance
    least_bytes: int


def parse_head(head: bytes) -> ParsedHead | None:
    """Parse a file by its first HEAD_BYTES, or by all of it where it is shorter.

    None where it takes more to say: other encodings than the plain one, compressed pixels, anything
    wrong. Time and memory are bounded by HEAD_BYTES and no other reader than `plain` sees the bytes, so
    this needs no sandbox.
    """
    is_whole = len(head) < HEAD_BYTES
    try:
        syntax, body, place = _plain_attributes(head, is_whole=is_whole)
        if syntax.is_encapsulated:
            return None
        file = io.BytesIO(head)
        file.seek(place)
        parsed = _described(file, len(head) if is_whole else sys.maxsize, syntax, body)
    except Exception:  # noqa: BLE001  whatever is wrong is said of the whole file
        return None
    if is_whole:
        return ParsedHead(parsed, len(head))
    index = parsed.frame_index
    if index is None or index["kind"] != "native":
        return None
    start = index["offset"]
    # The length of the pixel element; of an odd short one more than that.
    return ParsedHead(parsed, start + int.from_bytes(head[start - 4 : start], "little"))


def as_json(parsed: ParsedInstance) -> tuple[dict[str, Any], str]:
    """The record without `dicom_json`, and that as JSON text. Raises UnreadableDicom."""
    record = {f.name: getattr(parsed, f.name) for f in fields(parsed)}
    text = json.dumps(record.pop("dicom_json"), ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_JSON_CHARACTERS:
        limit = f"{MAX_JSON_CHARACTERS >> 20} million characters"
        raise UnreadableDicom(f"its attributes without the pixels exceed {limit}")
    return record, text


def binary_element(path: Path, tag_path: str) -> bytes:
    """The value of a binary element by its path: `TAG` or `TAG.item.TAG`, 8 hex digits each.

    Raises UnreadableDicom.
    """
    *items, tag = tag_path.split(".")
    value: Any = pydicom.dcmread(path, stop_before_pixels=True)
    try:
        for sequence, number in zip(items[::2], items[1::2], strict=True):
            value = value[int(sequence, 16)].value[int(number)]
        value = value[int(tag, 16)].value
    except (KeyError, IndexError, TypeError, ValueError):
        value = None
    if not isinstance(value, bytes):
        raise UnreadableDicom("there is no such binary element")
    return value


def _described(file: BinaryIO, size: int, syntax: UID, body: dict[str, Any]) -> ParsedInstance:
    """Of a file of `size` bytes that stands before its pixels."""
    offsets = _extended_offsets(body)
    _check_dimensions(body)
    pixels = PixelDescription(
        rows=_integer(body, ROWS),
        columns=_integer(body, COLUMNS),
        samples=_integer(body, "00280002") or 1,
        bits_allocated=_integer(body, "00280100"),
        photometric=_text(body, "00280004"),
        number_of_frames=_number_of_frames(body),
        is_implicit=syntax == ImplicitVRLittleEndian,
        is_encapsulated=syntax.is_transfer_syntax and syntax.is_encapsulated,
        extended_offsets=offsets,
    )
    index, reason = _locate_frames(file, syntax, pixels, size)
    misread = misread_by_browsers(file, syntax, pixels, index, _integer(body, "00280103") or 0)
    return ParsedInstance(
        study_instance_uid=_uid(body, "StudyInstanceUID"),
        series_instance_uid=_uid(body, "SeriesInstanceUID"),
        sop_instance_uid=_uid(body, "SOPInstanceUID"),
        sop_class_uid=_uid(body, "SOPClassUID"),
        transfer_syntax_uid=str(syntax),
        study={keyword: _text(body, tag) for keyword, tag in STUDY_TEXT.items()},
        series={keyword: _text(body, tag) for keyword, tag in SERIES_TEXT.items()},
        study_date=_date(body, "StudyDate"),
        patient_birth_date=_date(body, "PatientBirthDate"),
        series_number=_integer(body, _tag("SeriesNumber")),
        instance_number=_integer(body, _tag("InstanceNumber")),
        rows=pixels.rows,
        columns=pixels.columns,
        bits_allocated=pixels.bits_allocated,
        number_of_frames=pixels.number_of_frames if index or reason else 0,
        position=_floats(body, "ImagePositionPatient", 3),
        orientation=_floats(body, "ImageOrientationPatient", 6),
        frame_index=index.as_json() if index else None,
        unrenderable_reason=reason or _bad_rescale(body),
        misread_by_browsers=misread,
        study_json={tag: body[tag] for tag in STUDY_TAGS if tag in body},
        series_json={tag: body[tag] for tag in SERIES_TAGS if tag in body},
        dicom_json=body,
    )


def _attributes(file: BinaryIO) -> tuple[UID, dict[str, Any]]:
    """The transfer syntax and the JSON model; the file then stands before the pixels."""
    head = file.read(HEAD_BYTES)
    with contextlib.suppress(NotPlain):
        syntax, body, place = _plain_attributes(head, is_whole=len(head) < HEAD_BYTES)
        file.seek(place)
        return syntax, body
    file.seek(0)
    _guard_inflation(file)
    dataset = pydicom.dcmread(file, stop_before_pixels=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise UnreadableDicom("TransferSyntaxUID is missing from the file meta information")
    return UID(str(dataset.file_meta.TransferSyntaxUID)), json_model(dataset)


def _plain_attributes(head: bytes, *, is_whole: bool) -> tuple[UID, dict[str, Any], int]:
    """The same of plain attributes, and where the pixels begin. Raises NotPlain."""
    name, start = transfer_syntax(head)
    syntax = plain_syntax(name)
    body, place = plain_model(head, start, is_whole=is_whole)
    return syntax, body, place


def _extended_offsets(body: dict[str, Any]) -> tuple[int, ...]:
    """Take the Extended Offset Table out of the metadata: it is part of the pixel data."""
    table, _ = body.pop("7FE00001", {}), body.pop("7FE00002", None)
    raw = base64.b64decode(table.get("InlineBinary", ""))
    return struct.unpack(f"<{len(raw) // 8}Q", raw[: len(raw) // 8 * 8])


def _guard_inflation(file: BinaryIO) -> None:
    """A 1 MB deflated file can claim gigabytes: inflate it once, counting, before pydicom does."""
    meta = pydicom.filereader.read_preamble(file, force=False)
    if meta is None:
        raise UnreadableDicom("not a DICOM part-10 file (no DICM prefix)")
    info = pydicom.filereader._read_file_meta_info(file)
    if info.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        total = 0
        while chunk := file.read(65_536):
            while chunk:
                total += len(inflater.decompress(chunk, 2**20))
                if total > MAX_INFLATED_BYTES:
                    raise UnreadableDicom(f"inflates to more than {MAX_INFLATED_BYTES >> 20} MiB")
                chunk = inflater.unconsumed_tail
        if not inflater.eof:
            raise UnreadableDicom("the deflated dataset is cut off")
    file.seek(0)


def _locate_frames(
    file: BinaryIO, syntax: UID, pixels: PixelDescription, size: int
) -> tuple[FrameIndex | None, str]:
    """The byte ranges of the frames, or why this object's frames cannot be served."""
    if syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        return _frames_to_decode(file, pixels), ""
    try:
        return index_frames(file, size, pixels), ""
    except NoFrames as error:
        if error.is_damage:
            raise UnreadableDicom(str(error)) from None
        return None, str(error)


def _frames_to_decode(file: BinaryIO, pixels: PixelDescription) -> FrameIndex | None:
    """The frames of a syntax whose stored bytes are of no use to a client, if they are all there."""
    if pixels.rows is None:
        return None
    file.seek(0)
    dataset = pydicom.dcmread(file)
    held = next((len(dataset[tag].value or b"") for tag in PIXEL_TAGS if tag in dataset), None)
    if held is None:
        raise UnreadableDicom("PixelData is missing")
    try:
        check_length(pixels, held)
    except NoFrames as error:
        raise UnreadableDicom(str(error)) from None
    return FrameIndex.decoded(pixels.number_of_frames)


def _uid(body: dict[str, Any], keyword: str) -> str:
    text = _text(body, _tag(keyword))
    if text == "":
        raise UnreadableDicom(f"{keyword} is missing")
    if len(text) > 64 or not UID_PATTERN.fullmatch(text):
        raise UnreadableDicom(f"{keyword} is not a valid UID")
    return text


def _text(body: dict[str, Any], tag: str) -> str:
    """All values of a text attribute as DICOM writes them, cut to what an index of the database holds."""
    return "\\".join(map(_as_text, body.get(tag, {}).get("Value", ()))).strip()[:MAX_TEXT]


def _as_text(value: Any) -> str:
    if isinstance(value, dict):  # a person's name in up to three groups
        groups = [value.get(name, "") for name in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)


def _date(body: dict[str, Any], keyword: str) -> str:
    """YYYY-MM-DD, or an empty string where the value is no calendar date."""
    text = _text(body, _tag(keyword)).replace(".", "")
    if not re.fullmatch(r"(1[89]|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", text):
        return ""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _integer(body: dict[str, Any], tag: str) -> int | None:
    """The single value of an integer attribute that PostgreSQL can hold."""
    values = body.get(tag, {}).get("Value", ())
    if len(values) != 1 or not isinstance(values[0], int):
        return None
    return values[0] if -(2**31) <= values[0] < 2**31 else None


def _floats(body: dict[str, Any], keyword: str, count: int) -> list[float] | None:
    values = body.get(_tag(keyword), {}).get("Value", ())
    if len(values) != count or not all(isinstance(v, float) and abs(v) < 1e6 for v in values):
        return None
    return list(values)


def _number_of_frames(body: dict[str, Any]) -> int:
    if not body.get(NUMBER_OF_FRAMES, {}).get("Value"):
        return 1
    number = _integer(body, NUMBER_OF_FRAMES)
    if number is None or not 1 <= number <= MAX_FRAMES:
        raise UnreadableDicom(f"NumberOfFrames is not between 1 and {MAX_FRAMES}")
    return number


def _check_dimensions(body: dict[str, Any]) -> None:
    for keyword, tag in (("Rows", ROWS), ("Columns", COLUMNS)):
        if tag not in body:
            continue
        if body[tag]["vr"] != "US":
            raise UnreadableDicom(f"{keyword} has value representation {body[tag]['vr']}, not US")


def _bad_rescale(body: dict[str, Any]) -> str:
    """NaN, 1e400 or 0 as RescaleSlope: nothing may be computed with those."""
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        for value in body.get(_tag(keyword), {}).get("Value", ())[:1]:
            if not isinstance(value, float):
                return f"{keyword} is not a number"
            if abs(value) > 1e6 or (value == 0 and keyword == "RescaleSlope"):
                return f"{keyword} is not usable"
    return ""
