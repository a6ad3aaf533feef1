"""What the reader sees equals what pydicom decodes, in every transfer syntax we have files of."""

import base64
import io
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from PIL import Image, ImageFilter
from pydicom.pixels import apply_color_lut, apply_rescale
from pydicom.pixels.utils import pixel_array

from annotation.archive.models import SeriesPreparation
from annotation.archive.services import preparation
from annotation.core.jobs import JobState
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.imaging import conversion
from annotation.imaging.normalization import RETIRED_JPEG
from annotation.imaging.rendered import Rendering, grey_or_colour
from tests import factories
from tests.e2e.rooms import make_case, reading

SHARED = Path(__file__).parents[4] / "shared" / "data" / "dicom"
REAL = [
    "**/*CT1_J2KI.dcm", "**/*MR1_JLSN.dcm", "**/*CT1_JPLL.dcm", "**/*CT1_RLE.dcm",
    "**/*MR1_JPLY.dcm", "**/*VL1_J2KR.dcm", "**/*VL1_RLE.dcm", "**/*US-YBR_FULL_422-EVRLE.dcm",
    "**/*SC_rgb_rle_16bit_2frame.dcm", "**/*BigEndianExplicit*.dcm", "**/*DeflatedExplicit*.dcm",
    "**/*JPEGProcess1TransferSyntax*.50.dcm", "**/*LittleEndianImplicit*.dcm",
    "**/*OBXXXX1A_rle.dcm", "**/*gdcm-US-ALOKA-16.dcm", "**/*JPEGLSLossless*.80.dcm",
    "**/*Process14Transfer*.57.dcm", "**/*JPEG2000LosslessOnly*.90.dcm", "**/*HTJ2K_08_RGB.dcm",
    "**/*JPEGProcess6_8*.53.dcm", "**/*JPEGProcess10_12*.55.dcm", "**/*emri_small_RLE.dcm",
]  # fmt: skip
#: Of these the prepared frames are looked at, too: grey with and without a sign, colours of all kinds, many frames.
PREPARED = [
    "own", "CT1_J2KI", "CT1_RLE", "MR1_JPLY", "VL1_RLE", "SC_rgb_rle_16bit", "OBXXXX1A", "ALOKA-16",
    "HTJ2K_08_RGB", "BigEndian", "emri_small",
]  # fmt: skip
SAMPLES = 48  # the picture is compared at this many points a side
#: Of lossy syntaxes two decoders may differ by their rounding; of colour also by how its halves are spread.
LOSSY = {
    "CT1_J2KI": 1, "JPEGProcess1": 2, "JPEGProcess6": 1e-4, "MR1_JPLY": 2, "VL1_J2KR": 0,
    "US-YBR_FULL_422": 2, "HTJ2K_08_RGB": 1,
}  # fmt: skip
VALUES = """() => {
  const w = document.querySelector('[data-testid=panes]').workstation
  const image = w.engine.getViewport(w.views()[0].viewportId).getCornerstoneImage()
  const bytes = new Uint8Array(Float32Array.from(image.getPixelData()).buffer)
  let text = ''
  for (let at = 0; at < bytes.length; at += 2 ** 15)
    text += String.fromCharCode(...bytes.subarray(at, at + 2 ** 15))
  const isScaled = image.preScale?.scaled === true
  return { isScaled, rows: image.rows, columns: image.columns, values: btoa(text) }
}"""
CANVAS = """() => {
  const canvas = document.querySelector('canvas.cornerstone-canvas')
  return canvas.toDataURL('image/png')
}"""


def files():
    """Real files where they are present, and always one of our own."""
    found = {"own": factories.make_dicom("own", has_nodule=True)}
    found["own HTJ2K"] = as_htj2k(found["own"])
    found["own eighths"] = in_eighths(found["own"])
    for pattern in REAL:
        for path in sorted(SHARED.glob(pattern))[:1]:
            found[path.name] = path.read_bytes()
    return found


def as_htj2k(data):
    dataset = pydicom.dcmread(io.BytesIO(data))
    frame = bytes(imagecodecs.htj2k_encode(dataset.pixel_array, reversible=True))
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def in_eighths(data):
    """From 0 to 1: both ends are whole numbers, what lies between them is not."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    grey = np.linspace(0, 8, dataset.pixel_array.size).reshape(dataset.pixel_array.shape)
    dataset.PixelData = grey.astype(dataset.pixel_array.dtype).tobytes()
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "0.125", "0", "US"
    for keyword in ("WindowCenter", "WindowWidth"):  # those of the radiograph
        dataset.pop(keyword, None)
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def of_one_study(name, data):
    """The file as a series of its own in a study that all share; pixels and syntax stay as they were."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.PatientID = "every syntax"
    dataset.StudyInstanceUID = conversion.derived_uid("syntaxes", "study")
    dataset.SeriesInstanceUID = conversion.derived_uid("syntaxes", name)
    dataset.SOPInstanceUID = conversion.derived_uid("syntaxes", name, "instance")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def prepare():
    SeriesPreparation.objects.update(changed_at="2020-01-01T00:00:00Z")
    preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)
    assert not SeriesPreparation.objects.exclude(state=JobState.COMPLETED).exists()


