"""Regions drawn in planes through the volume are found in the stack at their pixels, and those of the
stack in the planes: each is taken at its handle there and moved, and the server hears of it."""

import numpy as np

from tests.e2e.rooms import (
    draft,
    drag,
    make_case,
    phantom,
    reading,
    regions_of,
    saved,
    voxel_mm,
)

DEFINITION = {
    "questions": [{"key": "finding", "options": [{"key": "no"}, {"key": "yes"}]}],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
}
AXIAL, CORONAL = 0, 2
ROW = 28  # the coronal plane
BOX_SLICE, ELLIPSE_SLICE = 19, 24  # from 0


def open_planes(room):
    room.do("w.showPlanes(w.state.panes[0].series)")
    for pane, plane in enumerate(("axial", "sagittal", "coronal")):
        room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === 40", pane)


def open_stack(room):
    room.do("w.setLayout('1x1')")
    room.show(0, 0)
    room.until("p.status === 'shown' && p.as === 'stack'")


def go_to(room, pane, number):
    room.do(f"w.activate({pane}); await w.goTo({number})")
    room.until(f"p.slice === {number}", pane)
    room.settle()


def drag_voxels(room, pane, start, end):
    """With the left button from one voxel (x, y, z) to another; the mouse has whole pixels only."""
    ends = [room.canvas_of(pane, voxel_mm(*voxel)) for voxel in (start, end)]
    drag(room.page, *(np.round(room.at(pane, *end)) for end in ends))


def kept(kind, expected, what="pixels"):
    """The region of a kind, once the server has it where it is expected, within half a pixel."""

    def is_there(content):
        found = [region for region in regions_of(content) if region["kind"] == kind]
        return found and np.abs(np.array(found[0][what]) - expected).max() < 0.5

    content = saved(is_there)
    return next(region for region in regions_of(content) if region["kind"] == kind)


def corners(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def has_two_boxes(content):
    return [region["kind"] for region in regions_of(content)].count("box") == 2


def test_regions_go_from_planes_to_the_stack_and_back(live_cast):
    project = make_case(live_cast, "phantom", phantom("regions"), definition=DEFINITION)
    with reading(live_cast) as enter:
        room = enter(project)
        uids = room.do("return w.state.panes[0].series.instances.map((o) => o.sop_instance_uid)")
        open_planes(room)
        go_to(room, AXIAL, BOX_SLICE + 1)
        room.take("box")
        drag_voxels(room, AXIAL, (15, 20, BOX_SLICE), (30, 35, BOX_SLICE))
        box = kept("box", corners(15, 20, 30, 35))
        assert (box["sop_instance_uid"], box["frame"]) == (uids[BOX_SLICE], 1)
        assert np.allclose([point[2] for point in box["points"]], voxel_mm(0, 0, BOX_SLICE)[2])
        go_to(room, CORONAL, 64 - ROW)  # counted from the back
        room.take("length")
        drag_voxels(room, CORONAL, (20, ROW, 10), (44, ROW, 26))
        ends = [voxel_mm(20, ROW, 10), voxel_mm(44, ROW, 26)]
        length = kept("length", ends, "points")

        open_stack(room)
        go_to(room, 0, BOX_SLICE + 1)
        room.take("box")
        drag_voxels(room, 0, (30, 35, BOX_SLICE), (34, 38, BOX_SLICE))
        kept("box", corners(15, 20, 34, 38))
        go_to(room, 0, ELLIPSE_SLICE + 1)
        room.take("ellipse")
        drag_voxels(room, 0, (40, 20, ELLIPSE_SLICE), (46, 25, ELLIPSE_SLICE))
        ellipse = kept("ellipse", [(40, 15), (40, 25), (34, 20), (46, 20)])
        assert ellipse["sop_instance_uid"] == uids[ELLIPSE_SLICE]

        open_planes(room)
        room.take("box")
        go_to(room, AXIAL, BOX_SLICE + 1)
        drag_voxels(room, AXIAL, (34, 38, BOX_SLICE), (28, 32, BOX_SLICE))
        kept("box", corners(15, 20, 28, 32))
        go_to(room, AXIAL, ELLIPSE_SLICE + 1)
        drag_voxels(room, AXIAL, (46, 20, ELLIPSE_SLICE), (48, 20, ELLIPSE_SLICE))
        kept("ellipse", [(40, 15), (40, 25), (32, 20), (48, 20)])
        assert [one for one in draft()["regions"] if one["kind"] == "length"] == [length]
        go_to(room, CORONAL, 64 - ROW)
        drag_voxels(room, CORONAL, (44, ROW, 26), (40, ROW, 30))
        length = kept("length", [voxel_mm(20, ROW, 10), voxel_mm(40, ROW, 30)], "points")
        assert length["sop_instance_uid"] == uids[20], "where its middle lies"

        room.take("point")
        room.page.mouse.click(*room.at(CORONAL, *room.canvas_of(CORONAL, voxel_mm(50, ROW, 10))))
        assert kept("point", [(50, ROW)])["sop_instance_uid"] == uids[10]
        drag_voxels(room, CORONAL, (50, ROW, 10), (50, ROW, 20))
        point = kept("point", [voxel_mm(50, ROW, 20)], "points")
        assert point["sop_instance_uid"] == uids[20]

        room.do(f"w.activate({AXIAL}); w.slab({{ mm: 20, mode: 'mip' }})")
        room.until("p.slab?.mm === 20", AXIAL)
        room.take("box")
        drag_voxels(room, AXIAL, (40, 40, ELLIPSE_SLICE), (50, 50, ELLIPSE_SLICE))
        room.page.get_by_text("The slab shows several slices as one").wait_for()
        room.do("w.slab(null)")
        room.until("p.slab === null", AXIAL)
        drag_voxels(room, AXIAL, (36, 40, ELLIPSE_SLICE), (46, 52, ELLIPSE_SLICE))
        _, second = (
            one["pixels"] for one in saved(has_two_boxes)["regions"] if one["kind"] == "box"
        )
        assert np.abs(np.subtract(second, corners(36, 40, 46, 52))).max() < 0.5, (
            "the other was refused"
        )
