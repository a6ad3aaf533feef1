"""What is drawn and painted on real viewports ends up in the content with the right coordinates,
and undo brings the picture back: the layers on a phantom, without a server."""

import numpy as np
import pytest

from tests.e2e import browser as person
from tests.e2e.harness import ORIGIN, SHAPE, SPACING, Room, served

STACK_SLICE = 5
OVERLAY = "harness.annotations()"
Z, Y, X = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1], 0 : SHAPE[2]]
CENTRES_MM = np.stack([X, Y, Z], axis=-1) * SPACING + ORIGIN
RADIUS_MM = 4  # of the brushes
COLUMN = 64  # the sagittal plane


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with served(tmp_path_factory.mktemp("harness")) as found:
        yield found


@pytest.fixture
def room(address):
    """A fresh page with four panes: two stacks of the series, an axial and a sagittal plane."""
    troubles = []
    with person.visiting() as (_, browser):
        page = person.new_page(browser, address, troubles)
        page.set_viewport_size({"width": 1040, "height": 300})
        page.goto(f"{address}/index.html")
        page.wait_for_function("window.harness && harness.ready", timeout=60_000)
        page.evaluate("harness.regions.setLabel('nodule')")
        yield Room(page)
    assert troubles == []


def test_a_box_has_its_corners_in_pixels_and_in_the_patient(room):
    room.take("box")
    room.drag("stack", (60, 30, STACK_SLICE), (20, 10, STACK_SLICE))
    [box] = room.regions(1)
    assert (box["sop_instance_uid"], box["frame"]) == ("1.2.3.6", 1)
    assert box["pixels"] == [[20, 10], [60, 10], [60, 30], [20, 30]]
    assert box["points"] == [[-10, 20, 115], [10, 20, 115], [10, 40, 115], [-10, 40, 115]]
    [[_, measured]] = room.evaluate("[...harness.statistics]")
    # 41 x 21 pixel centres; the phantom's value is 100 x slice + column.
    assert measured["intensities"]["count"] == 861
    assert measured["intensities"]["mean"] == pytest.approx(540)
    assert measured["area"] == {"value": 400, "unit": "mm²"}


@pytest.mark.parametrize("pane", ["stack", "axial"])
def test_what_is_drawn_on_a_mirrored_and_turned_image_lies_where_it_was_drawn(room, pane):
    at = STACK_SLICE if pane == "stack" else 6
    straight = np.subtract(
        room.where(pane, (60, 10), at), room.where(pane, (20, 10), at)
    )  # rightwards
    room.evaluate(f"harness.turn('{pane}')")
    turned = np.subtract(room.where(pane, (60, 10), at), room.where(pane, (20, 10), at))
    assert abs(straight[1]) < 1e-6 < abs(turned[1]) and abs(turned[0]) < 1e-6
    room.take("box")
    room.drag(pane, (60, 30, at), (20, 10, at))
    room.take("length")
    room.drag(pane, (80, 5, at), (100, 12, at))
    box, length = room.regions(2)
    corners = {tuple(np.round(corner, 3)) for corner in box["pixels"]}
    assert corners == {(20, 10), (60, 10), (60, 30), (20, 30)}
    assert np.allclose(length["pixels"], [[80, 5], [100, 12]], atol=0.5)
    room.hold_brush()
    room.stroke(pane, (40, 45, at), (70, 45, at))
    painted = np.argwhere(room.voxels())
    low, high = painted.min(axis=0), painted.max(axis=0)
    assert (low[0], high[0]) == (at, at)
    reach = RADIUS_MM / np.asarray(SPACING[:2])  # pixels to either side
    wanted = [40 - reach[0], 70 + reach[0], 45 - reach[1], 45 + reach[1]]
    assert np.allclose([low[2], high[2], low[1], high[1]], wanted, atol=1.5)


