"""Reads a DICOM part-10 file into the plain record that the archive stores.

Trusts nothing: identifiers, sizes and declared lengths are checked before anything is kept.
Runs inside `sandbox`, because hostile files can exhaust memory in any parser.
"""

import base64
import math
import re
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from annotation.imaging.frames import FrameIndex, NoFrames, index_frames

UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)*")
PALETTE_TAGS = ("00281201", "00281202", "00281203", "00281221", "00281222", "00281223")
INLINE_LIMIT_BYTES = 4096  # larger binary values become bulk data, PS3.18 Annex F
MAX_INFLATED_BYTES = 512 * 2**20
MAX_FRAMES = 100_000
MAX_SIDE = 65_535
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
STUDY_TEXT = (
    "PatientID", "PatientName", "PatientSex", "PatientAge", "AccessionNumber", "StudyID",
    "StudyDescription", "ReferringPhysicianName", "StudyTime",
)  # fmt: skip
SERIES_TEXT = ("Modality", "SeriesDescription", "BodyPartExamined", "Laterality", "ViewPosition")


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
    number_of_frames: int
    position: list[float] | None
    orientation: list[float] | None
    frame_index: dict[str, Any] | None
    unrenderable_reason: str
    dicom_json: dict[str, Any] = field(repr=False)


def parse(path: Path) -> ParsedInstance:
    """Parse and check one file. Raises UnreadableDicom."""
    try:
        return _parse(path)
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


def as_json(parsed: ParsedInstance) -> dict[str, Any]:
    return asdict(parsed)


def binary_element(path: Path, tag: str) -> bytes:
    """The value of a top-level binary element, by its 8 hex digits. Raises UnreadableDicom."""
    if not re.fullmatch(r"[0-9A-F]{8}", tag):
        raise UnreadableDicom("a tag has 8 hexadecimal digits")
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    value = dataset[int(tag, 16)].value if int(tag, 16) in dataset else None
    if not isinstance(value, bytes):
        raise UnreadableDicom("there is no such binary element")
    return value


def _parse(path: Path) -> ParsedInstance:
    with path.open("rb") as file:
        _guard_deflated(file)
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            raise UnreadableDicom("TransferSyntaxUID is missing from the file meta information")
        number_of_frames = _number_of_frames(dataset)
        _check_dimensions(dataset)
        index, reason = _locate_frames(file, dataset, number_of_frames)
    return ParsedInstance(
        study_instance_uid=_uid(dataset, "StudyInstanceUID"),
        series_instance_uid=_uid(dataset, "SeriesInstanceUID"),
        sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
        sop_class_uid=_uid(dataset, "SOPClassUID"),
        transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID),
        study={keyword: _text(dataset, keyword) for keyword in STUDY_TEXT},
        series={keyword: _text(dataset, keyword) for keyword in SERIES_TEXT},
        study_date=_date(dataset, "StudyDate"),
        patient_birth_date=_date(dataset, "PatientBirthDate"),
        series_number=_integer(dataset, "SeriesNumber"),
        instance_number=_integer(dataset, "InstanceNumber"),
        rows=_integer(dataset, "Rows"),
        columns=_integer(dataset, "Columns"),
        number_of_frames=number_of_frames if index or reason else 0,
        position=_floats(dataset, "ImagePositionPatient", 3),
        orientation=_floats(dataset, "ImageOrientationPatient", 6),
        frame_index=index.as_json() if index else None,
        unrenderable_reason=reason or _bad_rescale(dataset),
        dicom_json=_clean(_dicom_json(dataset)),
    )


def _guard_deflated(file: BinaryIO) -> None:
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
    file.seek(0)


