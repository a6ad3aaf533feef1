"""Enhanced multi-frame objects in a real browser."""

import numpy as np

from tests import servers
from tests.e2e.rooms import (
    MARK,
    MARK_MM,
    PIXEL_MM,
    SIDE,
    drag,
    make_case,
    painted,
    phantom,
    reading,
    regions_of,
    saved,
    voxel_mm,
)
from tests.enhanced import enhanced

ONLY_THE_MARK = "w.window({ center: 2500, width: 500 })"
SHUFFLED = [7 * n % 40 for n in range(40)]
EMPTY = np.zeros((SIDE, SIDE), np.uint8)
DRAWING = {
    "questions": [{"key": "finding", "options": [{"key": "no"}, {"key": "yes"}]}],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
    "segments": [{"value": 1, "label": "Liver"}],
}


def test_an_enhanced_object_is_the_volume_of_its_frames(live_cast):
    """Frame n + 1 shows the slice SHUFFLED[n] of the phantom: on the screen and in what is drawn and painted."""
    whole = enhanced(phantom("enhanced"), "enhanced", order=SHUFFLED)
    project = make_case(live_cast, "enhanced", [whole], definition=DRAWING)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 40 && p.loaded === 40 && p.slice === 20 && p.notice === null")
        assert (room.pane()["spacing"], room.has_letters("RLAP")) == ("patient", True)
        room.do(ONLY_THE_MARK)
        for z in (1, MARK[2]):
            room.do(f"await w.goTo({z + 1})")
            room.until(f"p.slice === {z + 1} && p.place.frame === {frame_of(z)}")
        assert np.abs(room.centre_of_bright() - MARK_MM).max() < PIXEL_MM

        room.do("w.showPlanes(w.state.panes[0].series)")
        for pane, plane in enumerate(("axial", "sagittal", "coronal")):
            room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === 40", pane)
        room.do(f"w.activate(0); await w.goTo({MARK[2] + 1})")
        room.until(f"p.place.frame === {frame_of(MARK[2])}")
        room.page.mouse.click(*np.round(room.at(0, *room.canvas_of(0, MARK_MM))))
        room.until(f"p.slice === {MARK[0] + 1}", 1)
        for pane, letters in enumerate(("RLAP", "APHF", "RLHF")):
            assert room.has_letters(letters, pane)
            room.do(f"w.activate({pane}); {ONLY_THE_MARK}")
            assert np.abs(room.centre_of_bright(pane) - MARK_MM).max() < PIXEL_MM

        room.take("box")
        ends = [room.canvas_of(0, voxel_mm(x, y, MARK[2])) for x, y in ((15, 30), (30, 45))]
        drag(room.page, *(np.round(room.at(0, *end)) for end in ends))
        [box] = regions_of(saved(regions_of))
        assert box["frame"] == frame_of(MARK[2])
        assert np.abs(np.array(box["pixels"])[[0, 2]] - [(15, 30), (30, 45)]).max() < 0.5
        assert np.allclose([point[2] for point in box["points"]], MARK_MM[2])

        room.take("brush")
        ends = [room.canvas_of(2, voxel_mm(24, MARK[1], z)) for z in (10, 16)]
        room.hover_brush(2, *room.at(2, *ends[0]))
        drag(room.page, *(room.at(2, *end) for end in ends))
        kept = painted(saved(painted))
        labels = {SHUFFLED[int(place.split(":")[1]) - 1]: one for place, one in kept.items()}
        # 5 mm around a line from 20 to 32 mm
        assert sorted(labels) == list(range(8, 19))
        assert all(set(np.nonzero(one)[0]) == {MARK[1]} for one in labels.values())
        room.do("w.setLayout('1x1')")
        room.show(0, 0)
        room.until("p.status === 'shown' && p.as === 'stack'")
        for z in (8, 13, 19):
            room.do(f"await w.goTo({z + 1})")
            room.until(f"p.slice === {z + 1} && p.place.frame === {frame_of(z)}")
            row = labels.get(z, EMPTY)[MARK[1]] > 0
            servers.eventually(
                lambda row=row, z=z: shows(room, row, z), f"slice {z + 1} shows its label", 5
            )


def shows(room, row, z):
    return np.array_equal(room.are_coloured(0, voxel_mm(np.arange(SIDE), MARK[1], z)), row)


def frame_of(z):
    return SHUFFLED.index(z) + 1