def test_every_kind_of_region_is_measured_where_it_was_drawn(room):
    at = STACK_SLICE
    room.take("point")
    room.click("stack", (100, 50, at))
    room.regions(1)
    room.take("length")
    room.drag("stack", (80, 5, at), (100, 12, at))
    room.regions(2)
    room.take("ellipse")
    room.drag("stack", (115, 20, at), (120, 26, at))
    room.regions(3)
    room.take("arrow")
    room.drag("stack", (10, 58, at), (20, 62, at))
    point, length, ellipse, arrow = room.regions(4)
    assert point["pixels"] == [[100, 50]]
    assert point["points"] == [[30, 60, 115]]
    assert length["pixels"] == [[80, 5], [100, 12]]
    assert ellipse["pixels"] == [[115, 14], [115, 26], [110, 20], [120, 20]]
    assert arrow["pixels"] == [[10, 58], [20, 62]]


def test_outlines_are_closed_without_repeating_their_first_point(room):
    at = STACK_SLICE
    corners = [(5, 5), (15, 5), (15, 20), (5, 20)]
    room.take("polygon")
    for x, y in [*corners, corners[0]]:
        room.click("stack", (x, y, at))
        # Faster, and Cornerstone takes two corners for a double click.
        room.page.wait_for_timeout(600)
    [polygon] = room.regions(1)
    assert polygon["pixels"] == [list(corner) for corner in corners]
    room.take("freehand")
    room.drag("stack", (80, 40, at), (100, 40, at), (100, 56, at), (80, 56, at), (80, 41, at))
    _, freehand = room.regions(2)
    xs, ys = zip(*freehand["pixels"], strict=True)
    assert [min(xs), max(xs), min(ys), max(ys)] == pytest.approx([80, 100, 40, 56], abs=0.6)
    assert freehand["pixels"][0] != freehand["pixels"][-1]


def test_moving_is_one_step_and_undo_moves_the_picture_back(room):
    at = STACK_SLICE
    room.take("box")
    room.drag("stack", (20, 10, at), (60, 30, at))
    [drawn] = room.regions(1)
    room.drag("stack", (60, 10, at), (70, 5, at))
    room.page.wait_for_function("harness.content().regions[0].pixels[0][1] === 5")
    [moved] = room.regions(1)
    assert moved["pixels"] == [[20, 5], [70, 5], [70, 30], [20, 30]]
    room.undo()
    assert room.regions(1) == [drawn]
    # A corner can be taken at its old place again: the picture went back, too.
    room.drag("stack", (60, 10, at), (64, 8, at))
    room.page.wait_for_function("harness.content().regions[0].pixels[0][1] === 8")
    room.undo()
    room.undo()
    assert room.regions(0) == []
    assert room.evaluate(OVERLAY) == 0
    room.redo()
    assert room.regions(1) == [drawn]
    assert room.evaluate(OVERLAY) == 1


def test_a_locked_region_stays_where_it_is(room):
    at = STACK_SLICE
    room.take("box")
    room.drag("stack", (20, 10, at), (60, 30, at))
    [drawn] = room.regions(1)
    room.evaluate(f"harness.draft.edit('lock', harness.edits.lockRegion('{drawn['id']}', true))")
    room.take("point")
    room.drag("stack", (60, 10, at), (70, 5, at))
    room.regions(2)
    locked, _ = room.regions(2)
    assert locked["pixels"] == drawn["pixels"]


def test_planes_through_the_volume_draw_on_the_nearest_frame(room):
    room.take("box")
    room.drag("axial", (20, 30, 6), (40, 50, 6))
    [box] = room.regions(1)
    assert (box["sop_instance_uid"], box["points"][0]) == ("1.2.3.7", [-10, 40, 118])
    room.drag("sagittal", (64, 20, 3), (64, 40, 8))
    room.page.wait_for_function("harness.log.includes('region refused: oblique_plane')")
    assert len(room.regions(1)) == room.evaluate(OVERLAY) == 1
    room.take("length")
    room.drag("sagittal", (64, 20, 3), (64, 40, 8))
    _, line = room.regions(2)
    assert line["points"] == [[12, 30, 109], [12, 50, 124]]
    assert line["pixels"] == [[64, 20], [64, 40]]


