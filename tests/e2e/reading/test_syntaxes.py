"""What the reader sees equals what pydicom decodes, in every transfer syntax we have files of."""

import base64
import io
from pathlib import Path

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
from annotation.imaging.rendered import Rendering, grey_or_colour
from tests import factories
from tests.e2e.rooms import make_case, reading

SHARED = Path(__file__).parents[4] / "shared" / "data" / "dicom"
REAL = [
    "**/*CT1_J2KI.dcm", "**/*MR1_JLSN.dcm", "**/*CT1_JPLL.dcm", "**/*CT1_RLE.dcm",
    "**/*MR1_JPLY.dcm", "**/*VL1_J2KR.dcm", "**/*VL1_RLE.dcm", "**/*US-YBR_FULL_422-EVRLE.dcm",
    "**/*SC_rgb_rle_16bit_2frame.dcm", "**/*BigEndianExplicit*.dcm", "**/*DeflatedExplicit*.dcm",
    "**/*JPEGProcess1TransferSyntax*.50.dcm", "**/*LittleEndianImplicit*.dcm",
    "**/*OBXXXX1A_rle.dcm", "**/*gdcm-US-ALOKA-16.dcm",
]  # fmt: skip
# Colour of 16 bits is shown too bright until its frames have been prepared in 8.
ONLY_WHEN_PREPARED = {"pydicom__SC_rgb_rle_16bit_2frame.dcm"}
SAMPLES = 48  # the picture is compared at this many points a side
#: Of lossy syntaxes two decoders may differ by their rounding; of colour also by how its halves are spread.
LOSSY = {"CT1_J2KI": 1, "JPEGProcess1": 2, "MR1_JPLY": 2, "VL1_J2KR": 0, "US-YBR_FULL_422": 2}
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
    for pattern in REAL:
        for path in sorted(SHARED.glob(pattern))[:1]:
            found[path.name] = path.read_bytes()
    return found


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
    wrong = wrong_on_screen(live_cast, project, known, tmp_path, leave_out=ONLY_WHEN_PREPARED)
    assert wrong == {}, "as stored"
    prepare()
    assert wrong_on_screen(live_cast, project, known, tmp_path) == {}, "prepared"


def wrong_on_screen(cast, project, known, tmp_path, leave_out=frozenset()):
    """By name of the file what a new browser shows differently."""
    wrong = {}
    with reading(cast) as enter:
        room = enter(project)
        shown = room.do("return w.state.panes[0].study.series.map((s) => s.series_instance_uid)")
        places = [shown.index(conversion.derived_uid("syntaxes", name)) for name in known]
        for place, (name, data) in zip(places, known.items(), strict=True):
            if name in leave_out:
                continue
            room.show(0, place)
            room.until(f"p.status === 'shown' && p.series === p.study.series[{place}]")
            room.settle()
            apart = difference(room.page.evaluate(VALUES), pydicom.dcmread(io.BytesIO(data)))
            if apart > tolerance(name):
                wrong[name] = f"values differ by {apart}"
            likeness = compare(screen(room.page), data, tmp_path)
            if likeness < 0.97:
                wrong[name] = f"the picture correlates by {likeness:.3f}"
    return wrong


def difference(shown, dataset):
    """The largest difference between what the viewer holds and what pydicom decodes."""
    expected = pixel_array(dataset, index=0)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        expected = apply_color_lut(expected, dataset)
    if shown["isScaled"]:
        expected = apply_rescale(expected, dataset)
    pixels = shown["rows"] * shown["columns"]
    if expected.ndim == 3 and expected.dtype.itemsize == 2:
        expected = expected >> 8  # colour is prepared in 8 bits
    values = np.frombuffer(base64.b64decode(shown["values"]), np.float32).reshape(pixels, -1)
    expected = np.asarray(expected, np.float64).reshape(pixels, -1)
    return float(np.abs(values[:, : expected.shape[1]] - expected).max())


def tolerance(name):
    return max([most for part, most in LOSSY.items() if part in name], default=0)


def screen(page):
    """The canvas as (rows, columns, 3)."""
    raw = base64.b64decode(page.evaluate(CANVAS).split(",")[1])
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"), np.float32)


def compare(shown, data, tmp_path):
    """Correlation of the screen with the decoded frame, whatever the window."""
    path = tmp_path / "file.dcm"
    path.write_bytes(data)
    expected = grey_or_colour(path, 1, Rendering())
    expected = np.stack([expected] * 3, axis=2) if expected.ndim == 2 else expected[..., :3]
    rows, columns = expected.shape[:2]
    height, width = shown.shape[:2]
    scale = min(width / columns, height / rows)
    along_rows, along_columns = (
        (np.arange(SAMPLES) + 0.5) / SAMPLES * size for size in (rows, columns)
    )
    y = (height - rows * scale) / 2 + along_rows * scale
    x = (width - columns * scale) / 2 + along_columns * scale
    on_screen = blurred(shown)[np.ix_(y.astype(int), x.astype(int))]
    in_file = blurred(expected.astype(np.float32), max(1 / scale, 1))[
        np.ix_(along_rows.astype(int), along_columns.astype(int))
    ]
    return float(np.corrcoef(on_screen.ravel(), in_file.ravel())[0, 1])


def blurred(picture, scale=1.0):
    """Both are sampled at points: a little blur makes those comparable."""
    size = max(round(3 * scale), 1)
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.BoxBlur(size)), np.float32)
