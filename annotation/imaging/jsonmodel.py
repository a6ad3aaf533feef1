"""The DICOM JSON Model of a dataset (PS3.18 Annex F), straight from its undecoded elements.

pydicom builds an object per element and validates it: 3 to 10 ms for a real CT. Almost every value
is plain ASCII or a number, and converting those from their bytes takes a tenth of that. Everything
else (other characters, unknown or ambiguous value representations) is left to pydicom.
"""

import base64
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

Json = dict[str, Any]
INLINE_LIMIT_BYTES = 4096  # larger binary values become bulk data
MAX_DEPTH = 100
MAX_DIGITS = 18  # of an integer; DICOM allows 12
ICON_IMAGE = "00880200"  # a thumbnail of the file's own: never of use to a reader
CHARACTER_SET = "00080005"
PALETTE_TAGS = ("00281201", "00281202", "00281203", "00281221", "00281222", "00281223")

NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
AMBIGUOUS_BINARY = {"OB or OW", "US or OW", "US or SS or OW"}
# Character sets in which a byte below 0x80 always is that ASCII character (not so in ISO_IR 13).
ASCII_SAFE = {name for name in python_encoding if "13" not in name} | {""}


def json_model(dataset: Dataset) -> Json:
    """The JSON model; large binary values become `{"BulkDataURI": "bulkdata/<path>"}`.

    `<path>` is the element's tag, or for one inside a sequence `tag.item.tag`, items from 0.
    Raises RecursionError beyond MAX_DEPTH sequences. What cannot be expressed is left out.
    """
    return telling_its_characters(_Writer(dataset, "", 0, is_ascii_safe=True).write())


