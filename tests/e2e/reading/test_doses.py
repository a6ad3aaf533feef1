"""Doses in a real browser: one object whose offsets tell where its planes lie."""

import io

import numpy as np
import pydicom
from pydicom.uid import RTDoseStorage

from tests import factories
from tests.e2e.rooms import MARK, MARK_MM, PIXEL_MM, SLICE_MM, make_case, phantom, reading

PER_GRAY = 100_000  # counts: the mark takes more than 16 bits
ONLY_THE_MARK = "w.window({ center: 3, width: 1 })"


def dose():
    """The phantom as planes of a dose: 1.25 Gy in the box, 3.75 in the mark."""
    files = phantom("dose")
    hounsfield = np.stack([pydicom.dcmread(io.BytesIO(data)).pixel_array for data in files])
    gray = np.select([hounsfield > 2000, hounsfield > 0], [3.75, 1.25], 0)
    data = factories.with_attributes(
        files[0], SOPClassUID=RTDoseStorage, Modality="RTDOSE", DoseUnits="GY", DoseType="PHYSICAL",
        DoseSummationType="PLAN", DoseGridScaling=1 / PER_GRAY, NumberOfFrames=len(files),
        GridFrameOffsetVector=[SLICE_MM * n for n in range(len(files))], BitsAllocated=32,
        BitsStored=32, HighBit=31, PixelRepresentation=0,
        PixelData=(gray * PER_GRAY).astype("<u4").tobytes(),
    )  # fmt: skip
    dataset, file = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
    for keyword in (
        "WindowCenter",
        "WindowWidth",
        "RescaleSlope",
        "RescaleIntercept",
        "RescaleType",
    ):
        del dataset[keyword]
    dataset.save_as(file)
    return file.getvalue()


def test_a_dose_is_the_volume_of_its_planes_in_its_own_unit(live_cast):
    project = make_case(live_cast, "dose", [dose()])
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 40 && p.loaded === 40 && p.notice === null")
        room.do(f"await w.goTo({MARK[2] + 1}); {ONLY_THE_MARK}")
        room.until(f"p.slice === {MARK[2] + 1} && p.place.frame === {MARK[2] + 1}")
        assert np.abs(room.centre_of_bright() - MARK_MM).max() < PIXEL_MM

        room.do("w.showPlanes(w.state.panes[0].series)")
        for pane, plane in enumerate(("axial", "sagittal", "coronal")):
            room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === 40", pane)
        room.do(f"w.activate(0); await w.goTo({MARK[2] + 1})")
        room.page.mouse.click(*np.round(room.at(0, *room.canvas_of(0, MARK_MM))))
        room.until(f"p.slice === {MARK[0] + 1}", 1)
        for pane in range(3):
            room.do(f"w.activate({pane}); {ONLY_THE_MARK}")
            assert np.abs(room.centre_of_bright(pane) - MARK_MM).max() < PIXEL_MM
