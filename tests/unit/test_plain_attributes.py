"""What is read straight from a file's bytes equals what pydicom reads in it."""

import io
import time
import tracemalloc

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from annotation.imaging.jsonmodel import json_model
from annotation.imaging.parsing import parse_head
from annotation.imaging.plain import (
    HEAD_BYTES,
    NotPlain,
    plain_model,
    plain_syntax,
    transfer_syntax,
)
from tests import factories

TEXT = st.text("ABC xyz\\019.-^=", max_size=12)
ELEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "PatientName": st.sampled_from(["", "Doe^Jo", "A^B=C^D"]),
        "PatientComments": TEXT,
        "StudyDescription": TEXT.filter(lambda text: "\\" not in text),
        "ImageType": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", ""]), max_size=3),
        "PixelSpacing": st.lists(st.sampled_from(["0.5", "1e400", ""]), min_size=2, max_size=2),
        "InstanceNumber": st.sampled_from(["", "7", "-3"]),
        "Rows": st.integers(0, 65535),
        "PixelAspectRatio": st.just(["1", "1"]),
        "FrameIncrementPointer": st.just(0x00181063),
        "EncapsulatedDocument": st.binary(max_size=5000).map(lambda data: data + b"0" * (len(data) % 2)),
        "RedPaletteColorLookupTableData": st.just(bytes(6000)),
    },
)  # fmt: skip


def made(elements, items=(), **how):
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    if items:
        dataset.RequestAttributesSequence = [made(item, **how) for item in items]
        dataset["RequestAttributesSequence"].is_undefined_length = how.get("is_open", False)
        for item in dataset.RequestAttributesSequence:
            item.is_undefined_length_sequence_item = how.get("is_open", False)
    return dataset


def written(dataset):
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, implicit_vr=False, little_endian=True)
    return file.getvalue()


@given(ELEMENTS, st.lists(ELEMENTS, max_size=3), st.booleans())
def test_it_reads_what_pydicom_reads(elements, items, is_open):
    data = written(made(elements, items, is_open=is_open))
    body, end = plain_model(data, 0, is_whole=True)
    assert end == len(data)
    expected = json_model(pydicom.dcmread(io.BytesIO(data), force=True))
    assert list(body.items()) == list(expected.items())


@pytest.fixture(scope="module")
def image():
    return factories.make_dicom("plain")


def test_an_image_is_read_to_its_pixels(image):
    syntax, start = transfer_syntax(image)
    assert syntax == ExplicitVRLittleEndian
    body, place = plain_model(image, start, is_whole=True)
    assert image[place : place + 4] == b"\xe0\x7f\x10\x00"
    dataset = pydicom.dcmread(io.BytesIO(image), stop_before_pixels=True)
    assert body == json_model(dataset)


def test_every_cut_before_the_pixels_is_left_to_pydicom(image):
    _, start = transfer_syntax(image)
    _, pixels = plain_model(image, start, is_whole=True)
    for cut in range(pixels):
        with pytest.raises(NotPlain):
            plain_model(image[:cut], transfer_syntax(image[:cut])[1], is_whole=False)


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("text that is not ASCII", b"\x10\x00\x10\x00PN\x04\x00M\xfcll"),
        ("an escape sequence", b"\x10\x00\x10\x00PN\x04\x00\x1b$B1"),
        ("an unknown representation", b"\x10\x00\x10\x00ZZ\x02\x00ab"),
        ("an implicit element", b"\x10\x00\x10\x00\x02\x00\x00\x00ab"),
        ("a value of type UN", b"\x11\x00\x10\x10UN\x00\x00\x02\x00\x00\x00ab"),
        ("a length beyond the end", b"\x10\x00\x10\x00PN\xff\x00ab"),
        ("binary of undefined length", b"\x42\x00\x11\x00OB\x00\x00\xff\xff\xff\xff"),
        ("the same element twice", b"\x10\x00\x20\x00LO\x02\x00ab" * 2),
        ("Japanese characters", b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 13 "),
        ("a sequence that never ends", b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff"),
        ("an item that is none", b"\x40\x00\x75\x02SQ\x00\x00\x08\x00\x00\x00\x10\x00\x10\x00\x00\x00\x00\x00"),
        ("two bytes for four", b"\x28\x00\x10\x00UL\x02\x00ab"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_pydicom(what, data):
    with pytest.raises(NotPlain):
        plain_model(data, 0, is_whole=True)


def test_deep_sequences_are_left_to_pydicom():
    opening = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(NotPlain):
        plain_model(opening * 200, 0, is_whole=True)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, "1.2.3.4", ""],
)
def test_syntaxes_with_other_bytes_are_left_to_pydicom(syntax):
    with pytest.raises(NotPlain):
        plain_syntax(syntax)


def test_a_compressed_syntax_has_plain_attributes():
    assert plain_syntax(JPEG2000) == JPEG2000


def filled(beginning, unit):
    return beginning + unit * ((HEAD_BYTES - len(beginning)) // len(unit))


@pytest.mark.parametrize(
    ("what", "unit"),
    [
        ("empty elements", b"\x10\x00\x10\x00PN\x00\x00"),
        ("one number of many digits", b"9"),
        ("many numbers", b"1\\"),
        ("sequences in sequences", b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"),
        ("empty items", b"\xfe\xff\x00\xe0\x00\x00\x00\x00"),
        ("zeroes", b"\0"),
    ],
)  # fmt: skip
def test_the_web_process_reads_the_worst_beginning_in_no_time(image, what, unit):
    """It may do so without the sandbox because nothing in 64 KiB takes long, or much memory."""
    _, start = transfer_syntax(image)
    opening = {
        "one number of many digits": b"\x28\x00\x52\x10DS\xfe\xff",
        "many numbers": b"\x28\x00\x52\x10DS\xfe\xff",
        "empty items": b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff",
    }.get(what, b"")
    head = filled(image[:start] + opening, unit)
    tracemalloc.start()
    began = time.process_time()
    parse_head(head)
    parse_head(head[:-1])
    took = time.process_time() - began
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 2, "milliseconds, on a busy machine and under a profiler"
    assert most < 64 * 2**20