def test_a_plane_across_the_slices_marks_where_it_cuts_a_region(room):
    room.take("box")
    room.drag("stack", (50, 10, STACK_SLICE), (80, 30, STACK_SLICE))
    [box] = room.regions(1)
    room.page.wait_for_selector("#sagittal line[data-region]", state="attached")
    ends = room.evaluate(
        "[...document.querySelectorAll('#sagittal line')].map(line => "
        "['x1', 'y1', 'x2', 'y2'].map(name => Number(line.getAttribute(name))))"
    )
    left = room.page.locator("#sagittal").bounding_box()["x"]
    expected = [room.where("sagittal", (64, y), STACK_SLICE) for y in (10, 30)]
    assert len(ends) == 1
    found = sorted([[ends[0][0] + left, ends[0][1]], [ends[0][2] + left, ends[0][3]]])
    assert found == [pytest.approx(point, abs=0.5) for point in sorted(expected)]
    room.evaluate(f"harness.draft.edit('hide', harness.edits.hideRegion('{box['id']}', true))")
    room.page.wait_for_selector("#sagittal line[data-region]", state="detached")


def test_strokes_become_slices_and_undo_restores_the_picture(room):
    room.hold_brush()
    first = room.stroke("stack", (30, 45, STACK_SLICE), (70, 45, STACK_SLICE))
    assert list(first) == [STACK_SLICE]
    # About 20 mm long and 8 mm wide with round ends, in pixels of 0.5 x 1 mm.
    assert first[STACK_SLICE]["1"] == pytest.approx((20 * 8 + 50) / 0.5, rel=0.15)
    second = room.stroke("sagittal", (64, 20, 3), (64, 20, 8))
    assert {3, 4, 5, 6, 7, 8} <= set(second)
    room.undo()
    assert room.painted() == first
    room.undo()
    assert room.painted() == {}
    room.redo()
    room.redo()
    assert room.painted() == second


def test_what_is_saved_has_its_bytes_on_the_server(room):
    room.hold_brush()
    room.stroke("stack", (30, 45, STACK_SLICE), (70, 45, STACK_SLICE))
    room.page.wait_for_function(
        "JSON.stringify(harness.saved()) === JSON.stringify(harness.content())", timeout=3_000
    )
    assert room.evaluate("harness.isSentWithBytes()")


def test_a_locked_segment_is_never_overwritten(room):
    room.hold_brush()
    before = room.stroke("stack", (30, 45, STACK_SLICE), (70, 45, STACK_SLICE))
    room.lock(1)
    room.hold_brush(segment=2)
    after = room.stroke("stack", (50, 30, STACK_SLICE), (50, 60, STACK_SLICE))
    assert after[STACK_SLICE]["1"] == before[STACK_SLICE]["1"]
    assert after[STACK_SLICE]["2"] > 0


def test_a_hidden_segment_stays_as_it_is(room):
    room.hold_brush()
    hidden = room.do_with("brush", "stack", (40, 30, STACK_SLICE)) == 1
    room.hide(1)
    room.evaluate("harness.masks.setSegment(2, 0)")
    everywhere = diagonal((10, 90), (10, 50), (STACK_SLICE, STACK_SLICE))
    labels = room.do_with("rectangle_scissors", "stack", *everywhere)
    assert np.array_equal(labels == 1, hidden) and (labels == 2).any()
    labels = room.do_with("rectangle_cut", "stack", *everywhere)
    assert np.array_equal(labels, hidden)

    # In hand it is neither painted nor changed.
    room.evaluate("harness.masks.setSegment(1, 0)")
    room.take("brush")
    room.drag("stack", (70, 20, STACK_SLICE), (80, 20, STACK_SLICE))
    room.evaluate("harness.masks.apply('grow', 'shown')")
    assert np.array_equal(room.voxels(), hidden)
    refused = room.evaluate("harness.log.filter((line) => line.startsWith('mask refused'))")
    assert refused == ["mask refused: hidden"] * 2


def within(x, y, z):
    """The voxels of a box, its bounds included."""
    bounds = ((X, x), (Y, y), (Z, z))
    return np.all([(axis >= low) & (axis <= high) for axis, (low, high) in bounds], axis=0)


def diagonal(*bounds):
    """Two corners of such a box, around its outer voxels; in the one plane of a side without width."""
    ends = [one if one[0] == one[1] else (one[0] - 0.5, one[1] + 0.5) for one in bounds]
    return list(zip(*ends, strict=True))


