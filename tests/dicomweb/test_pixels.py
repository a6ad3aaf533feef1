"""Frames mean what the metadata says of them: colours, planes, bits, byte order, deflation."""

import io

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless, RLELossless

from annotation.archive.models import PreparedFrames
from annotation.archive.services import preparation
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.imaging.normalization import RETIRED_JPEG
from tests import factories
from tests.dicomweb import hostile
from tests.dicomweb.wire import content, place_of, read

LE = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
BROWSER = "image/jphc; transfer-syntax=*, application/octet-stream; transfer-syntax=*; q=0.9"
COLOURS = np.random.default_rng(3).integers(0, 256, (16, 24, 3), np.uint8)


def written(dataset):
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def big_endian(dataset):
    """pydicom converts the order of bytes only for who insists."""
    out = io.BytesIO()
    dcmwrite(out, dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    return out.getvalue()


def colour(photometric, planes, syntax=None):
    """COLOURS in an object that calls them `photometric`, by pixel (0) or by plane (1)."""
    dataset = read(factories.make_dicom(photometric))
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 16, 24, 3
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = photometric, planes
    dataset.PixelData = (np.moveaxis(COLOURS, 2, 0) if planes else COLOURS).tobytes()
    dataset["PixelData"].VR = "OB"
    if syntax is not None:
        dataset.PlanarConfiguration, dataset.PixelData = 0, COLOURS.tobytes()
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.PlanarConfiguration = planes
    return written(dataset)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planes", [0, 1])
@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_colour_comes_as_the_metadata_describes_it(here, photometric, planes, syntax):
    data = colour(photometric, planes, syntax)
    here.store(data)
    frame = content(here.get(f"{place_of(read(data))}/frames/1", LE))
    expected = np.moveaxis(COLOURS, 2, 0) if planes else COLOURS
    assert frame == expected.tobytes()
    encoded = content(here.get(f"{place_of(read(data))}/frames/1", "image/jphc"))
    np.testing.assert_array_equal(imagecodecs.htj2k_decode(encoded), COLOURS)


@pytest.mark.parametrize(
    ("photometric", "planes", "is_prepared"),
    [("RGB", 0, True), ("RGB", 1, False), ("YBR_FULL", 0, False), ("YBR_FULL", 1, False)],
)
def test_colour_that_a_browser_would_convert_again_is_not_prepared(
    here, monkeypatch, photometric, planes, is_prepared
):
    monkeypatch.setattr(preparation, "QUIET_S", 0)
    here.store(colour(photometric, planes))
    preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)
    assert bool(PreparedFrames.objects.get().sha256) is is_prepared


@pytest.mark.parametrize(("kind", "planes"), [(np.uint16, 0), (np.uint16, 1), (np.uint32, 0)])
def test_a_browser_gets_the_upper_8_bits_of_deep_colour_before_and_after_it_is_prepared(
    here, monkeypatch, kind, planes
):
    dataset = read(colour("RGB", planes))
    bits = 8 * np.dtype(kind).itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    deep = (COLOURS.astype(kind) << (bits - 8)) + 100
    dataset.PixelData = (np.moveaxis(deep, 2, 0) if planes else deep).astype(kind).tobytes()
    dataset["PixelData"].VR = "OW"
    here.store(written(dataset))
    place = f"{place_of(dataset)}/frames/1"
    before = here.get(place, BROWSER)
    assert before["Content-Type"] == "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.203"
    np.testing.assert_array_equal(imagecodecs.htj2k_decode(content(before)), COLOURS)
    monkeypatch.setattr(preparation, "QUIET_S", 0)
    preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)
    assert PreparedFrames.objects.get().sha256
    assert content(here.get(place, BROWSER)) == content(before)
    assert content(here.get(place, LE)) == dataset.PixelData


def test_retired_jpeg_is_decoded_for_a_browser_that_would_misread_it(here):
    dataset = read(factories.make_dicom("retired"))
    grey = np.linspace(0, 4095, 64 * 64).astype(np.uint16).reshape(64, 64)
    frame = imagecodecs.jpeg8_encode(grey, level=95, bitspersample=12)
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset["PixelData"].VR = "OB"
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.file_meta.TransferSyntaxUID = RETIRED_JPEG[0]
    here.store(written(dataset))
    answer = here.get(f"{place_of(dataset)}/frames/1", BROWSER)
    assert answer["Content-Type"] == LE
    shown = np.frombuffer(content(answer), "<u2").reshape(64, 64)
    np.testing.assert_array_equal(shown, imagecodecs.jpeg8_decode(frame))
    assert np.abs(shown.astype(int) - grey).max() < 40


def test_deflated_pixels_are_served_and_rendered(here):
    data = hostile.in_syntax("deflated", hostile.DEFLATED)
    here.store(data)
    place = place_of(read(data))
    assert content(here.get(f"{place}/frames/1", LE)) == read(data).PixelData
    assert here.get(f"{place}/rendered", "image/png").status_code == 200


def test_big_endian_pixels_are_turned_and_must_all_be_there(here):
    dataset = read(factories.make_dicom("big"))
    truth = dataset.PixelData
    dataset.PixelData = np.frombuffer(truth, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert list(dataset.iterall())  # parsed, so that the values are turned when they are written
    data = big_endian(dataset)
    dataset.PixelData = dataset.PixelData[:-100]
    short = big_endian(dataset)
    refused = here.store(short)
    assert refused.status_code == 409
    assert "PixelData holds" in content(refused).decode()
    assert here.store(data).status_code == 200
    place = place_of(dataset)
    assert content(here.get(f"{place}/frames/1", LE)) == truth
    assert read(content(here.get(place, "application/dicom"))).PixelData == truth


def test_pixels_of_one_bit_stay_packed_whatever_they_were_compressed_with(here):
    bits = np.random.default_rng(4).integers(0, 2, (2, 10, 10), np.uint8)
    dataset = read(factories.make_dicom("bits"))
    dataset.Rows = dataset.Columns = 10
    dataset.NumberOfFrames = 2
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    frames = [
        imagecodecs.jpeg2k_encode(f, level=0, codecformat="J2K", reversible=True, bitspersample=1)
        for f in bits
    ]
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    assert here.store(written(dataset)).status_code == 200
    back = read(content(here.get(place_of(dataset), "application/dicom")))
    assert back.PixelData == np.packbits(bits.ravel(), bitorder="little").tobytes() + b"\0"
    second = content(here.get(f"{place_of(dataset)}/frames/2", LE))
    assert second == np.packbits(bits[1].ravel(), bitorder="little").tobytes()