def test_the_screen_shows_what_pydicom_decodes_stored_and_prepared(live_cast, tmp_path):
    known = {name: of_one_study(name, data) for name, data in files().items()}
    project = make_case(live_cast, "every syntax", known.values())
    wrong = wrong_on_screen(live_cast, project, known, tmp_path)
    assert wrong == {}, f"as stored: {wrong}"
    prepare()
    again = {name: known[name] for name in known if any(part in name for part in PREPARED)}
    wrong = wrong_on_screen(live_cast, project, again, tmp_path)
    assert wrong == {}, f"prepared: {wrong}"


def wrong_on_screen(cast, project, known, tmp_path):
    """By name of the file what a new browser shows differently: its middle and its last image."""
    wrong = {}
    with reading(cast) as enter:
        room = enter(project)
        shown = room.do("return w.state.panes[0].study.series.map((s) => s.series_instance_uid)")
        places = [shown.index(conversion.derived_uid("syntaxes", name)) for name in known]
        for place, (name, data) in zip(places, known.items(), strict=True):
            room.show(0, place)
            room.until(f"p.status === 'shown' && p.series === p.study.series[{place}]")
            path = tmp_path / "file.dcm"
            path.write_bytes(data)
            frames = [look(room)]
            if room.pane()["slices"] > 1:
                room.do("await w.goTo(w.state.panes[0].slices)")
                room.until("p.status === 'shown' && p.slice === p.slices")
                frames.append(look(room))
            for number, values, picture in frames:
                apart = difference(values, path, number)
                if apart > tolerance(name):
                    wrong[name, number, "values"] = apart
                likeness = compare(picture, path, number)
                if likeness < 0.97:
                    wrong[name, number, "likeness"] = likeness
    return wrong


def look(room):
    """The number of the frame that is shown, its values and its picture."""
    room.settle()
    return room.pane()["place"]["frame"], room.page.evaluate(VALUES), screen(room.page)


def difference(shown, path, number):
    """The largest difference between what the viewer holds and what pydicom decodes of a frame."""
    dataset, expected = decoded(path, number)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        expected = apply_color_lut(expected, dataset)
    if shown["isScaled"]:
        expected = apply_rescale(expected, dataset)
    pixels = shown["rows"] * shown["columns"]
    if expected.ndim == 3 and expected.dtype.itemsize > 1:  # colour is shown in 8 bits
        expected = expected >> (8 * expected.dtype.itemsize - 8)
    values = np.frombuffer(base64.b64decode(shown["values"]), np.float32).reshape(pixels, -1)
    expected = np.asarray(expected, np.float64).reshape(pixels, -1)
    return float(np.abs(values[:, : expected.shape[1]] - expected).max())


def decoded(path, number):
    """By pydicom, but for retired kinds of JPEG, which it does not know."""
    dataset = pydicom.dcmread(path)
    if dataset.file_meta.TransferSyntaxUID not in RETIRED_JPEG:
        return dataset, pixel_array(dataset, index=number - 1)
    return dataset, imagecodecs.jpeg8_decode(pydicom.encaps.get_frame(dataset.PixelData, 0))


def tolerance(name):
    return max([most for part, most in LOSSY.items() if part in name], default=0)


def screen(page):
    """The canvas as (rows, columns, 3)."""
    raw = base64.b64decode(page.evaluate(CANVAS).split(",")[1])
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"), np.float32)


def compare(shown, path, number):
    """Correlation of the screen with the decoded frame, whatever the window."""
    expected = grey_or_colour(path, number, Rendering())
    expected = np.stack([expected] * 3, axis=2) if expected.ndim == 2 else expected[..., :3]
    rows, columns = expected.shape[:2]
    height, width = shown.shape[:2]
    scale = min(width / columns, height / rows)
    size = round(columns * scale), round(rows * scale)
    scaled = Image.fromarray(expected).resize(size, Image.Resampling.BILINEAR)
    x, y = ((np.arange(SAMPLES) + 0.5) / SAMPLES * side for side in size)
    in_file = blurred(np.asarray(scaled))[np.ix_(y.astype(int), x.astype(int))]
    left, top = (width - size[0]) / 2, (height - size[1]) / 2
    on_screen = blurred(shown)[np.ix_((y + top).astype(int), (x + left).astype(int))]
    return float(np.corrcoef(on_screen.ravel(), in_file.ravel())[0, 1])


def blurred(picture):
    """Both are sampled at points: a little blur makes those comparable."""
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.BoxBlur(3)), np.float32)
