"""A bar of 50 mm, drawn over by mouse where its ends are seen: what the server keeps and the page says."""

import re

import numpy as np
import pytest
from pydicom.uid import ComputedRadiographyImageStorage

from annotation.imaging import conversion, synthesis
from tests import factories
from tests.e2e.rooms import draft, drag, make_case, reading, regions_of, saved

LENGTH_MM = 50.0
SPACING_MM = (2.0, 0.5, 0.8)  # z, y, x
HALF_WAY = "w.window({ center: 0, width: 2000 })"  # the middle grey is the border of the bar
LYING = {
    "along the rows": (0.0, 0.0, 1.0),
    "turned by 30 degrees": (0.0, np.sin(np.radians(30)), np.cos(np.radians(30))),
    "across the slices": (np.sin(np.radians(50)), 0.0, np.cos(np.radians(50))),
}
DEFINITION = {
    "questions": [{"key": "finding", "options": [{"key": "no"}, {"key": "yes"}]}],
    "region_labels": [{"key": "bar", "label": "Bar"}],
}


def case_of_bar(cast, name):
    """A project with one such bar; returns where it ends in the patient, too."""
    voxels, ends = synthesis.bar_phantom(direction=LYING[name], spacing_mm=SPACING_MM)
    affine = np.diag([*SPACING_MM[::-1], 1.0])
    subject = conversion.Subject(patient_id=name)
    files = conversion.volume_series(voxels, affine, subject, name, "CT")
    ends_mm = (ends * SPACING_MM)[:, ::-1]
    return make_case(cast, name, list(files), definition=DEFINITION), ends_mm


def seen_ends(room, pane):
    """Where the bright bar ends in a pane, in the pane's own pixels, as the eye finds it."""
    rows, columns = np.nonzero(room.picture(pane) > 128)
    points = np.stack([columns, rows], axis=1) + 0.5
    middle = points.mean(axis=0)
    axes = np.linalg.svd(points - middle, full_matrices=False)[2]
    along, across = ((points - middle) @ axis for axis in axes)
    core = along[np.abs(across) < 4]
    return middle + np.outer([core.min() - 0.5, core.max() + 0.5], axes[0])


def measure(room, pane):
    """Draw a length from one seen end to the other with the mouse, which has whole pixels only."""
    ends = [np.round(room.at(pane, x, y)) for x, y in seen_ends(room, pane)]
    room.page.keyboard.press("Shift+l")
    room.until("s.tool === 'length'")
    drag(room.page, *ends)
    room.page.get_by_test_id("region").wait_for()
    [region] = regions_of(saved(regions_of))
    return region


def has_the_bars_length(room, region, ends_mm, *, pixel_mm):
    """Within half a pixel: in the content, and in the words of the list."""
    points = np.array(region["points"])
    stored = np.linalg.norm(points[1] - points[0])
    text = room.page.get_by_test_id("region").inner_text()
    said = float(re.search(r"([\d.]+) mm \(mm in the patient", text)[1])
    in_order = (
        points if np.dot(points[1] - points[0], ends_mm[1] - ends_mm[0]) > 0 else points[::-1]
    )
    off = np.linalg.norm(in_order - ends_mm, axis=1)
    assert stored == pytest.approx(LENGTH_MM, abs=pixel_mm / 2)
    assert said == pytest.approx(LENGTH_MM, abs=pixel_mm / 2)
    assert off.max() < pixel_mm
    return True


def test_a_bar_in_the_slice_has_its_length_within_half_a_pixel(live_cast):
    cases = [case_of_bar(live_cast, name) for name in ("along the rows", "turned by 30 degrees")]
    with reading(live_cast) as enter:
        for project, ends_mm in cases:
            room = enter(project)
            room.until("p.slice === 17 && p.loaded === 33")
            room.do(HALF_WAY)
            region = measure(room, 0)
            assert has_the_bars_length(room, region, ends_mm, pixel_mm=min(SPACING_MM[1:]))


def test_a_bar_across_the_slices_has_its_length_in_a_plane_of_the_volume(live_cast):
    project, ends_mm = case_of_bar(live_cast, "across the slices")
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("w.showPlanes(w.state.panes[0].series)")
        room.until("p.status === 'shown' && p.as === 'coronal' && p.loaded === 33", 2)
        room.page.locator("[data-testid=pane][data-pane='2']").dblclick(position={"x": 9, "y": 99})
        room.until("s.maximised === 2 && s.active === 2")
        room.do(HALF_WAY)
        region = measure(room, 2)
        # In a plane across the slices the pixel is that of the rows: 0.8 mm.
        assert has_the_bars_length(room, region, ends_mm, pixel_mm=SPACING_MM[2])
        assert draft()["regions"] == [region]


CALIBRATED = {"PixelSpacing": [0.15, 0.15], "PixelSpacingCalibrationType": "GEOMETRY"}
AT_THE_DETECTOR = {"ImagerPixelSpacing": [0.2, 0.2]}
COMPUTED = {"SOPClassUID": ComputedRadiographyImageStorage, "Modality": "CR"}
SCALES = [  # attributes of a radiograph; millimetres of a pixel, or none; what is said of them
    ({**AT_THE_DETECTOR, **CALIBRATED}, 0.15, "mm by calibration"),
    ({**COMPUTED, **AT_THE_DETECTOR}, 0.2, "mm at the detector, not in the patient"),
    ({}, None, "no scale: lengths in pixels"),
    ({"PixelAspectRatio": [4, 3]}, None, "no scale: lengths in pixels"),
]
ROWS, COLUMNS = 100, 140


