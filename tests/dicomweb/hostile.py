"""Makes DICOM files that no honest program writes."""

import io
import struct
import zlib

import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from tests import factories
from tests.dicomweb.wire import changed, read

DEFLATED, IMPLICIT = DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, e) for e in (0xE000, 0xE00D, 0xE0DD))
UNDEFINED = struct.pack("<I", 0xFFFFFFFF)


def nested(depth: int, *, is_defined: bool) -> bytes:
    """A file whose first element behind the pixels' description is `depth` sequences deep."""
    head = struct.pack("<HH2sH", 0x0008, 0x1140, b"SQ", 0)
    if is_defined:
        size = 0
        pieces = []
        for _ in range(depth):
            pieces.append(head + struct.pack("<I", size + 8) + ITEM + struct.pack("<I", size))
            size += 20
        deep = b"".join(reversed(pieces))
    else:
        opened = head + UNDEFINED + ITEM + UNDEFINED
        deep = opened * depth + (ITEM_END + bytes(4) + SEQUENCE_END + bytes(4)) * depth
    return with_element(f"nested {depth} {is_defined}", deep)


def with_element(key: str, element: bytes, *, before: int = 0x00100010) -> bytes:
    """A radiograph with raw bytes put in front of the element `before` (explicit little endian)."""
    data = factories.make_dicom(key)
    tag = struct.pack("<HH", before >> 16, before & 0xFFFF)
    place = data.index(tag, 132)
    return data[:place] + element + data[place:]


def with_values(key: str, **values: object) -> bytes:
    """A radiograph with other values, unchecked."""

    def change(dataset: pydicom.Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return changed(factories.make_dicom(key), change)


def with_raw_value(key: str, keyword: str, vr: str, raw: bytes) -> bytes:
    """A radiograph in which one short element has this representation and these bytes."""
    data = factories.make_dicom(key)
    dataset = read(data)
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    new = head + vr.encode() + struct.pack("<H", len(raw)) + raw
    if keyword not in dataset:
        return with_element(key, new, before=0x7FE00010)
    place = data.index(head + dataset[tag].VR.encode(), 132)
    length = struct.unpack_from("<H", data, place + 6)[0]
    return data[:place] + new + data[place + 8 + length :]


def in_syntax(key: str, syntax: str) -> bytes:
    """A radiograph in implicit little endian, deflated or RLE."""
    dataset = read(factories.make_dicom(key))
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=syntax == IMPLICIT, little_endian=True)
    return out.getvalue()


def deflate_bomb(key: str, inflated_bytes: int) -> bytes:
    """A small file that inflates to very much."""
    dataset = read(factories.make_dicom(key))
    dataset.file_meta.TransferSyntaxUID = DEFLATED
    del dataset.PixelData
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=False, little_endian=True)
    data = out.getvalue()
    start = len(data) - _deflated_length(data)
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = packer.compress(zlib.decompress(data[start:], -zlib.MAX_WBITS))
    body += packer.compress(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, inflated_bytes))
    for _ in range(inflated_bytes >> 20):
        body += packer.compress(bytes(2**20))
    return data[:start] + body + packer.flush()


def with_odd_meta(data: bytes, *, vr: bytes, length: int) -> bytes:
    """A private element in front of the transfer syntax that is awkward to read past."""
    place = data.index(b"\x02\x00\x10\x00UI")
    element = struct.pack("<HH2sH", 2, 0x000F, vr, length) + bytes(length)
    return data[:place] + element + data[place:]


def _deflated_length(data: bytes) -> int:
    meta_length = struct.unpack_from("<I", data, 132 + 8)[0]
    return len(data) - (132 + 12 + meta_length)


def with_palette_index_out_of_range(key: str) -> bytes:
    """PALETTE COLOR of 16 entries under pixels that point to entry 255."""

    def change(dataset: pydicom.Dataset) -> None:
        dataset.PhotometricInterpretation = "PALETTE COLOR"
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.PixelData = b"\xff" * (dataset.Rows * dataset.Columns)
        for colour in ("Red", "Green", "Blue"):
            name = f"{colour}PaletteColorLookupTable"
            dataset.add_new(f"{name}Descriptor", "US", [16, 0, 16])
            dataset.add_new(f"{name}Data", "OW", bytes(32))

    return changed(factories.make_dicom(key), change)
