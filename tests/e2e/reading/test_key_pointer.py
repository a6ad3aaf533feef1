"""Drawing and painting by keys alone: a pointer that arrows move over the image and Space presses. What the server
keeps lies where the arrows have led, in a stack and across the slices."""

import re

import numpy as np
import pytest

from annotation.labeling.models import Revision
from tests import servers
from tests.e2e.axe import faults
from tests.e2e.rooms import (
    CORNER_MM,
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
    regions_of,
    saved,
    voxel_mm,
)

DEFINITION = {
    "questions": [{"key": "finding", "options": [{"key": "no"}, {"key": "yes"}], "required": False}],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
    "segments": [{"value": 1, "label": "Liver"}],
}  # fmt: skip
RADIUS_MM = 5.0
MIDDLE = 20  # the slice, from 1
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


class Keys:
    """Two hands on a keyboard. `at` is where the arrows have led, in pixels of the image (column, row)."""

    def __init__(self, room):
        self.room, self.press = room, room.page.keyboard.press
        self.text = room.page.get_by_test_id("pointer-text")
        self.ring = room.page.get_by_test_id("key-pointer")
        self.at = np.zeros(2)

    def show(self):
        """The pointer, where it says that it is."""
        self.press("Shift+Space")
        self.ring.wait_for()
        self.text.get_by_text("arrows, Space, Esc").wait_for()
        return [float(number) for number in NUMBERS.findall(self.text.inner_text())]

    def take(self, tool, key):
        self.press(key)
        self.room.until(f"s.tool === '{tool}'")

    def walk(self, right, down):
        """By so many pixels of the image."""
        for amount, arrows in ((right, ("Right", "Left")), (down, ("Down", "Up"))):
            arrow = f"Arrow{arrows[amount < 0]}"
            for key, count in ((f"Shift+{arrow}", abs(amount) // 10), (arrow, abs(amount) % 10)):
                for _ in range(count):
                    self.press(key)
        self.at = np.add(self.at, (right, down))

    def to(self, column, row):
        self.walk(*(int(v) for v in [column, row] - self.at))

    def stroke(self, start, *others, end="Space"):
        """From one pixel over others to the last, where the key `end` is pressed."""
        self.to(*start)
        self.press("Space")
        for pixel in others:
            self.to(*pixel)
        self.press(end)

    def wait_for_brush(self):
        """Until its ring says that it can paint."""
        cursor = self.room.page.locator("[data-id=brush-cursor]")
        for _ in range(100):
            self.walk(1, 0)
            self.walk(-1, 0)
            if cursor.count() == 1:
                return
            self.room.page.wait_for_timeout(50)
        pytest.fail("The brush cannot paint.")

    def pointed_at(self, pane=0):
        """The voxel (x, y, z) under the ring, as the picture lies now."""
        self.room.settle()
        x, y = self.on_screen()
        return (self.room.patient_under(pane, x, y) - [CORNER_MM, CORNER_MM, 0]) / [
            PIXEL_MM, PIXEL_MM, SLICE_MM,
        ]  # fmt: skip

    def on_screen(self):
        x, y = NUMBERS.findall(self.ring.get_attribute("transform"))
        return float(x), float(y)


def test_a_case_is_drawn_on_by_keys_alone(live_cast):
    project = make_case(live_cast, "phantom", phantom("by keys"), definition=DEFINITION)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40")
        keys = Keys(room)
        keys.at = np.array(keys.show())
        assert np.abs(keys.pointed_at() - [*keys.at, MIDDLE - 1]).max() < 0.01
        regions_lie_where_the_arrows_led(keys)
        the_pointer_stays_at_its_place(keys)
        a_stroke_paints_what_lies_under_it(keys)
        a_hand_paints_on_while_a_key_holds_the_brush(keys)
        a_line_leads_across_the_slices(keys)
        the_mouse_takes_over(keys)


def regions_lie_where_the_arrows_led(keys):
    corners = [(36, 40), (44, 44), (42, 52), (34, 50)]
    keys.take("box", "Shift+R")
    keys.stroke((5, 5), (12, 14), end="Escape")  # given up
    keys.stroke((12, 14), (30, 26), end="Enter")
    keys.take("length", "Shift+L")
    keys.stroke((10, 50), (31, 43))
    keys.take("polygon", "Shift+G")
    keys.stroke((50, 10), (54, 12), end="Escape")  # given up after its first corner
    for corner in [*corners, corners[-1]]:
        keys.to(*corner)
        keys.press("Space")
        keys.room.settle()  # a polygon can be closed where it is drawn

    content = saved(lambda content: len(regions_of(content)) == 3)
    drawn = {region["kind"]: np.array(region["pixels"]) for region in regions_of(content)}
    assert np.abs(drawn["box"] - [(12, 14), (30, 14), (30, 26), (12, 26)]).max() < 0.5
    assert np.abs(drawn["length"] - [(10, 50), (31, 43)]).max() < 0.5
    assert np.abs(drawn["polygon"] - corners).max() < 0.5
    keys.press("Control+Z")
    saved(lambda content: len(regions_of(content)) == 2)
    assert not Revision.objects.exists()  # Enter has pressed, and handed nothing in


def the_pointer_stays_at_its_place(keys):
    """However the image is enlarged, turned and paged through; the arrows go as the screen does."""
    keys.take("window", "Shift+W")
    keys.to(20, 24)
    for key in ("Control+ArrowDown", "Control+ArrowRight", *["+"] * 9, "PageDown", "i"):
        keys.press(key)
    keys.room.until(f"p.slice === {MIDDLE + 1} && p.zoom > 5")
    assert np.abs(keys.pointed_at() - [20, 24, MIDDLE]).max() < 0.01
    width, height = keys.room.do(
        "return [w.paneElement(0).clientWidth, w.paneElement(0).clientHeight]"
    )
    x, y = keys.on_screen()
    assert 0 < x < width
    assert 0 < y < height
    keys.press("ArrowRight")
    keys.room.settle()
    assert np.subtract(keys.on_screen(), (x, y)) == pytest.approx([x_step(keys), 0], abs=0.01)
    keys.press("ArrowLeft")
    for key in ("i", "r", "PageUp"):
        keys.press(key)
    keys.room.until(f"p.slice === {MIDDLE} && p.zoom === 1")
    assert np.abs(keys.pointed_at() - [20, 24, MIDDLE - 1]).max() < 0.01


def x_step(keys):
    """How many pixels of the screen one of the image takes."""
    one, other = (keys.room.canvas_of(0, voxel_mm(x, 0, 0)) for x in (0, 1))
    return float(np.hypot(*np.subtract(one, other)))


def a_stroke_paints_what_lies_under_it(keys):
    keys.take("brush", "Shift+B")
    keys.to(40, 50)
    keys.wait_for_brush()
    keys.stroke((40, 50), (46, 50), end="Escape")  # given up
    keys.stroke((20, 20), (30, 20), (30, 24))
    [labels] = saved(painted) and painted(draft()).values()
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    beside_row = np.hypot(x - np.clip(x, 20, 30), y - 20)
    beside_column = np.hypot(x - 30, y - np.clip(y, 20, 24))
    expected = np.minimum(beside_row, beside_column) * PIXEL_MM <= RADIUS_MM
    assert np.array_equal(labels == 1, expected)
    shown = keys.room.are_coloured(0, [voxel_mm(x, y, MIDDLE - 1) for x, y in ((25, 20), (43, 50))])
    assert shown.tolist() == [True, False]
    keys.press("Control+Z")
    saved(lambda content: not painted(content))


def a_hand_paints_on_while_a_key_holds_the_brush(keys):
    """Both strokes are kept, each as one step."""
    page = keys.room.page
    keys.to(20, 20)
    keys.wait_for_brush()
    keys.press("Space")
    keys.walk(4, 0)
    drag(page, keys.room.pixel(40, 44), keys.room.pixel(50, 44), steps=12)
    middles = [voxel_mm(x, y, MIDDLE - 1) for x, y in ((22, 20), (45, 44))]
    saved(lambda content: all(labels[44, 49] for labels in painted(content).values()))
    are_painted(keys, middles, [True, True])
    keys.press("Control+Z")
    are_painted(keys, middles, [True, False])
    keys.press("Control+Z")
    are_painted(keys, middles, [False, False])
    keys.show()


def are_painted(keys, middles, wanted):
    servers.eventually(
        lambda: keys.room.are_coloured(0, middles).tolist() == wanted,
        f"of the strokes are shown {wanted}", 10,
    )  # fmt: skip


def a_line_leads_across_the_slices(keys):
    room = keys.room
    keys.press("Escape")
    keys.ring.wait_for(state="detached")
    keys.press("#")
    for pane, plane in enumerate(("axial", "sagittal", "coronal")):
        room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === {SLICES}", pane)
    active = room.do("return w.state.active")
    for _ in range((2 - active) % room.do("return w.state.panes.length")):
        keys.press("ArrowRight")
    room.until("s.active === 2")
    start = np.array(keys.show())  # mm in the patient
    keys.take("length", "Shift+L")
    keys.press("Space")
    keys.walk(6, -8)
    keys.press("Space")
    ends = [start, np.add(start, (6 * PIXEL_MM, 0, 8 * SLICE_MM))]

    def lengths(content):
        return [region for region in regions_of(content) if region["kind"] == "length"]

    [_, line] = saved(lambda content: len(lengths(content)) == 2) and lengths(draft())
    assert np.abs(np.array(line["points"]) - ends).max() < PIXEL_MM / 2
    assert keys.text.inner_text().startswith("Let go at ")
    assert faults(room.page) == ""


def the_mouse_takes_over(keys):
    page = keys.room.page
    page.mouse.click(*keys.room.at(2, 0.3, 0.3), button="middle")
    keys.ring.wait_for(state="detached")
    keys.text.get_by_text("The pointer is put away").wait_for(state="attached")