def disc(hit, radius_mm=RADIUS_MM):
    away = np.linalg.norm((CENTRES_MM - hit)[..., 1:], axis=-1)
    return (away <= radius_mm) & (X == COLUMN)


def ball(hit):
    """What Cornerstone calls a sphere: half a voxel deeper than wide, for planes have a thickness."""
    away = (CENTRES_MM - hit) / [RADIUS_MM + SPACING[0] / 2, RADIUS_MM, RADIUS_MM]
    return np.linalg.norm(away, axis=-1) <= 1


def test_every_tool_changes_exactly_its_voxels_in_a_plane_across_the_slices(room):
    """Sizes are in millimetres: a voxel of this plane is three times as high as wide."""
    room.hold_brush(threshold=[0, 100 * STACK_SLICE + COLUMN])
    is_between = 100 * Z + X <= 100 * STACK_SLICE + COLUMN
    sheet, hole = (((COLUMN, COLUMN), *sides) for sides in [((8, 52), (2, 9)), ((36, 44), (3, 5))])
    low, high = (COLUMN, 16.3, 5), (COLUMN, 58, 5)
    centre, edge = (COLUMN, 24, 8), (COLUMN, 29, 8)
    away, low_hit, high_hit = (room.hit_at("sagittal", place) for place in (centre, low, high))
    radius_mm = np.linalg.norm(room.hit_at("sagittal", edge) - away)
    steps = [
        ("rectangle_scissors", diagonal(*sheet), lambda mask: mask | within(*sheet)),
        ("rectangle_cut", diagonal(*hole), lambda mask: mask & ~within(*hole)),
        ("eraser", [low], lambda mask: mask & ~disc(low_hit)),
        ("sphere", [low], lambda mask: mask | ball(low_hit)),
        ("circle_cut", [centre, edge], lambda mask: mask & ~disc(away, radius_mm)),
        ("circle_scissors", [centre, edge], lambda mask: mask | disc(away, radius_mm)),
        ("sphere_eraser", [low], lambda mask: mask & ~ball(low_hit)),
        ("threshold", [high], lambda mask: mask | disc(high_hit) & is_between),
        ("brush", [high], lambda mask: mask | disc(high_hit)),
    ]
    mask = np.zeros(SHAPE, bool)
    for tool, places, change in steps:
        mask = change(mask)
        assert np.array_equal(room.do_with(tool, "sagittal", *places) > 0, mask), tool


def test_fill_takes_what_hangs_together_in_the_plane_and_nothing_that_is_locked(room):
    room.hold_brush(segment=1)
    at, column = (STACK_SLICE, STACK_SLICE), (COLUMN, COLUMN)
    frame, hole = (((40, 90), (8, 50), at), ((50, 80), (20, 40), at))
    ring = within(*frame) & ~within(*hole)
    room.do_with("rectangle_scissors", "stack", *diagonal(*frame))
    room.do_with("rectangle_cut", "stack", *diagonal(*hole))
    room.evaluate("harness.masks.setSegment(2, 0)")
    room.lock(1)
    labels = room.do_with("fill", "stack", (60, 30, STACK_SLICE))
    assert np.array_equal(labels == 2, within(*hole))
    assert np.array_equal(labels == 1, ring)

    # Across the slices it goes around what is there, through all of them.
    labels = room.do_with("fill", "sagittal", (COLUMN, 4, 9))
    around = within(column, (0, 63), (0, 11)) & ~within(*frame)
    assert np.array_equal(labels == 2, around | within(*hole))
    assert np.array_equal(labels == 1, ring)

    # Neither what is locked is filled, nor is anything filled with it.
    for segment, place in ((2, (45, 10, STACK_SLICE)), (1, (10, 10, STACK_SLICE))):
        room.evaluate(f"harness.masks.setSegment({segment}, 0)")
        room.click("stack", place)
        room.page.wait_for_timeout(600)  # Cornerstone waits whether it becomes a double click
        assert np.array_equal(room.voxels(), labels)
    room.lock()
    room.evaluate("harness.masks.setSegment(2, 0)")
    labels = room.do_with("fill", "stack", (45, 10, STACK_SLICE))
    assert np.array_equal(labels == 2, around | within(*frame))
    room.undo()
    assert np.array_equal(room.voxels() == 1, ring)


