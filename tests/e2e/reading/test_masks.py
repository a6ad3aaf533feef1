"""Masks on the real page: the voxels that the server keeps, and the same voxels on the screen, in stacks,
in planes, in layers over one another, and in a new window."""

import numpy as np
import pytest
from scipy import ndimage

from tests import servers
from tests.e2e.rooms import (
    PIXEL_MM,
    SIDE,
    SLICE_MM,
    SLICES,
    draft,
    drag,
    make_case,
    painted,
    phantom,
    reading,
    saved,
    voxel_mm,
)

DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]}
    ],
    "segments": [{"value": 1, "label": "Liver"}, {"value": 2, "label": "Tumour", "layer": 1}],
}
COLOURS = {"liver": np.array([0xE6, 0x9F, 0x00]), "tumour": np.array([0x56, 0xB4, 0xE9])}
RADIUS_MM = 5.0
Z, Y, X = np.mgrid[0:SLICES, 0:SIDE, 0:SIDE]
CENTRES_MM = voxel_mm(X, Y, Z)  # of the voxel [z, y, x]
ROW = 28  # the coronal plane that is painted on


@pytest.fixture
def project(live_cast):
    return make_case(live_cast, "phantom", phantom("painted on"), definition=DEFINITION)


def kept(room, layer=0):
    """What the server keeps of a layer as [z, y, x]."""
    uids = room.do("return w.state.panes[0].series.instances.map((one) => one.sop_instance_uid)")
    labels = np.zeros((SLICES, SIDE, SIDE), np.uint8)
    for place, slice_labels in painted(draft(), layer).items():
        labels[uids.index(place.split(":")[0])] = slice_labels
    return labels


def shown_in_stack(room, slices):
    """Which voxels of these slices the stack of the first pane shows coloured, as [slice, y, x]."""
    found = []
    for z in slices:
        room.do(f"await w.goTo({z + 1})")
        room.until(f"p.slice === {z + 1}")
        points = CENTRES_MM[z].reshape(-1, 3)
        found.append(room.are_coloured(0, points).reshape(SIDE, SIDE))
    return np.array(found)


def click(room, pane, point_mm):
    """Click where a point lies; returns the point that was hit: the mouse has whole pixels only."""
    left, top = room.at(pane, 0, 0)
    x, y = np.round(np.add(room.canvas_of(pane, point_mm), (left, top)))
    room.hover_brush(pane, x, y)
    room.page.mouse.click(x, y)
    return room.patient_under(pane, x - left, y - top)


def open_planes(room):
    room.do("w.showPlanes(w.state.panes[0].series)")
    for pane, plane in enumerate(("axial", "sagittal", "coronal")):
        room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === 40", pane)


def show_coronal(room, y):
    """Slices are counted from the back."""
    room.do(f"w.activate(2); await w.goTo({SIDE - y})")
    room.until(f"p.slice === {SIDE - y}", 2)
    middle = room.page.locator("[data-testid=pane][data-pane='2']").bounding_box()
    shown = room.patient_under(2, middle["width"] / 2, middle["height"] / 2)
    assert shown[1] == pytest.approx(voxel_mm(0, y, 0)[1], abs=0.01)


