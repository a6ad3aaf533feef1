"""Pixels and geometry against pydicom and against hand-made truth."""

import io
import json
import os
import signal
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from annotation.imaging import conversion, masks, parsing, rendered, sandbox, synthesis, windowing
from annotation.imaging.frames import FrameIndex, read_frame
from annotation.imaging.volume import NotAVolume, SlicePlace, order_slices
from tests import factories

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAMPLES = ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "693_J2KI.dcm"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_frame_index_points_at_exactly_the_bytes_that_pydicom_finds(name, tmp_path):
    path = get_testdata_file(name)
    parsed = parsing.parse(_path(path))
    index = FrameIndex.from_json(json.loads(json.dumps(parsed.frame_index)))
    dataset = pydicom.dcmread(path)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        count = int(dataset.get("NumberOfFrames", 1))
        frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=count))
    else:
        frames = [dataset.PixelData[: index.length]]
    assert [read_frame(_path(path), index, n + 1) for n in range(len(frames))] == frames


def test_parsed_metadata_equals_pydicoms_own_json_model():
    path = get_testdata_file("CT_small.dcm")
    expected = pydicom.dcmread(path, stop_before_pixels=True).to_json_dict()
    expected["00080005"]["Value"] = ["ISO_IR 192"]  # JSON is UTF-8, whatever the file was
    assert parsing.parse(_path(path)).dicom_json == expected


def test_palettes_stay_with_the_metadata_and_other_large_values_become_bulk_data(tmp_path):
    def colour(dataset):
        dataset.add_new("RedPaletteColorLookupTableData", "OW", bytes(131_072))
        dataset.add_new(0x00091010, "OB", bytes(10_000))

    body = parsing.parse(_changed(tmp_path, colour)).dicom_json
    assert len(body["00281201"]["InlineBinary"]) > 131_072
    assert body["00091010"] == {"vr": "OB", "BulkDataURI": "bulkdata/00091010"}


def test_a_file_that_is_no_dicom_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "x.dcm"
    path.write_bytes(b"hello")
    with pytest.raises(parsing.UnreadableDicom, match="no DICM prefix"):
        parsing.parse(path)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_a_missing_identifier_is_named(keyword, tmp_path):
    with pytest.raises(parsing.UnreadableDicom, match=keyword):
        parsing.parse(_changed(tmp_path, lambda d: delattr(d, keyword)))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_beginning_of_a_file_tells_what_the_whole_does_or_nothing(name, tmp_path):
    whole = _path(get_testdata_file(name)).read_bytes()[: parsing.HEAD_BYTES - 1]
    told = 0
    for size in sorted({*range(0, len(whole), 997), len(whole)}):
        path = tmp_path / str(size)
        path.write_bytes(whole[:size])
        found = parsing.parse_head(whole[:size])
        told += found is not None
        assert found is None or found == (parsing.parse(path), size)
    is_plain = name in ("CT_small.dcm", "MR_small.dcm")
    assert bool(told) == is_plain, "only uncompressed pixels can be foreseen"


def test_the_beginning_of_a_long_file_tells_how_long_it_must_be(tmp_path):
    whole = factories.make_dicom("long", side=1024)
    path = tmp_path / "long.dcm"
    path.write_bytes(whole)
    head = whole[: parsing.HEAD_BYTES]
    assert parsing.parse_head(head) == (parsing.parse(path), len(whole))


def test_pixel_data_shorter_than_declared_is_refused(tmp_path):
    path = tmp_path / "short.dcm"
    path.write_bytes(factories.make_dicom("short")[:-100])
    with pytest.raises(parsing.UnreadableDicom, match="PixelData declares"):
        parsing.parse(path)


def test_more_frames_declared_than_present_is_refused(tmp_path):
    def claim_500(dataset):
        dataset.NumberOfFrames = 500

    with pytest.raises(parsing.UnreadableDicom, match="500 frame"):
        parsing.parse(_changed(tmp_path, claim_500))