def paint_and_go_on(room, to_slice):
    room.hold_brush()
    room.stroke("stack", (30, 45, STACK_SLICE), (70, 45, STACK_SLICE))
    room.evaluate(f"harness.slice('stack', {to_slice})")
    room.page.wait_for_timeout(300)


def test_slices_between_painted_ones_are_filled_by_shape(room):
    paint_and_go_on(room, 8)
    room.stroke("stack", (30, 45, 8), (70, 45, 8))
    room.evaluate("harness.masks.apply('interpolate', 'series')")
    room.page.wait_for_function("harness.draft.document.undoName === 'interpolate'")
    room.page.wait_for_function("Object.keys(harness.labelmap()).length === 4")
    filled = room.painted()
    assert sorted(filled) == [5, 6, 7, 8]
    assert filled[6] == filled[5]


def test_an_operation_waits_for_the_stroke_that_is_being_painted(room):
    paint_and_go_on(room, 8)
    room.press("stack", (30, 45, 8), (70, 45, 8))
    room.evaluate("void harness.masks.apply('interpolate', 'series')")
    room.page.mouse.up()
    room.page.wait_for_function("harness.draft.document.undoName === 'interpolate'")
    assert sorted(room.painted()) == [5, 6, 7, 8]


def test_what_ends_when_another_case_is_open_is_dropped(room):
    room.hold_brush()
    before = room.stroke("stack", (30, 45, STACK_SLICE), (70, 45, STACK_SLICE))
    room.press("stack", (30, 20, STACK_SLICE), (70, 20, STACK_SLICE))
    room.evaluate("harness.open('the next case')")
    room.page.mouse.up()
    room.page.wait_for_timeout(300)
    assert room.painted() == before
    room.evaluate(
        "() => { const done = harness.masks.apply('grow', 'series'); harness.open('a third'); return done }"
    )
    assert room.painted() == before


def test_a_full_cache_never_drops_what_was_painted(room):
    room.hold_brush()
    painted = room.stroke("stack", (30, 45, STACK_SLICE), (70, 45, STACK_SLICE))
    room.evaluate("harness.makeRoom()")
    assert room.painted() == painted


def test_closing_frees_everything(room):
    room.take("box")
    room.drag("stack", (20, 10, STACK_SLICE), (60, 30, STACK_SLICE))
    room.regions(1)
    room.hold_brush()
    room.stroke("stack", (80, 45, STACK_SLICE), (100, 45, STACK_SLICE))
    room.do_with("sphere", "stack", (40, 45, STACK_SLICE))
    room.evaluate("harness.masks.setBrush({ radius_mm: 4, shape: 'sphere', threshold: [0, 2000] })")
    room.do_with("threshold", "stack", (20, 45, STACK_SLICE))
    left = room.evaluate("harness.destroy()")
    assert left.pop("volumes") == ["cornerstoneStreamingImageVolume:phantom"]  # the pane's own
    assert left == {"annotations": 0, "styles": 0, "facts": 0, "labelmap": {}}


def test_undo_that_comes_while_a_stored_slice_is_read_leaves_the_picture_as_the_content_says(room):
    room.hold_brush()
    stored = room.stroke("stack", (30, 20, 5), (60, 20, 5))
    room.undo()
    assert room.painted() == {}
    room.evaluate("harness.holdReads()")
    room.redo()  # its slice is read now, for as long as it takes
    room.page.wait_for_function("harness.content().masks?.length === 1")
    room.drag("stack", (30, 40, 5), (60, 40, 5))
    room.page.wait_for_function("harness.log.includes('mask refused: loading')")
    assert room.evaluate("harness.log.filter(line => line.startsWith('stroke')).length") == 1

    room.evaluate("harness.slice('stack', 6)")
    room.page.wait_for_timeout(300)
    room.drag("stack", (30, 20, 6), (60, 20, 6))
    sliced = "Object.keys(harness.content().masks[0].slices).length"
    room.page.wait_for_function(f"{sliced} === 2")
    room.undo()
    room.page.wait_for_function(f"{sliced} === 1")
    room.evaluate("harness.letRead()")
    assert room.painted() == stored
