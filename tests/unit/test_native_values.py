"""The values that networks and exports get of a file are those that its picture is made of."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless, generate_uid

from annotation.archive.stacks import Frame, Stack, image_type, modality_values
from annotation.imaging import rendered
from annotation.imaging.frames import FrameIndex, PixelDescription, index_frames
from annotation.imaging.sandbox import SandboxFailure
from learning.exclusions import words_of
from learning.training.preparation import UnusableInput
from learning.volumes import as_unusable

SIDE = 8
RAMP = np.arange(SIDE * SIDE, dtype="<u2").reshape(SIDE, SIDE) * 40


def written(path, pixels, *, stored=None, sign=0, **attributes):
    """An uncompressed grey file of one frame; floats are FloatPixelData."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    if pixels.dtype.kind == "f":
        dataset.FloatPixelData = pixels.tobytes()
    else:
        dataset.BitsStored = stored or dataset.BitsAllocated
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, sign
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW"
    dataset.update(attributes)
    dataset.save_as(path, enforce_file_format=True)
    return stack_of(path)


def stack_of(path):
    """The stack of the only frame, as the archive has it."""
    with path.open("rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        is_native = dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        pixels = PixelDescription(
            rows=dataset.Rows, columns=dataset.Columns, samples=1,
            bits_allocated=dataset.BitsAllocated, photometric="", number_of_frames=1,
            is_implicit=False, is_encapsulated=False,
        )  # fmt: skip
        index = FrameIndex.decoded(1)
        if is_native:
            index = index_frames(file, path.stat().st_size, pixels)
    instance = SimpleNamespace(
        pk=1, path=path, dicom_json=dataset.to_json_dict(), frames=index, sop_instance_uid="1"
    )
    return Stack((Frame(instance, 1, None),), dataset.Rows, dataset.Columns, None)


def lut():
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [2521, 0, 16], "US"
    item.add_new("LUTData", "OW", (np.arange(2521, dtype="<u2") * 20 + 7).tobytes())
    return Sequence([item])


def without_sign():
    """-1000 and 50 in 12 bits of 16, the bits above left empty."""
    return np.where(RAMP > 1000, 50, -1000 & 0xFFF).astype("<u2")


FILES = {
    "overlay in the upper bits": (lambda: RAMP | 0x8000, {"stored": 12}, 2520, np.int16),
    "no sign above the stored bits": (without_sign, {"stored": 12, "sign": 1}, 50, np.int16),
    "floats": (lambda: np.linspace(-2, 3, 64, dtype="<f4").reshape(8, 8), {}, 3, np.float32),
    "32 bits": (lambda: RAMP.astype("<u4") << 12, {"stored": 31}, 2520 << 12, np.int32),
    "a Modality LUT": (lambda: RAMP, {"ModalityLUTSequence": lut}, 50_407, np.int32),
    "rescaled": (lambda: RAMP, {"stored": 12, "RescaleSlope": 2, "RescaleIntercept": -1024},
                 4016, np.int16),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_values_are_those_of_the_picture(tmp_path, name):
    pixels, described, highest, kind = FILES[name]
    described = {key: value() if callable(value) else value for key, value in described.items()}
    path = tmp_path / "a.dcm"
    stack = written(path, pixels(), **described)
    [found] = modality_values(stack)
    expected = rendered.modality_values(*rendered.decode(path, 1))
    np.testing.assert_array_equal(found, expected)
    assert (found.max(), image_type(stack)) == (highest, kind)
    np.testing.assert_array_equal(found.astype(kind), found)


def test_values_of_a_compressed_file_are_those_of_the_picture(tmp_path):
    path = tmp_path / "a.dcm"
    written(path, RAMP | 0x8000, stored=12)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path)
    [found] = modality_values(stack_of(path))
    np.testing.assert_array_equal(found, RAMP)


@pytest.mark.parametrize("missing", [1, SIDE * 2], ids=["half a value", "a row"])
def test_a_file_that_was_cut_short_says_so_in_words_of_its_own(tmp_path, missing):
    path = tmp_path / "a.dcm"
    stack = written(path, RAMP)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(UnusableInput) as refused, as_unusable():
        next(modality_values(stack))
    assert words_of(str(refused.value)) == {"code": "misfit"}


def test_a_compressed_picture_of_another_size_than_its_header_says_so(tmp_path):
    path = tmp_path / "a.dcm"
    written(path, RAMP)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path)
    with pytest.raises(ValueError, match="the pixels are not as many"):
        next(modality_values(replace(stack_of(path), rows=SIDE + 1)))


def test_numbers_of_colours_are_no_values(tmp_path):
    path = tmp_path / "a.dcm"
    stack = written(path, RAMP.astype("u1"), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(SandboxFailure, match="the images are in colour"):
        next(modality_values(stack))


def test_networks_see_the_colours_of_a_palette_and_not_their_numbers(tmp_path):
    rng = np.random.default_rng(4)
    colours = rng.integers(0, 256, (256, 3))  # in no order
    numbers = rng.integers(0, 256, (SIDE, SIDE)).astype("u1")
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, values in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        table = f"{name}PaletteColorLookupTable"
        palette |= {
            f"{table}Descriptor": [256, 0, 16],
            f"{table}Data": (values * 257).astype("<u2").tobytes(),
        }
    rgb = {
        "PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0,
        "PixelData": colours[numbers].astype("u1").tobytes(),
    }  # fmt: skip
    seen = []
    for attributes in (palette, rgb):
        written(tmp_path / "a.dcm", numbers, **attributes)
        seen.append(rendered.model_input(tmp_path / "a.dcm", 1, SIDE))
    np.testing.assert_allclose(*seen, atol=1e-4)
