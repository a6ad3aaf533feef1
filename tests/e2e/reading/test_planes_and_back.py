"""Three planes through a volume and back to the stack: the place, the window and the tool go along."""

import numpy as np
import pytest

from tests.e2e.rooms import MARK_MM, PIXEL_MM, make_case, phantom, reading, voxel_mm

DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Finding?", "options": [{"key": "no"}, {"key": "yes"}]}
    ],
    "segments": [{"value": 1, "label": "Liver"}],
}


@pytest.fixture
def room(live_cast):
    project = make_case(live_cast, "back", phantom("back"), definition=DEFINITION)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40 && p.slices === 40")
        yield room


def planes_are_shown(room):
    for pane, plane in enumerate(("axial", "sagittal", "coronal")):
        room.until(f"p.status === 'shown' && p.as === '{plane}'", pane)


def test_the_key_for_planes_keeps_place_and_window_and_leads_back(room):
    press = room.page.keyboard.press
    room.do("await w.goTo(9)")
    room.until("p.slice === 9")
    room.page.keyboard.press("F2")
    room.until("p.preset === 'lung'")
    room.do("w.zoom(2)")
    room.page.keyboard.press("Shift+p")
    x, y = room.at(0, 0.5, 0.5)
    room.page.mouse.move(x, y)
    room.page.mouse.down()
    room.page.mouse.move(x + 40, y - 30, steps=4)
    room.page.mouse.up()
    box = room.page.locator("[data-testid=pane][data-pane='0']").bounding_box()
    middle = room.patient_under(0, box["width"] / 2, box["height"] / 2)

    press("#")
    planes_are_shown(room)
    room.until("p.slice === 9 && p.preset === 'lung' && s.tool === 'crosshairs'")
    for pane in (1, 2):
        room.until("p.preset === 'lung'", pane)
    cross = room.do("return w.planes.cross.point")
    assert np.allclose(cross, middle, atol=0.1 * PIXEL_MM)
    shown = [room.do(f"return w.panes[{pane}].picture.plane().point") for pane in range(3)]
    planes = [shown[0][2], shown[1][0], shown[2][1]]
    assert np.allclose(planes, [middle[i] for i in (2, 0, 1)], atol=0.1 * PIXEL_MM)

    # Back, at the crosshairs and with what was chosen meanwhile.
    room.do("w.activate(2); w.window('bone')")
    x, y = room.canvas_of(2, [middle[0], middle[1], MARK_MM[2]])
    room.page.mouse.click(*room.at(2, x, y))
    room.until("p.slice === 31")
    press("#")
    room.until("s.layout === '1x1' && p.status === 'shown' && p.as === 'stack'")
    room.until("p.slice === 31 && p.preset === 'bone' && s.tool === 'pan' && !s.links.window")
    press("#")
    planes_are_shown(room)
    room.until("p.slice === 31 && p.preset === 'bone'")


def test_a_brush_stays_in_hand_and_the_panes_come_back(room):
    press = room.page.keyboard.press
    press("Shift+F2")
    room.show(1, 0)
    room.until("p.status === 'shown'", 1)
    room.do("w.activate(1); await w.goTo(3); w.activate(0); await w.goTo(20)")
    room.until("p.slice === 20 && s.active === 0")
    room.take("brush")
    press("#")
    planes_are_shown(room)
    room.until("s.links.window && s.tool === 'brush'")
    assert room.do("return w.planes.cross.point[2]") == voxel_mm(0, 0, 19)[2]
    press("#")
    room.until("s.layout === '1x2' && p.as === 'stack' && p.slice === 20 && s.tool === 'brush'")
    room.until("p.status === 'shown' && p.as === 'stack' && p.slice === 3", 1)

    # Who has chosen another layout keeps it.
    press("#")
    planes_are_shown(room)
    press("Shift+F1")
    room.until("s.layout === '1x1' && p.as === 'axial'")
    press("#")
    room.until("s.layout === '1x1' && p.status === 'shown' && p.as === 'stack' && p.slice === 20")