def test_an_unusable_rescale_slope_is_kept_but_never_rendered(tmp_path):
    def poison(dataset):
        dataset.add_new("RescaleSlope", "LO", "nan")

    assert (
        parsing.parse(_changed(tmp_path, poison)).unrenderable_reason
        == "RescaleSlope is not a number"
    )


def test_a_deflate_bomb_is_stopped_before_it_takes_memory(tmp_path):
    import zlib

    head = factories.make_dicom("bomb")
    dataset = pydicom.dcmread(io.BytesIO(head))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    meta = io.BytesIO()
    pydicom.filewriter.write_file_meta_info(meta, dataset.file_meta, enforce_standard=True)
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = b"".join(squeezer.compress(bytes(2**20)) for _ in range(700)) + squeezer.flush()
    path = tmp_path / "bomb.dcm"
    path.write_bytes(bytes(128) + b"DICM" + meta.getvalue() + body)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(sandbox.SandboxFailure, match="inflates to more than"):
        sandbox.run("parse", path=str(path))


@pytest.mark.parametrize("function", ["native_frame", "grey_values", "model_input"])
def test_a_file_that_is_not_there_is_told_apart_from_a_damaged_one(tmp_path, function):
    side = {"side": 8} if function == "model_input" else {}
    with pytest.raises(sandbox.SandboxFailure) as refused:
        sandbox.run(function, path=str(tmp_path / "away.dcm"), frame=1, **side)
    assert refused.value.reason == "a stored file is not on this machine"  # and not where it lay


def test_the_sandbox_survives_a_child_that_is_killed(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(factories.make_dicom("sandbox"))
    sandbox.run("parse", path=str(path))
    child = sandbox._idle.get_nowait()
    child.process.kill()
    child.process.wait()
    sandbox._idle.put(child)
    parsed, _ = sandbox.run("parse", path=str(path))
    assert parsed["rows"] == 64


def test_in_a_worker_the_sandbox_lets_everybody_else_go_first(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_PROCESS", "worker")
    path = tmp_path / "a.dcm"
    path.write_bytes(factories.make_dicom("nice"))
    child = sandbox.Child()
    try:
        child.call("parse", {"path": str(path)}, timeout_s=30)
        pid = child.process.pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == sandbox.LEAST_PRIORITY
        assert os.getsid(pid) == pid
        group = Path(f"/proc/{pid}/autogroup")
        assert not group.exists() or group.read_text().rstrip().endswith("nice 19")
    finally:
        child.close()


def test_the_sandbox_stops_work_that_takes_too_long(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(factories.make_dicom("slow"))
    sandbox.run("parse", path=str(path))
    child = sandbox._idle.get_nowait()
    child.process.send_signal(signal.SIGSTOP)  # hangs for ever
    sandbox._idle.put(child)
    while sandbox._idle.qsize() > 1:
        sandbox._idle.get_nowait().close()
    with pytest.raises(sandbox.SandboxFailure, match="took longer"):
        sandbox.run("parse", timeout_s=0.3, path=str(path))
    assert child.process.poll() is not None


@pytest.mark.parametrize("end", [signal.SIGCONT, signal.SIGKILL])
def test_a_child_that_waited_or_died_is_no_fault_of_its_file(tmp_path, end):
    path = tmp_path / "a.dcm"
    path.write_bytes(factories.make_dicom("innocent"))
    sandbox.run("parse", path=str(path))
    child = sandbox._idle.get_nowait()
    child.process.send_signal(signal.SIGSTOP)  # as where others have the processor
    sandbox._idle.put(child)
    while sandbox._idle.qsize() > 1:
        sandbox._idle.get_nowait().close()
    limit_s = 3.0  # of a processor: what starts a second child on a slow machine
    later = threading.Timer(1.5 * limit_s, child.process.send_signal, [end])
    later.start()
    try:
        parsed, _ = sandbox.run("parse", timeout_s=limit_s, path=str(path))
    finally:
        later.join()
    assert parsed["rows"] == 64


def test_the_linear_window_follows_the_standard():
    values = np.array([-200, -160, 40, 239, 400], np.float32)
    shown = windowing.window_linear(values, 40, 400)
    # PS3.3 C.11.2.1.2.1: below c-0.5-(w-1)/2 black, above c-0.5+(w-1)/2 white, linear between.
    np.testing.assert_allclose(shown, [0, 0, 0.5012531, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (pydicom.uid.JPEGLSLossless, imagecodecs.jpegls_encode),
        (
            pydicom.uid.HTJ2KLossless,
            lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True),
        ),
        (
            pydicom.uid.JPEGLosslessSV1,
            lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=12),
        ),
    ],
    ids=["JPEG-LS", "HTJ2K", "JPEG lossless"],
)
def test_compressed_frames_decode_to_the_pixels_that_were_encoded(syntax, encode, tmp_path):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("codec")))
    expected = dataset.pixel_array.copy()
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(encode(expected))])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.BitsStored, dataset.HighBit = 12, 11
    path = tmp_path / "compressed.dcm"
    dataset.save_as(path)
    assert parsing.parse(path).frame_index["kind"] == "encapsulated"
    np.testing.assert_array_equal(rendered.decode(path, 1)[1], expected)


