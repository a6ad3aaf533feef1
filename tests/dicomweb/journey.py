"""One file's way through the server, each step compared with what pydicom says of the file."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array

from tests.dicomweb.jsonmodel import expected_model, model_differences
from tests.dicomweb.wire import content, parts_of, place_of, reasons

IMPLICIT_LE, EXPLICIT_LE, HTJ2K = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201",
)  # fmt: skip
OCTETS = "application/octet-stream"
DICOM = "application/dicom"


@dataclass
class Journey:
    """What happened to one file; `outcome` by step, `wrong` what must not be."""

    name: str
    outcome: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, step: str, answer: Any, allowed: tuple[int, ...]) -> bool:
        """Record the status; True where the step succeeded."""
        self.outcome[step] = str(answer.status_code)
        if answer.status_code not in allowed:
            self.wrong.append(f"{step}: {answer.status_code} {content(answer)[:200]!r}")
        return answer.status_code == 200

    def check(self, step: str, is_right: bool, what: str) -> None:
        self.outcome.setdefault(step, "ok")
        if not is_right:
            self.outcome[step] = "differs"
            self.wrong.append(f"{step}: {what}")


def travel(name: str, path: Path, roots: Any, *, is_thorough: bool) -> Journey:
    """Store the file at the first of `roots` that holds no rival of it, and read it back."""
    journey = Journey(name)
    data = path.read_bytes()
    for root in roots:
        answer = root.store(data)
        if answer.status_code != 409 or not _is_rival(reasons(answer)[0]):
            break
    stored = journey.note("store", answer, (200, 202, 409)), answer.status_code == 202
    if not any(stored):
        journey.outcome["reason"] = reasons(answer)[0]
        journey.check("store", bool(reasons(answer)[0]), "refused without a reason")
        journey.outcome["store"] = "409"
        return journey
    dataset = pydicom.dcmread(path)
    place = place_of(dataset)
    _search(journey, root, dataset)
    _metadata(journey, root, place, dataset, path)
    _as_stored(journey, root, place, data)
    decodable = _frames(journey, root, place, dataset, is_thorough=is_thorough)
    _rendered(journey, root, place, dataset, is_thorough=is_thorough)
    if is_thorough and dataset.file_meta.TransferSyntaxUID != EXPLICIT_LE:
        _converted(journey, root, place, dataset, decodable)
    return journey


def travel_safely(name: str, path: Path, roots: Any, *, is_thorough: bool) -> Journey:
    """Like `travel`; a comparison that breaks is a finding too and does not hide the others."""
    try:
        return travel(name, path, roots, is_thorough=is_thorough)
    except Exception as error:  # noqa: BLE001
        where = error.__traceback__
        while where and where.tb_next and "journey" in where.tb_next.tb_frame.f_code.co_filename:
            where = where.tb_next
        return Journey(name, wrong=[f"{error!r:.200} in line {where and where.tb_lineno}"])


def _is_rival(reason: str) -> bool:
    return reason.startswith(("Another content", "PatientID differs"))


def _search(journey: Journey, root: Any, dataset: pydicom.Dataset) -> None:
    found = root.search("instances", SOPInstanceUID=str(dataset.SOPInstanceUID).strip())
    journey.check("query", len(found) == 1, f"{len(found)} found")
    for tag in ("0020000D", "0020000E", "00080016"):
        journey.check("query", found[0][tag]["Value"] == [str(dataset[tag].value)], tag)
    for tag, keyword in (("00280010", "Rows"), ("00280011", "Columns")):
        value = found[0].get(tag, {}).get("Value", [None])[0]
        journey.check("query", value == dataset.get(keyword), keyword)


def _metadata(
    journey: Journey, root: Any, place: str, dataset: pydicom.Dataset, path: Path
) -> None:
    answer = root.get(f"{place}/metadata")
    if not journey.note("metadata", answer, (200,)):
        return
    [found] = json.loads(content(answer), parse_constant=lambda name: f"not JSON: {name}")
    differences = list(model_differences(expected_model(path), found))
    journey.check("metadata", not differences, "; ".join(differences[:4]))
    for tag, element in found.items():
        if "BulkDataURI" in element:
            uri = element["BulkDataURI"].replace("http://testserver", "")
            bulk = root.get(uri, OCTETS)
            journey.note("bulkdata", bulk, (200,))
            same = content(bulk) == dataset[tag].value
            journey.check("bulkdata", same, f"{tag} is not the element's bytes")


def _as_stored(journey: Journey, root: Any, place: str, data: bytes) -> None:
    answer = root.get(place, f"{DICOM}; transfer-syntax=*")
    if journey.note("file", answer, (200,)):
        journey.check("file", content(answer) == data, "not byte for byte")


def sample(count: int, *, is_thorough: bool) -> list[int]:
    """First, middle and last frame."""
    if not is_thorough:
        return [max(count // 2, 1)]
    return sorted({1, (count + 1) // 2, count})


def _frames(
    journey: Journey, root: Any, place: str, dataset: pydicom.Dataset, *, is_thorough: bool
) -> bool:
    """True where pydicom can decode the object."""
    is_native = not is_encapsulated(dataset)
    decodable = False
    for number in sample(int(dataset.get("NumberOfFrames") or 1), is_thorough=is_thorough):
        url = f"{place}/frames/{number}"
        truth = true_frame(dataset, number)
        decodable = decodable or truth is not None
        answer = root.get(url, f"{OCTETS}; transfer-syntax={EXPLICIT_LE}")
        allowed = (406,) if truth is None else (200,)
        # without pydicom's help pixels may still be served as they lie there, or decoded
        if journey.note("frame", answer, (*allowed, 200) if truth is None else allowed) and (
            truth is not None
        ):
            journey.check("frame", content(answer) == truth, f"frame {number} differs")
        if answer.status_code == 406:
            journey.outcome["reason"] = answer.json()["detail"][:160]
        _stored_frame(journey, root, url, dataset, number, is_native=is_native)
        if is_thorough and number == 1 and truth is not None:
            _htj2k(journey, root, url, true_pixels(dataset, 1))
    return decodable


def _stored_frame(
    journey: Journey, root: Any, url: str, dataset: pydicom.Dataset, number: int, *, is_native: bool
) -> None:
    answer = root.get(url, f'multipart/related; type="{OCTETS}"; transfer-syntax=*')
    if not journey.note("frame as stored", answer, (200, 406)) or is_native:
        return
    count = int(dataset.get("NumberOfFrames") or 1)
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    extended = offsets if all(offsets) else None
    frames = generate_frames(dataset.PixelData, number_of_frames=count, extended_offsets=extended)
    expected = next(frame for n, frame in enumerate(frames, 1) if n == number)
    [(_, found)] = parts_of(answer)
    journey.check("frame as stored", found == expected, f"frame {number} differs")


def _htj2k(journey: Journey, root: Any, url: str, truth: np.ndarray) -> None:
    answer = root.get(url, f"image/jphc; transfer-syntax={HTJ2K}")
    if not journey.note("frame as HTJ2K", answer, (200, 406)):
        return
    pixels = imagecodecs.htj2k_decode(content(answer))
    same = np.array_equal(pixels, truth)
    journey.check("frame as HTJ2K", same, f"{pixels.dtype} {pixels.shape} differs")


def _rendered(
    journey: Journey, root: Any, place: str, dataset: pydicom.Dataset, *, is_thorough: bool
) -> None:
    for media_type in ("image/jpeg", "image/png")[: 2 if is_thorough else 1]:
        answer = root.get(f"{place}/rendered", media_type)
        if journey.note(f"rendered {media_type[6:]}", answer, (200, 406)):
            picture = Image.open(io.BytesIO(content(answer)))
            size = (dataset.get("Columns"), dataset.get("Rows"))
            is_right = picture.size == size or "Rows" not in dataset
            journey.check(f"rendered {media_type[6:]}", is_right, f"{picture.size}")
        elif answer.status_code == 406:
            journey.outcome["reason"] = answer.json()["detail"][:160]


def _converted(
    journey: Journey, root: Any, place: str, dataset: pydicom.Dataset, decodable: bool
) -> None:
    """The default representation: Explicit VR Little Endian, or as stored (lossy, undecodable)."""
    answer = root.get(place, DICOM)
    if not journey.note("file converted", answer, (200,)):
        return
    back = pydicom.dcmread(io.BytesIO(content(answer)))
    is_kept = back.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
    journey.outcome["file converted"] = "as stored" if is_kept else "explicit"
    journey.check(
        "file converted",
        back.file_meta.TransferSyntaxUID == EXPLICIT_LE
        or (is_kept and (is_encapsulated(dataset) or not decodable)),
        back.file_meta.TransferSyntaxUID.name,
    )
    if decodable and not is_kept:
        same = np.array_equal(pixel_array(back, index=0), pixel_array(dataset, index=0))
        journey.check("file converted", same, "other pixels")
    if not is_kept:
        others = {int(t) for t in set(back.keys()) ^ set(dataset.keys())} - COMES_AND_GOES
        others = {tag for tag in others if tag & 0xFFFF}  # group lengths are retired
        journey.check("file converted", not others, f"other elements {others}")


COMES_AND_GOES = {0x7FE00001, 0x7FE00002, 0x00280006}


def is_encapsulated(dataset: pydicom.Dataset) -> bool:
    syntax = dataset.file_meta.TransferSyntaxUID
    return bool(syntax.is_transfer_syntax and syntax.is_encapsulated)


def true_frame(dataset: pydicom.Dataset, number: int) -> bytes | None:
    """What a client must see of a frame in Explicit VR Little Endian, by pydicom; None if it cannot.

    Uncompressed pixels come as they are stored.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax in (IMPLICIT_LE, EXPLICIT_LE) and dataset.BitsAllocated >= 8:
            length = len(dataset.PixelData) // int(dataset.get("NumberOfFrames") or 1)
            expected = _frame_bytes(dataset)
            length = min(length, expected)
            pixel_array(dataset, index=number - 1)
            return dataset.PixelData[(number - 1) * expected :][:length]
        pixels = true_pixels(dataset, number)
    except Exception:  # noqa: BLE001  that it cannot is the finding
        return None
    if dataset.BitsAllocated == 1:
        return np.packbits(pixels.ravel(), bitorder="little").tobytes()
    if pixels.ndim == 3 and dataset.PlanarConfiguration == 1:
        pixels = np.moveaxis(pixels, 2, 0)
    return pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()


def true_pixels(dataset: pydicom.Dataset, number: int) -> np.ndarray:
    """pydicom's values, in the colours that the metadata names; subsampled ones as RGB."""
    is_raw = dataset.get("PhotometricInterpretation") == "YBR_FULL"
    return pixel_array(dataset, index=number - 1, raw=is_raw)


def _frame_bytes(dataset: pydicom.Dataset) -> int:
    samples = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else dataset.SamplesPerPixel
    return dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated // 8
