"""PURE. pydicom's own DICOM JSON model of a file, and what differs from it beyond the allowed."""

import math
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom

Json = dict[str, Any]
INLINE_LIMIT = 4096
UNKNOWN = {"vr": "?"}
# JSON metadata never carries these: pixels, offset tables, thumbnails.
LEFT_OUT = {"7FE00010", "7FE00008", "7FE00009", "7FE00001", "7FE00002", "00880200"}


def expected_model(path: Path) -> Json:
    """pydicom's own JSON model, element by element: what it cannot express it would refuse whole.

    What lies behind the pixels is no metadata.
    """
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    body: Json = {}
    for tag in list(dataset.keys()):
        name = f"{int(tag):08X}"
        if name in LEFT_OUT or name.endswith("0000") or int(tag) >> 16 == 2:
            continue
        try:
            body[name] = dataset[tag].to_json_dict(None, 0)
        except Exception:  # noqa: BLE001  pydicom cannot say: no truth to compare with
            body[name] = UNKNOWN
    return body


def model_differences(expected: Json, found: Json, path: str = "") -> Iterator[str]:
    """What differs beyond the allowed: UTF-8, nulls, bulk data, names for ambiguous VRs."""
    for tag in sorted(expected.keys() | found.keys()):
        place = f"{path}{tag}"
        if tag in LEFT_OUT or tag.endswith("0000") or expected.get(tag) == UNKNOWN:
            continue
        if tag not in found or tag not in expected:
            yield f"{place} only in {'pydicom' if tag in expected else 'ours'}"
        elif tag != "00080005" or found[tag]["Value"] != ["ISO_IR 192"]:
            yield from _element_differences(expected[tag], found[tag], place)


def _element_differences(one: Json, other: Json, place: str) -> Iterator[str]:
    if one["vr"] != other["vr"] and other["vr"] not in one["vr"].split(" or "):
        yield f"{place} is {other['vr']}, not {one['vr']}"
    elif one["vr"] == "SQ":
        items, others = one.get("Value", []), other.get("Value", [])
        if len(items) != len(others):
            yield f"{place} has {len(others)} items, not {len(items)}"
        for number, pair in enumerate(zip(items, others, strict=False)):
            yield from model_differences(*pair, f"{place}.{number}.")
    elif "BulkDataURI" in other:
        if len(b64decode(one.get("InlineBinary", ""))) <= INLINE_LIMIT:
            yield f"{place} is small and yet bulk data"
    elif one.get("InlineBinary") != other.get("InlineBinary"):
        yield f"{place} has other bytes"
    elif _plain(one.get("Value")) != _plain(other.get("Value")):
        yield f"{place} is {other.get('Value')!r:.60}, not {one.get('Value')!r:.60}"


def _plain(value: Any) -> Any:
    """Empty is null, alone or among others; numbers are doubles; spaces around a value are none."""
    if isinstance(value, list):
        cleaned = [_plain(v) for v in value]
        return cleaned if any(v is not None for v in cleaned) else None
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if v} or None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    return value.strip() or None if isinstance(value, str) else value
