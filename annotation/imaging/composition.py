"""Makes a part-10 file of DICOM JSON and separate bulk data (PS3.18 §10.5.1.2)."""

import itertools
import json
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

PIXEL_DATA = 0x7FE00010
MAX_DATASETS = 5000
OCTET_STREAM = "application/octet-stream"
DEFAULT_SYNTAX = {
    "image/jpeg": JPEGBaseline8Bit,
    "image/jls": JPEGLSLossless,
    "image/jp2": JPEG2000,
    "image/jphc": HTJ2K,
    "image/dicom-rle": RLELossless,
}


class NotComposable(ValueError):
    """The metadata and bulk data make no DICOM object; the message says why."""


def split_datasets(metadata: Path) -> list[tuple[int, int]]:
    """Rewrite a JSON part so that each dataset can be read alone; returns (start, length) of each.

    Raises NotComposable.
    """
    lines = [json.dumps(dataset).encode() for dataset in _load(metadata)]
    metadata.write_bytes(b"\n".join(lines))
    starts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    return [(start, len(line)) for start, line in zip(starts, lines, strict=False)]


def _load(metadata: Path) -> list[dict[str, Any]]:
    """The datasets of a JSON part: an array, or a single object."""
    try:
        body = json.loads(metadata.read_bytes())
    except (ValueError, RecursionError):
        raise NotComposable("it is no JSON") from None
    datasets = body if isinstance(body, list) else [body]
    if len(datasets) > MAX_DATASETS:
        raise NotComposable(f"it holds more than {MAX_DATASETS} datasets")
    if not datasets or not all(isinstance(d, dict) for d in datasets):
        raise NotComposable("it holds no array of datasets")
    return datasets


def compose(
    metadata: Path, start: int, length: int, bulk: dict[str, dict[str, str]], target: Path
) -> None:
    """Write the dataset at a place of `split_datasets` to `target`.

    `bulk` gives path, media type and transfer syntax by Content-Location. Raises NotComposable.
    """
    with metadata.open("rb") as file:
        file.seek(start)
        body = json.loads(file.read(length))
    attributes = {tag: value for tag, value in body.items() if not tag.startswith("0002")}
    syntax = ExplicitVRLittleEndian
    pixel_uri = body.get("7FE00010", {}).get("BulkDataURI")
    if pixel_uri is not None:
        syntax = _syntax_of(_part(bulk, pixel_uri))

    def load(tag: str, vr: str, uri: str) -> bytes:
        del vr
        data = Path(_part(bulk, uri)["path"]).read_bytes()
        is_compressed_pixels = tag.upper() == "7FE00010" and syntax.is_encapsulated
        return encapsulate([data]) if is_compressed_pixels else data

    try:
        dataset = Dataset.from_json(attributes, load)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        if PIXEL_DATA in dataset:
            dataset[PIXEL_DATA].is_undefined_length = syntax.is_encapsulated
        dataset.save_as(target, enforce_file_format=True)
    except NotComposable:
        raise
    except AttributeError as error:
        raise NotComposable(f"{error.name} is missing") from None
    except Exception as error:  # noqa: BLE001  pydicom raises many types on hostile input
        raise NotComposable(f"it is no valid dataset: {type(error).__name__}") from None


def _part(bulk: dict[str, dict[str, str]], uri: str) -> dict[str, str]:
    if uri not in bulk:
        raise NotComposable(f"no part has the Content-Location {uri[:100]}")
    return bulk[uri]


def _syntax_of(part: dict[str, str]) -> UID:
    if part["media_type"] == OCTET_STREAM:
        return ExplicitVRLittleEndian
    syntax = UID(part["transfer_syntax"] or DEFAULT_SYNTAX.get(part["media_type"], ""))
    if not syntax.is_transfer_syntax or not syntax.is_encapsulated:
        raise NotComposable(f"pixel data cannot be {part['media_type'][:60]}")
    return syntax