# Of one series: its images have sides and scales of their own.
FRONT_AND_SIDE = [
    {**COMPUTED, **AT_THE_DETECTOR, "PatientOrientation": ["L", "F"]},
    {**COMPUTED, "PatientOrientation": ["A", "F"]},
]


def radiographs():
    """One study of four series, which know their millimetres in different ways, and one of a front and a side."""
    images = [(number, attributes) for number, (attributes, *_) in enumerate(SCALES, start=1)]
    images += [(len(SCALES) + 1, attributes) for attributes in FRONT_AND_SIDE]
    for index, (number, attributes) in enumerate(images):
        pixels = np.full((ROWS, COLUMNS), 90, np.uint8)
        pixels[0, 0] = 0  # all alike would be black in every window
        data = conversion.radiograph(pixels, conversion.Subject(patient_id="x"), f"scale {number}")
        its = {
            "StudyInstanceUID": conversion.derived_uid("scales", "study"),
            "SOPInstanceUID": conversion.derived_uid("scales", index),
            "SeriesNumber": number, "InstanceNumber": index, **attributes,
        }  # fmt: skip
        yield factories.with_attributes(data, **its)


def line_in(room, series):
    """Draw a length in a series, the first ones being drawn on; its pixels, and what the list says of it."""
    room.show(0, series)
    room.until(f"p.status === 'shown' && p.series.series_number === {series + 1}")
    room.take("length")
    drag(room.page, room.at(0, 0.4, 0.5), room.at(0, 0.6, 0.5))
    content = saved(lambda found: len(regions_of(found)) == series + 1)
    (x1, _), (x2, _) = regions_of(content)[-1]["pixels"]
    said = room.page.get_by_test_id("region").nth(series).inner_text()
    return abs(x2 - x1), re.search(r"([\d.]+) (mm|px).*", said)


def test_a_length_says_where_its_millimetres_come_from(live_cast):
    project = make_case(live_cast, "scales", list(radiographs()), definition=DEFINITION)
    with reading(live_cast) as enter:
        room = enter(project)
        for series, (_, pixel_mm, words) in enumerate(SCALES):
            pixels, said = line_in(room, series)
            room.page.get_by_test_id("window").get_by_text(words).wait_for()
            assert float(said[1]) == pytest.approx(pixels * (pixel_mm or 1), abs=0.06)
            unit = f"mm ({words})" if pixel_mm else "px"
            assert said[0] == f"{said[1]} {unit}"
        assert height_for_width(room) == pytest.approx(4 * ROWS / (3 * COLUMNS), abs=0.01)
        every_radiograph_has_its_own_sides_and_scale(room)


def height_for_width(room):
    """Of the picture of a radiograph, as the eye finds it."""
    room.do("w.window({ center: 0, width: 100 })")
    rows, columns = np.nonzero(room.picture(0) > 128)
    return np.ptp(rows) / np.ptp(columns)


def every_radiograph_has_its_own_sides_and_scale(room):
    room.show(0, len(SCALES))
    for slice_number, letters, words in ((1, "RLHF", SCALES[1][2]), (2, "PAHF", SCALES[2][2])):
        room.do(f"await w.goTo({slice_number})")
        room.until(f"p.status === 'shown' && p.slices === 2 && p.slice === {slice_number}")
        assert room.has_letters(letters)
        room.page.get_by_test_id("window").get_by_text(words).wait_for()


def test_regions_on_frames_that_load_later_are_measured(live_cast):
    """Of a case that is opened again its other slices come once the regions are there."""
    project, _ = case_of_bar(live_cast, "along the rows")
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("await w.goTo(w.state.panes[0].slices)")
        room.until("p.status === 'shown' && p.slice === p.slices")
        room.take("box")
        drag(room.page, room.at(0, 0.4, 0.4), room.at(0, 0.6, 0.6))
        measured = room.page.get_by_test_id("region").get_by_text("HU")
        measured.first.wait_for()
        saved(regions_of)
        room = enter(project)
        assert room.pane()["slice"] < room.pane()["slices"]
        measured.first.wait_for()


def test_a_jump_goes_to_its_pixel_where_pixels_are_not_square(live_cast):
    project, _ = case_of_bar(live_cast, "along the rows")
    column, row, number = 30, 50, 4
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("w.showPlanes(w.state.panes[0].series)")
        for pane in range(3):
            room.until(
                "p.status === 'shown' && p.loaded === p.study.series[0].instances.length", pane
            )
        room.do(
            "w.activate(1); const [{ instances }] = w.state.panes[1].study.series;"
            f"await w.jumpTo(instances[{number}].sop_instance_uid, 1, [{column}, {row}])"
        )
        z, y, x = np.multiply((number, row, column), SPACING_MM)
        room.settle()
        shown = [room.patient_under(pane, 40, 40) for pane in range(3)]
        assert shown[0][2] == pytest.approx(z, abs=SPACING_MM[0] / 2)
        assert shown[1][0] == pytest.approx(x, abs=SPACING_MM[2] / 2)
        assert shown[2][1] == pytest.approx(y, abs=SPACING_MM[1] / 2)