def test_what_is_painted_across_the_slices_is_the_same_in_the_stack_and_back(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        open_planes(room)
        show_coronal(room, ROW)
        room.take("brush")
        ends = [room.canvas_of(2, voxel_mm(x, ROW, z)) for x, z in ((24, 17), (40, 22))]
        start, end = (room.at(2, *end) for end in ends)
        room.hover_brush(2, *start)
        drag(room.page, start, end)
        saved(painted)
        room.until("s.tool === 'brush'")
        labels = kept(room)
        z, y, _ = np.nonzero(labels)
        assert set(y) == {ROW}
        assert set(z) == set(range(z.min(), z.max() + 1))
        capsule_mm2 = np.hypot(16 * PIXEL_MM, 5 * SLICE_MM) * 2 * RADIUS_MM + 78.5
        assert labels.sum() == pytest.approx(capsule_mm2 / (PIXEL_MM * SLICE_MM), rel=0.05)

        room.do("w.setLayout('1x1')")
        room.show(0, 0)
        room.until("p.status === 'shown' && p.as === 'stack'")
        slices = range(z.min() - 1, z.max() + 2)
        assert np.array_equal(shown_in_stack(room, slices), labels[slices] > 0)

        # And back: painted in the stack, shown across the slices.
        middle = voxel_mm(32, ROW, 32)
        room.do("await w.goTo(33)")
        room.until("p.slice === 33")
        click(room, 0, middle)
        saved(lambda content: len(painted(content)) > len(set(z)))
        both = kept(room)
        assert both[32].any()
        assert np.array_equal(np.delete(both, 32, axis=0), np.delete(labels, 32, axis=0))
        open_planes(room)
        show_coronal(room, ROW)
        points = CENTRES_MM[:, ROW].reshape(-1, 3)

        def is_shown():
            seen = room.are_coloured(2, points).reshape(SLICES, SIDE)
            return np.array_equal(seen, both[:, ROW] > 0)

        servers.eventually(is_shown, "the plane shows what was painted", timeout_s=10)


def test_layers_lie_over_one_another_and_come_back_as_they_were(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        room.take("brush")
        click(room, 0, voxel_mm(30, 30, 19))
        saved(painted)
        liver = kept(room)
        room.page.get_by_role("button", name="Tumour", exact=True).click()
        click(room, 0, voxel_mm(32, 30, 19))
        saved(lambda content: painted(content, layer=1))
        tumour = kept(room, layer=1)
        assert np.array_equal(kept(room), liver)
        assert set(np.unique(tumour)) == {0, 2}
        both = (liver > 0) & (tumour > 0)
        assert min(both.sum(), (liver > 0).sum(), (tumour > 0).sum()) > 10
        before = draft()

        room = enter(project)  # the page is loaded anew
        room.until("p.loaded === 40")

        def are_shown():
            seen = shown_in_stack(room, [19])[0]
            return np.array_equal(seen, ((liver > 0) | (tumour > 0))[19])

        servers.eventually(are_shown, "both layers are drawn again", timeout_s=10)
        assert draft() == before
        segments_look_as_they_are_told(room)
        what_does_not_fit_into_memory_is_never_painted_as_another_segment(room)
        assert draft() == before
        # Erasing in one layer leaves the other alone.
        room.page.get_by_role("button", name="Tumour", exact=True).click()
        room.take("eraser")
        click(room, 0, voxel_mm(32, 30, 19))
        saved(lambda content: not painted(content, layer=1))
        assert np.array_equal(kept(room), liver)


def what_does_not_fit_into_memory_is_never_painted_as_another_segment(room):
    """With room for the volume of the planes and one label map."""
    voxels = SLICES * SIDE * SIDE
    volume_and_map = 2 * voxels + voxels
    room.do(f"w.kept = w.state.panes[0].study; w.close(); w.limitMemory({volume_and_map + 9000})")
    room.do("w.studies = [w.kept]; await w.showPlanes(w.kept.series[0])")
    for pane in range(3):
        room.until("p.status === 'shown' && p.loaded === 40", pane)
    room.take("brush")
    for name in ("Liver", "Tumour"):  # each time the panes are asked for both layers
        room.page.get_by_role("button", name=name, exact=True).click()
        assert room.do("return w.memory().bytes") == volume_and_map
    drag(room.page, room.at(0, 0.4, 0.4), room.at(0, 0.6, 0.6))
    room.page.get_by_text("does not fit into the memory").first.wait_for()
    assert room.do("return w.memory().bytes") == volume_and_map
    room.do("w.limitMemory(2 ** 28); w.setLayout('1x1')")
    room.show(0, 0)
    room.until("p.status === 'shown' && p.as === 'stack'")
    room.do("await w.goTo(20)")
    room.until("p.slice === 20")


def segments_look_as_they_are_told(room):
    """On pixels: each in its colour, as strong as it is told, hidden, or an outline alone."""
    alone = {"liver": (28, 30, 19), "tumour": (34, 30, 19), "nothing": (20, 30, 19)}
    edge = voxel_mm(np.arange(25.5, 27.5, 0.05), 30, 19)

    def show(liver, tumour):
        """Whether they show so strongly, 0 to 1, over the grey of the image."""
        seen = room.colours(0, [voxel_mm(*place) for place in alone.values()])
        grey = seen[2]
        expected = [
            grey + a * (COLOURS[name] - grey) for name, a in (("liver", liver), ("tumour", tumour))
        ]
        return np.abs(seen - [*expected, grey]).max() < 12

    def follows(*strengths):
        servers.eventually(lambda: show(*strengths), f"they show {strengths}", timeout_s=5)

    press = room.page.keyboard.press
    follows(0.4, 0.4)
    for _ in range(4):
        press("Alt+.")  # the segment in hand
    follows(0.8, 0.4)
    press("Alt+j")
    follows(0, 0.4)
    press("Shift+j")  # what is left, too
    follows(0, 0)
    press("Shift+j")
    follows(0.8, 0.4)
    press("Alt+o")
    follows(0, 0)
    assert np.abs(room.colours(0, edge) - COLOURS["liver"]).max(axis=1).min() < 40
    press("Alt+o")
    follows(0.8, 0.4)


def in_sphere(hit):
    """What Cornerstone calls a sphere: half a slice deeper, for slices have a thickness."""
    depth_mm = RADIUS_MM + SLICE_MM / 2
    away = (CENTRES_MM - hit) / [RADIUS_MM, RADIUS_MM, depth_mm]
    return np.linalg.norm(away, axis=-1) <= 1


def test_a_sphere_fills_exactly_the_voxels_within_it_and_its_eraser_takes_them(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        room.take("sphere")
        hit = click(room, 0, voxel_mm(30, 30, 19))
        saved(lambda content: len(painted(content)) == 5)
        assert np.array_equal(kept(room) > 0, in_sphere(hit))
        room.take("sphere_eraser")
        gone = click(room, 0, voxel_mm(33, 30, 19))
        saved(lambda content: not any(labels[30, 33] for labels in painted(content).values()))
        assert np.array_equal(kept(room) > 0, in_sphere(hit) & ~in_sphere(gone))


@pytest.mark.parametrize("shape", ["circle", "sphere"])
def test_a_threshold_brush_fills_exactly_the_values_between_its_bounds(live_cast, project, shape):
    with reading(live_cast) as enter:
        room = enter(project)
        bounds = room.page.get_by_label("Paint only between two values")
        assert bounds.count() == 0  # other brushes know no bounds
        room.take("threshold")
        assert bounds.is_checked()
        room.page.get_by_role("textbox", name="From", exact=True).fill("35")
        room.page.get_by_role("textbox", name="To", exact=True).fill("45")
        if shape == "sphere":
            room.page.get_by_label("Sphere", exact=True).check()
        room.settle()  # the brush follows the page
        hit = click(room, 0, voxel_mm(8, 30, 19))  # on the border between air and body
        slices = 1 if shape == "circle" else 5
        saved(lambda content: len(painted(content)) == slices)
        disc = (np.linalg.norm(CENTRES_MM - hit, axis=-1) <= RADIUS_MM) & (Z == 19)
        is_in_reach = in_sphere(hit) if shape == "sphere" else disc
        is_body = (X >= 8) & (X < 56) & (Y >= 8) & (Y < 56)
        assert (is_in_reach & ~is_body).any()
        assert np.array_equal(kept(room) > 0, is_in_reach & is_body)
        # Without bounds it paints whatever lies under it.
        before = kept(room) > 0
        bounds.uncheck()
        room.settle()
        room.hover_brush(0, *room.pixel(20, 50))
        hit = click(room, 0, voxel_mm(8, 50, 19))
        saved(lambda content: any(labels[50, 7] for labels in painted(content).values()))
        disc = (np.linalg.norm(CENTRES_MM - hit, axis=-1) <= RADIUS_MM) & (Z == 19)
        is_in_reach = in_sphere(hit) if shape == "sphere" else disc
        assert np.array_equal(kept(room) > 0, before | is_in_reach)


def changed_by(room, button):
    """What the server keeps after a press of one of the buttons below the segments."""
    before = draft()
    room.page.get_by_role("button", name=button, exact=True).click()
    saved(lambda content: content != before)
    return kept(room) > 0


def largest(mask):
    pieces, _ = ndimage.label(mask)
    return pieces == np.argmax(np.bincount(pieces[pieces > 0]))


def majority(mask):
    """Of each voxel and those around it; nothing lies beyond the border."""
    around = ndimage.convolve(mask.astype(int), np.ones([3] * mask.ndim, int), mode="constant")
    return 2 * around > 3**mask.ndim


def halfway(one, other):
    """Between two cuts [z, x]: where their distances to the outlines, in mm, are negative on average."""
    return outline_mm(one) + outline_mm(other) < -1e-6


def outline_mm(mask):
    """Negative inside."""
    inside, outside = (
        ndimage.distance_transform_edt(part, sampling=(SLICE_MM, PIXEL_MM))
        for part in (mask, ~mask)
    )
    return np.where(mask, PIXEL_MM / 2 - inside, outside - PIXEL_MM / 2)


def within_circle(centre, edge):
    """Its voxels; with a radius of 3.4 none lies nearer to the edge than the mouse's whole pixels reach."""
    radius = np.hypot(*np.subtract(edge, centre))
    return (np.hypot(X - centre[0], Y - centre[1]) < radius) & (Z == 19)


def square(first, last, z):
    """Its voxels, and its corners as the mouse draws them."""
    middle, half = (first + last) / 2, (last - first + 1) / 2
    is_in = (np.maximum(abs(X - middle), abs(Y - middle)) < half) & (z == Z)
    return is_in, ((first - 0.5, first - 0.5), (last + 0.5, last + 0.5))


def test_scissors_and_buttons_change_exactly_their_voxels_on_the_slice_shown(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40 && p.slice === 20")
        outer, border = square(20, 40, 19)
        room.draw("rectangle_scissors", *border)
        room.draw("circle_scissors", (52, 14), (55.4, 14))
        island = within_circle((52, 14), (55.4, 14))
        saved(lambda content: any(labels[14, 52] for labels in painted(content).values()))
        assert np.array_equal(kept(room) > 0, outer | island)
        inner, border = square(28, 32, 19)
        room.draw("rectangle_cut", *border)
        room.page.keyboard.press("'")
        room.until("s.tool === 'circle_cut'")
        drag(room.page, room.pixel(20, 20), room.pixel(23.4, 20))
        corner = within_circle((20, 20), (23.4, 20))
        saved(lambda content: all(labels[20, 20] == 0 for labels in painted(content).values()))
        mask = (outer | island) & ~inner & ~corner
        assert np.array_equal(kept(room) > 0, mask)

        mask[19] = largest(mask[19])
        assert np.array_equal(changed_by(room, "Remove islands"), mask)
        mask[19] = majority(mask[19])
        assert np.array_equal(changed_by(room, "Smooth"), mask)
        mask[19] = ndimage.binary_fill_holes(mask[19])
        assert np.array_equal(changed_by(room, "Fill holes"), mask)
        grown = ndimage.binary_dilation(mask[19])
        assert np.array_equal(changed_by(room, "Grow")[19], grown)
        assert np.array_equal(changed_by(room, "Shrink")[19], ndimage.binary_erosion(grown))
        assert changed_by(room, "Clear this slice").sum() == 0


def test_operations_reach_the_planes_and_the_whole_series_as_one_step(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40 && p.slice === 20")
        mask = np.zeros((SLICES, SIDE, SIDE), bool)
        squares = ((20, 40, 18), (20, 40, 20), (44, 50, 30), (20, 40, 19))
        for first, last, z in squares:
            room.do(f"await w.goTo({z + 1})")
            room.until(f"p.slice === {z + 1}")
            filled, border = square(first, last, z)
            mask |= filled
            room.draw("rectangle_scissors", *border)
        hole, border = square(28, 32, 19)
        room.draw("rectangle_cut", *border)
        mask &= ~hole
        servers.eventually(lambda: np.array_equal(kept(room) > 0, mask), "the hole is cut")

        # In a plane across the slices, which the keyboard alone made the active one.
        open_planes(room)
        show_coronal(room, 30)
        room.do("w.activate(0)")
        for _ in range(2):
            room.page.keyboard.press("ArrowRight")
        room.until("s.active === 2")
        mask[:, 30] = ndimage.binary_fill_holes(mask[:, 30])
        assert np.array_equal(changed_by(room, "Fill holes"), mask)
        mask[:, 30] = ndimage.binary_dilation(mask[:, 30])
        assert np.array_equal(changed_by(room, "Grow"), mask)

        whole = room.page.get_by_label("In the whole series, not only in what is shown")
        whole.check()
        before = draft()
        filled = ndimage.binary_fill_holes(mask)
        assert np.array_equal(changed_by(room, "Fill holes"), filled)
        alone = largest(filled)
        assert np.array_equal(changed_by(room, "Remove islands"), alone)
        assert np.array_equal(changed_by(room, "Smooth"), majority(alone))
        room.page.get_by_role("button", name="Undo: smooth", exact=True).click()
        room.page.get_by_role("button", name="Undo: remove islands", exact=True).click()
        room.page.get_by_role("button", name="Undo: fill holes", exact=True).click()
        saved(lambda content: content == before)

        # Filled between two cuts of the plane that is shown, as far from one as from the other.
        whole.uncheck()
        show_coronal(room, 31)
        mask[:, 31] = False
        assert np.array_equal(changed_by(room, "Clear this slice"), mask)
        show_coronal(room, 30)
        mask[:, 31] = halfway(mask[:, 30], mask[:, 32])
        assert np.array_equal(changed_by(room, "Fill between slices"), mask)