def telling_its_characters(body: Json) -> Json:
    """JSON is UTF-8, and says so where the file named its characters."""
    if CHARACTER_SET in body:
        body[CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return body


def is_no_attribute(name: str) -> bool:
    """Group lengths, and the file's own thumbnail."""
    return name.endswith("0000") or name == ICON_IMAGE


def quick_value(
    vr: str, raw: bytes, name: str, path: str, *, is_little_endian: bool = True
) -> Json | None:
    """From the bytes of a value whose text may be ASCII; None where pydicom has to look at it."""
    if vr in BINARY:
        return _binary(vr, raw, name, path)
    if vr in NUMBERS:
        return _numbers(vr, raw, is_little_endian)
    if vr == "AT":
        return _tags(raw, is_little_endian)
    convert = CONVERTERS.get(vr)
    if convert is None or not raw.isascii() or b"\x1b" in raw:
        return None
    return convert(vr, raw.decode("ascii").rstrip("\0 "))


class _Writer:
    """Converts one dataset or sequence item."""

    def __init__(self, dataset: Dataset, path: str, depth: int, *, is_ascii_safe: bool) -> None:
        if depth > MAX_DEPTH:
            raise RecursionError("sequences are nested too deeply")
        self.dataset = dataset
        self.path = path
        self.depth = depth
        self.is_ascii_safe = is_ascii_safe
        if 0x00080005 in dataset:
            self.is_ascii_safe = _is_ascii_safe(dataset)

    def write(self) -> Json:
        body: Json = {}
        for element in self.dataset.values():
            name = f"{int(element.tag):08X}"
            if is_no_attribute(name):
                continue
            converted = self._convert(element, name)
            if converted is not None:
                body[name] = converted
        return body

    def _convert(self, element: DataElement | RawDataElement, name: str) -> Json | None:
        if isinstance(element, RawDataElement):
            vr = element.VR if element.VR is not None else _public_vr(element.tag)
            if vr is not None and vr != "UN" and (self.is_ascii_safe or vr not in CONVERTERS):
                quick = quick_value(
                    vr, element.value or b"", name, self.path,
                    is_little_endian=element.is_little_endian,
                )  # fmt: skip
                if quick is not None:
                    return quick
        return self._thorough(element.tag, name)

    def _thorough(self, tag: BaseTag, name: str) -> Json | None:
        """Through pydicom, which decodes characters, resolves dictionaries and validates."""
        try:
            element = self.dataset[tag]
            vr = _resolved_vr(element, self.dataset)
            if vr == "SQ":
                return {"vr": "SQ", "Value": self._items(element.value, name)}
            if isinstance(element.value, bytes):
                return _binary(vr, element.value, name, self.path)
            body: Json = element.to_json_dict(None, 0)
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001  pydicom raises many types on values it cannot express
            return None
        cleaned: Json = clean({**body, "vr": vr})
        return cleaned

    def _items(self, items: Sequence[Dataset], name: str) -> list[Json]:
        return [
            _Writer(
                item, f"{self.path}{name}.{number}.", self.depth + 1,
                is_ascii_safe=self.is_ascii_safe,
            ).write()
            for number, item in enumerate(items)
        ]  # fmt: skip


def _binary(vr: str, value: bytes, name: str, path: str) -> Json:
    if vr in ("US", "SS"):  # an ambiguous element that turned out to be numbers
        return _numbers(vr, value, is_little_endian=True) or {"vr": vr}
    if not value:
        return {"vr": vr}
    # A viewer needs the palette with the metadata, whatever its size.
    if len(value) > INLINE_LIMIT_BYTES and not (not path and name in PALETTE_TAGS):
        return {"vr": vr, "BulkDataURI": f"bulkdata/{path}{name}"}
    return {"vr": vr, "InlineBinary": base64.b64encode(value).decode()}


def _is_ascii_safe(dataset: Dataset) -> bool:
    names = dataset.get("SpecificCharacterSet")
    if names is None or isinstance(names, str):
        names = [names or ""]
    return all(str(name) in ASCII_SAFE for name in names)


def _public_vr(tag: BaseTag) -> str | None:
    """The dictionary's value representation for an implicit element; None for pydicom to find out."""
    if tag.is_private:
        return None
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return None
    return vr if " " not in vr else None


def _resolved_vr(element: DataElement, dataset: Dataset) -> str:
    """One value representation where the dictionary leaves a choice (PS3.5 Annex A)."""
    if element.VR in AMBIGUOUS_BINARY:
        return "OW"
    if element.VR == "US or SS":
        return "SS" if dataset.get("PixelRepresentation") == 1 else "US"
    return str(element.VR)


def _one(vr: str, text: str) -> Json:
    return {"vr": vr, "Value": [text.replace("\0", "")]} if text else {"vr": vr}


def _texts(vr: str, text: str) -> Json:
    """Backslash-separated values; an empty one among others is null (F.2.5)."""
    if not text:
        return {"vr": vr}
    values = (piece.rstrip("\0 ").replace("\0", "") for piece in text.split("\\"))
    return {"vr": vr, "Value": [value or None for value in values]}


def _trimmed_texts(vr: str, text: str) -> Json:
    """A NUL inside an identifier must not vanish: what is left would be another identifier."""
    pieces = (piece.strip("\0 ").replace("\0", " ") for piece in text.split("\\"))
    return _texts(vr, "\\".join(pieces))


def _person_names(vr: str, text: str) -> Json:
    if not text:
        return {"vr": vr}
    names = (_person_name(piece) for piece in text.split("\\"))
    return {"vr": vr, "Value": [name or None for name in names]}


def _number_texts(vr: str, text: str) -> Json:
    if not text:
        return {"vr": vr}
    return {"vr": vr, "Value": [_number(vr, piece.strip("\0 ")) for piece in text.split("\\")]}


def _number(vr: str, text: str) -> float | int | str | None:
    """A string is legal where no (finite) number can be read: nothing that was sent is lost."""
    if not text:
        return None
    try:
        value = int(text[:MAX_DIGITS]) if vr == "IS" else float(text)
    except ValueError:
        return text.replace("\0", "")
    is_number = math.isfinite(value) and not (vr == "IS" and len(text) > MAX_DIGITS)
    return value if is_number else text


def _person_name(text: str) -> Json:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {name: group.replace("\0", "").strip() for name, group in groups if group.strip()}


def _numbers(vr: str, raw: bytes, is_little_endian: bool) -> Json | None:
    letter = NUMBERS[vr]
    size = struct.calcsize(f"={letter}")
    if len(raw) % size:
        return None
    if not raw:
        return {"vr": vr}
    values = struct.unpack(f"{'<' if is_little_endian else '>'}{len(raw) // size}{letter}", raw)
    return {"vr": vr, "Value": [None if v != v or math.isinf(v) else v for v in values]}


def _tags(raw: bytes, is_little_endian: bool) -> Json | None:
    """Group and element of other attributes, as eight hex digits each."""
    if len(raw) % 4:
        return None
    if not raw:
        return {"vr": "AT"}
    pairs = struct.iter_unpack("<HH" if is_little_endian else ">HH", raw)
    return {"vr": "AT", "Value": [f"{group:04X}{element:04X}" for group, element in pairs]}


def clean(value: Any) -> Any:
    """What PostgreSQL's jsonb and JSON itself cannot hold: NaN, infinities, NUL, lone surrogates."""
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return value


CONVERTERS: dict[str, Callable[[str, str], Json]] = {
    **dict.fromkeys(("CS", "DA", "TM", "DT", "AS", "SH", "LO", "UC"), _texts),
    **dict.fromkeys(("UI", "AE"), _trimmed_texts),
    **dict.fromkeys(("ST", "LT", "UT", "UR"), _one),
    **dict.fromkeys(("DS", "IS"), _number_texts),
    "PN": _person_names,
}