def _locate_frames(
    file: BinaryIO, dataset: FileDataset, number_of_frames: int
) -> tuple[FrameIndex | None, str]:
    """The byte ranges of the frames, or why this object's frames cannot be served."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        has_pixels = dataset.get("Rows") is not None
        return (FrameIndex.decoded(number_of_frames), "") if has_pixels else (None, "")
    position = file.tell()
    file.seek(0, 2)
    size = file.tell()
    file.seek(position)
    try:
        return index_frames(file, size, dataset, number_of_frames), ""
    except NoFrames as error:
        if error.is_damage:
            raise UnreadableDicom(str(error)) from None
        return None, str(error)


def _uid(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None or str(value) == "":
        raise UnreadableDicom(f"{keyword} is missing")
    text = str(value)
    if len(text) > 64 or not UID_PATTERN.fullmatch(text):
        raise UnreadableDicom(f"{keyword} is not a valid UID")
    return text


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None:
        return ""
    text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    return text.replace("\x00", "").strip()[:1024]


def _date(dataset: Dataset, keyword: str) -> str:
    """YYYY-MM-DD, or an empty string where the value is no calendar date."""
    text = _text(dataset, keyword).replace(".", "")
    if not re.fullmatch(r"(1[89]|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", text):
        return ""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _integer(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    try:
        number = int(str(value))
    except (TypeError, ValueError):
        return None
    return number if -(2**31) <= number < 2**31 else None


def _floats(dataset: Dataset, keyword: str, count: int) -> list[float] | None:
    value = dataset.get(keyword)
    if not isinstance(value, MultiValue) or len(value) != count:
        return None
    numbers = [float(item) for item in value]
    return numbers if all(math.isfinite(n) and abs(n) < 1e6 for n in numbers) else None


def _number_of_frames(dataset: Dataset) -> int:
    raw = dataset.get("NumberOfFrames")
    if raw is None or str(raw) == "":
        return 1
    number = _integer(dataset, "NumberOfFrames")
    if number is None or not 1 <= number <= MAX_FRAMES:
        raise UnreadableDicom(f"NumberOfFrames is not between 1 and {MAX_FRAMES}")
    return number


def _check_dimensions(dataset: Dataset) -> None:
    for keyword in ("Rows", "Columns"):
        if keyword not in dataset:
            continue
        if dataset[keyword].VR != "US":
            raise UnreadableDicom(
                f"{keyword} has value representation {dataset[keyword].VR}, not US"
            )
        value = dataset[keyword].value
        if value is not None and not 0 <= int(value) <= MAX_SIDE:
            raise UnreadableDicom(f"{keyword} is out of range")


def _bad_rescale(dataset: Dataset) -> str:
    """pydicom accepts NaN and 1e400 as RescaleSlope; nothing may be computed with those."""
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        if keyword not in dataset or dataset.get(keyword) in (None, ""):
            continue
        try:
            value = float(dataset[keyword].value)
        except (TypeError, ValueError):
            return f"{keyword} is not a number"
        if (
            not math.isfinite(value)
            or abs(value) > 1e6
            or (value == 0 and keyword.endswith("Slope"))
        ):
            return f"{keyword} is not usable"
    return ""


def _dicom_json(dataset: Dataset) -> dict[str, Any]:
    def bulk_uri(element: pydicom.DataElement) -> str:
        return f"bulkdata/{int(element.tag):08X}"

    body: dict[str, Any] = dataset.to_json_dict(
        bulk_data_threshold=INLINE_LIMIT_BYTES,
        bulk_data_element_handler=bulk_uri,
        suppress_invalid_tags=True,
    )
    body.pop("00880200", None)  # IconImageSequence: a thumbnail of its own, nested bulk data
    for tag in PALETTE_TAGS:  # a viewer needs the palette with the metadata, whatever its size
        if "BulkDataURI" in body.get(tag, {}):
            data = base64.b64encode(dataset[int(tag, 16)].value).decode()
            body[tag] = {"vr": body[tag]["vr"], "InlineBinary": data}
    return body


def _clean(value: Any) -> Any:
    """What PostgreSQL's jsonb and JSON itself cannot hold: NaN, infinities, NUL characters."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and "\x00" in value:
        return value.replace("\x00", "")
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