def test_colours_of_lossy_htj2k_stay_in_their_range(tmp_path):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("colours")))
    colours = np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (64, 64, 3))
    frame = imagecodecs.htj2k_encode(colours, reversible=False, rgb=True)
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(frame)])
    dataset["PixelData"].VR = "OB"
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2K
    path = tmp_path / "lossy.dcm"
    dataset.save_as(path)
    assert np.abs(rendered.decode(path, 1)[1].astype(int) - colours).max() < 10


def test_monochrome1_is_shown_inverted(tmp_path):
    plain = rendered.grey_or_colour(_changed(tmp_path, lambda d: None), 1, rendered.Rendering())

    def invert(dataset):
        dataset.PhotometricInterpretation = "MONOCHROME1"

    inverted = rendered.grey_or_colour(_changed(tmp_path, invert), 1, rendered.Rendering())
    assert np.abs(plain.astype(int) + inverted - 255).max() <= 1


def test_slices_sort_along_the_normal_whatever_their_numbers_say():
    places = [SlicePlace(str(z), (0, 0, float(z)), AXIAL, -z) for z in (5, 1, 3, 2, 4)]
    order = order_slices(places)
    assert (order.keys, order.not_a_volume) == (["1", "2", "3", "4", "5"], None)


@pytest.mark.parametrize(
    ("positions", "why"),
    [
        ([(0, 0, 0), (0, 0, 1)], NotAVolume.TOO_FEW_SLICES),
        ([(0, 0, 0), (0, 0, 1), (0, 0, 1)], NotAVolume.SAME_PLACE),
        ([(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 5)], NotAVolume.VARYING_SPACING),
        ([(0, 0, 0), (0, 2, 1), (0, 4, 2), (0, 6, 3)], NotAVolume.TILTED_GANTRY),
    ],
)
def test_what_is_no_volume_says_why(positions, why):
    places = [SlicePlace(str(i), p, AXIAL, i) for i, p in enumerate(positions)]
    assert order_slices(places).not_a_volume == why


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_label_map_survives_compression(z, y, x, random):
    labels = np.array([random.randrange(256) for _ in range(z * y * x)], np.uint8).reshape(z, y, x)
    np.testing.assert_array_equal(masks.decompress(masks.compress(labels)), labels)


def test_a_label_map_that_lies_about_its_size_is_refused():
    data = bytearray(masks.compress(np.zeros((2, 2, 2), np.uint8)))
    data[8] = 200
    with pytest.raises(masks.DamagedMask, match="declared"):
        masks.decompress(bytes(data))


