"""A study of several kinds of series: MR by a hanging rule, PET in SUV, and a localizer whose images lie across one another."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

from annotation.imaging import conversion
from tests import factories
from tests.e2e.rooms import make_case, reading

SLICES, SIDE = 12, 32
AXIAL = np.diag([1.0, 1.0, 2.0, 1.0])
# Through the middle of the axial slices: columns are the directions of x and y on the image, and its normal.
SAGITTAL = np.array([[0, 0, 1, 16], [1, 0, 0, 0], [0, -1, 0, 28], [0, 0, 0, 1.0]])
CORONAL = np.array([[1, 0, 0, 0], [0, 0, 1, 16], [0, -1, 0, 28], [0, 0, 0, 1.0]])
MR, PET, LOCALIZER = range(3)
PLANES = ("axial", "sagittal", "coronal")
DEFINITION = {
    **factories.QUESTIONS,
    "hanging": [{
        "name": "Planes", "match": {}, "layout": "1x3",
        "panes": [{"modality": ["MR"], "description": "whole", "as": plane, "preset": "wide"}
                  for plane in PLANES],
    }],
}  # fmt: skip
BQML_IN_MIDDLE, KG, BQ = 20_123, 70.0, 350e6  # SUV 4.02


def volume(key, voxels, affine=AXIAL):
    subject = conversion.Subject(patient_id="mixed")
    return conversion.volume_series(voxels.astype(np.int16), affine, subject, key, "MR")


def series(number, files, **attributes):
    """The files as one series of the study that all share."""
    shared = {
        "StudyInstanceUID": conversion.derived_uid("mixed", "study"),
        "FrameOfReferenceUID": conversion.derived_uid("mixed", "frame of reference"),
        "SeriesInstanceUID": conversion.derived_uid("mixed", number), "SeriesNumber": number,
    }  # fmt: skip
    for index, data in enumerate(files):
        its = {**shared, "InstanceNumber": index + 1, **attributes}
        yield factories.with_attributes(data, **its)


def as_suv():
    """Attributes of a PET series whose window counts in Bq/ml, and which knows weight and dose."""
    tracer = Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = BQ, 6586.2
    tracer.RadiopharmaceuticalStartTime = "100000"
    return {
        "SOPClassUID": PositronEmissionTomographyImageStorage, "Modality": "PT", "Units": "BQML",
        "CorrectedImage": ["ATTN", "DECY"], "DecayCorrection": "START", "PatientWeight": KG,
        "RadiopharmaceuticalInformationSequence": [tracer],
        "SeriesDate": "20250101", "AcquisitionDate": "20250101", "SeriesTime": "100000", "AcquisitionTime": "100000",
        "WindowCenter": "15000", "WindowWidth": "30000",
    }  # fmt: skip


def study():
    ramp = np.broadcast_to(np.arange(SLICES * SIDE).reshape(SLICES, SIDE, 1), (SLICES, SIDE, SIDE))
    hot = np.zeros((SLICES, SIDE, SIDE))
    hot[:, 8:24, 8:24] = BQML_IN_MIDDLE
    across = [
        data
        for key, affine in (("sagittal", SAGITTAL), ("coronal", CORONAL))
        for data in volume(key, ramp[:1], affine)
    ]
    yield from series(1, volume("mr", ramp), SeriesDescription="whole")
    yield from series(2, volume("pet", hot), **as_suv())
    yield from series(3, across, SeriesDescription="localizer")


def test_every_kind_of_series_is_shown_as_it_should_be(live_cast):
    project = make_case(live_cast, "mixed", study(), definition=DEFINITION)
    with reading(live_cast) as enter:
        room = enter(project)
        the_rules_preset_is_that_of_all_slices(room)
        pet_in_planes_is_shown_in_suv_also_after_a_reset(room)
        a_localizer_shows_the_lines_and_stays_where_it_is(room)


def the_rules_preset_is_that_of_all_slices(room):
    """Of the values 0 to 383 it leaves out one part in a hundred below, half a part above."""
    for pane, plane in enumerate(PLANES):
        room.until(f"p.as === '{plane}' && p.loaded === {SLICES} && p.preset === 'wide'", pane)
    wide = np.percentile(np.arange(SLICES * SIDE), [1, 99.5])
    assert abs(room.pane(1)["width"] - np.diff(wide)[0]) < 3


def pet_in_planes_is_shown_in_suv_also_after_a_reset(room):
    room.do(f"w.showPlanes(w.state.panes[0].study.series[{PET}])")
    for pane, plane in enumerate(PLANES):
        room.until(
            f"p.series.modality === 'PT' && p.as === '{plane}' && p.loaded === {SLICES}", pane
        )

    def brightest():
        room.settle()
        return [int(room.picture(pane).max()) for pane in range(len(PLANES))]

    four_of_five = 255 * 4.02 / 5
    assert np.abs(np.subtract(brightest(), four_of_five)).max() < 3
    room.do("w.invert(); w.rotate(90); w.reset()")
    room.until("p.center === 2.5 && p.width === 5 && !p.isInverted")
    assert np.abs(np.subtract(brightest(), four_of_five)).max() < 3


def a_localizer_shows_the_lines_and_stays_where_it_is(room):
    room.do("w.kept = w.state.panes[0].study; w.setTool('window'); w.setLayout('1x2')")
    for pane, number in enumerate((MR, LOCALIZER)):
        room.show(pane, number)
        room.until(f"p.status === 'shown' && p.series === p.study.series[{number}]", pane)
    room.do("w.setLinks({ scroll: true, window: false, zoom: false }); w.setReferenceLines(true)")
    room.do("w.activate(0); await w.goTo(3)")
    line = "[data-pane='1'] [data-testid=reference-line]"
    room.page.wait_for_selector(line, state="attached")
    room.do("await w.goTo(12)")
    room.settle()
    assert [room.pane(pane)["slice"] for pane in range(2)] == [12, 1]
    room.do("w.activate(1); await w.goTo(2)")
    room.settle()
    assert [room.pane(pane)["slice"] for pane in range(2)] == [12, 2]
    room.page.wait_for_selector(line.replace("'1'", "'0'"), state="attached")