def test_conversion_is_deterministic_and_keeps_every_pixel():
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    subject = conversion.Subject(patient_id="P", sex="M", age_years=44, view="PA")
    data = conversion.radiograph(pixels, subject, "key")
    assert data == conversion.radiograph(pixels, subject, "key")
    dataset = pydicom.dcmread(io.BytesIO(data))
    np.testing.assert_array_equal(dataset.pixel_array, pixels)
    assert (dataset.PatientAge, dataset.ViewPosition) == ("044Y", "PA")


def test_a_converted_volume_keeps_its_place_in_the_patient():
    voxels = np.zeros((3, 4, 5), np.int16)
    affine = np.array([[0, -2, 0, 10], [1.5, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]], float)
    files = conversion.volume_series(voxels, affine, conversion.Subject("P"), "v", "MR")
    last = pydicom.dcmread(io.BytesIO(list(files)[-1]))
    assert last.ImagePositionPatient == [10, 20, 38]
    assert last.ImageOrientationPatient == [0, 1, 0, -1, 0, 0]
    assert (last.PixelSpacing, last.SliceThickness) == ([2, 1.5], 4)


def test_a_nodule_brightens_the_radiograph_where_the_truth_says():
    rng = np.random.default_rng(3)
    with_nodule, nodule = synthesis.chest_radiograph(rng, has_nodule=True, side=256)
    without, _ = synthesis.chest_radiograph(np.random.default_rng(3), has_nodule=False, side=256)
    assert nodule is not None
    row, column = int(nodule.row), int(nodule.column)
    around = np.s_[row - 3 : row + 4, column - 3 : column + 4]
    assert with_nodule[around].mean() > without[around].mean() + 100


def test_phantom_lesions_stand_out_and_are_labeled():
    voxels, labels, lesions = synthesis.ct_phantom(np.random.default_rng(1), lesion_count=2)
    assert len(lesions) == 2
    assert voxels[labels == 1].mean() > -400 > voxels[voxels < -700].mean()


def test_a_bar_ends_where_its_values_are_half_way():
    bar, ends = synthesis.bar_phantom(direction=(0, 0, 1), spacing_mm=(2.0, 0.5, 0.8))
    z, y, x = (np.array(bar.shape) - 1) // 2
    line = bar[z, y].astype(float)
    first, last = (np.interp(0, line[side], np.arange(bar.shape[2])[side])
                   for side in (np.s_[:x], np.s_[:x:-1]))  # fmt: skip
    assert ends[:, 2] == pytest.approx([first, last], abs=0.01)
    assert (last - first) * 0.8 == pytest.approx(50, abs=0.01)
    turned, ends = synthesis.bar_phantom(direction=(1, 0, 1), spacing_mm=(2.0, 0.5, 0.8))
    assert np.linalg.norm((ends[1] - ends[0]) * (2.0, 0.5, 0.8)) == pytest.approx(50)
    # The bar is as long whichever way it lies: so is what it holds.
    volumes = [float((image + 1000.0).sum()) for image in (bar, turned)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.02)


def test_model_input_is_square_standardised_and_refuses_a_constant_image(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(factories.make_dicom("input"))
    image = rendered.model_input(path, 1, 32)
    assert image.shape == (32, 32)
    assert abs(float(image.mean())) < 1e-3
    flat = conversion.radiograph(np.full((9, 9), 7, np.uint8), conversion.Subject("P"), "flat")
    path.write_bytes(flat)
    with pytest.raises(rendered.NotRenderable, match="constant"):
        rendered.model_input(path, 1, 32)


def _path(name):
    from pathlib import Path

    return Path(str(name))


def _changed(folder, change):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("changed")))
    change(dataset)
    path = folder / "changed.dcm"
    dataset.save_as(path)
    return path
