"""Fifty mixed actions by mouse and keys: undo brings back what the server had, byte by byte, redo what
it had then, and the picture follows."""

from dataclasses import dataclass, field

import numpy as np

from annotation.archive import storage
from annotation.labeling.services.reading import content_sha256
from tests import servers
from tests.e2e.rooms import (
    SIDE,
    Room,
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

ROUNDS = 3
FIRST_SLICE = 20
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]},
        {
            "key": "also", "label": "Also seen", "kind": "many", "required": False,
            "options": [{"key": "pacemaker"}, {"key": "effusion"}],
        },
        {
            "key": "quality", "label": "Image quality", "scope": "instance", "required": False,
            "options": [{"key": "good"}, {"key": "poor"}],
        },
        {
            "key": "size", "label": "Size", "scope": "region", "kind": "number", "required": False,
        },
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}, {"key": "mass", "label": "Mass"}],
    "segments": [{"value": 1, "label": "Liver"}, {"value": 2, "label": "Tumour", "layer": 1}],
}  # fmt: skip


@dataclass
class Hand:
    """Does one thing after the other, and sees that each became the step that undo would take back."""

    room: Room
    steps: list[str] = field(default_factory=list)

    def did(self, step):
        """Neighbours have different names: the name of the button says that the page has followed."""
        assert [step] != self.steps[-1:]
        self.room.page.get_by_role("button", name=f"Undo: {step}", exact=True).wait_for()
        self.steps.append(step)

    def key(self, key):
        self.room.page.keyboard.press(key)

    def button(self, name):
        self.room.page.get_by_role("button", name=name, exact=True).click()

    def draw(self, tool, key, start, end):
        """Take a tool by its key and drag it by mouse from one pixel to another."""
        self.key(key)
        self.room.until(f"s.tool === '{tool}'")
        if tool in ("brush", "eraser"):
            self.room.hover_brush(0, *self.room.pixel(*start))
        self.drag(start, end)

    def click(self, tool, key, place):
        self.key(key)
        self.room.until(f"s.tool === '{tool}'")
        self.room.page.mouse.click(*self.room.pixel(*place))

    def drag(self, start, end):
        # Each step is drawn: of nearly sixty actions that is most of the time.
        drag(self.room.page, self.room.pixel(*start), self.room.pixel(*end), steps=2)


def one_round(hand, number):
    """Nineteen steps on one slice: answers, regions, masks, by turns."""
    page = hand.room.page
    title = f"finding {number}"
    hand.key("21"[number % 2])
    hand.did("answer")
    hand.draw("box", "Shift+r", (12, 12), (24, 20))
    hand.did("draw a region")
    page.get_by_label("Name", exact=True).fill(title)
    page.keyboard.press("Enter")
    hand.did("rename a region")
    page.get_by_test_id("region").get_by_label("Label", exact=True).first.click()
    page.get_by_role("option", name="Mass", exact=True).click()
    hand.did("label a region")
    page.get_by_role("textbox", name="Size", exact=True).fill("12.5")
    page.keyboard.press("Enter")
    hand.did("answer")
    hand.drag((24, 20), (27, 23))  # the corner
    hand.did("change a region")
    hand.button(f"Hide {title}")
    hand.did("hide or show")
    hand.button(f"Lock {title}")
    hand.did("lock or unlock")
    hand.button("Liver")
    hand.draw("brush", "Shift+b", (36, 18), (48, 18))
    hand.did("paint")
    page.locator("[data-question=quality]").get_by_role("button", name="poor").click()
    hand.did("answer")
    hand.draw("eraser", "Shift+e", (42, 14), (42, 22))
    hand.did("paint")
    hand.key("Shift+h")
    hand.did("hide or show")
    hand.button("Tumour")
    hand.draw("rectangle_scissors", "Shift+c", (34, 34), (50, 46))
    hand.did("paint")
    hand.draw("ellipse", "Shift+o", (20, 40), (26, 46))
    hand.did("draw a region")
    hand.click("fill", "Shift+i", (58, 58))
    hand.did("paint")
    hand.key("Delete")
    hand.did("delete a region")
    hand.button("Clear this slice")
    hand.did("clear a slice")
    page.get_by_role("button", name="effusion").click()
    hand.did("answer")
    hand.draw("length", "Shift+l", (14, 52), (40, 54))
    hand.did("draw a region")


def stored():
    """What the server keeps: the content's hash as of a revision, and the bytes of every painted slice."""
    content = draft()
    slices = [sha256 for mask in content.get("masks", []) for sha256 in mask["slices"].values()]
    return content_sha256(content), {one: storage.blob_path(one).read_bytes() for one in slices}


def is_the_last(content):
    """An ellipse that is deleted later made as many."""
    found = regions_of(content)
    return len(found) == 1 + 2 * ROUNDS and found[-1]["kind"] == "length"


def begin(room):
    """What the read holds before: a length and a stroke, saved by a page that is gone."""
    hand = Hand(room)
    room.do(f"await w.goTo({FIRST_SLICE})")
    hand.draw("length", "Shift+l", (14, 8), (40, 8))
    hand.did("draw a region")
    hand.draw("brush", "Shift+b", (30, 26), (40, 26))
    hand.did("paint")
    saved(lambda content: painted(content) and regions_of(content))


def assert_picture(room, content):
    """Every slice that was worked on shows its painted voxels in colour, and no other."""
    for number in range(FIRST_SLICE, FIRST_SLICE + ROUNDS):
        room.do(f"await w.goTo({number})")
        room.until(f"p.slice === {number}")
        servers.eventually(lambda: shows(room, content), f"slice {number} shows it", timeout_s=5)


def shows(room, content):
    z = room.pane()["slice"] - 1
    uid = room.do(f"return w.state.panes[0].series.instances[{z}].sop_instance_uid")
    expected = np.zeros((SIDE, SIDE), bool)
    for layer in (0, 1):
        labels = painted(content, layer).get(f"{uid}:1")
        expected |= False if labels is None else labels > 0
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    seen = room.are_coloured(0, voxel_mm(x, y, z).reshape(-1, 3))
    return np.array_equal(seen.reshape(SIDE, SIDE), expected)


def test_undo_over_fifty_mixed_actions_restores_every_byte_and_redo_does_too(live_cast):
    project = make_case(live_cast, "phantom", phantom("undone"), definition=DEFINITION)
    with reading(live_cast) as enter:
        begin(enter(project))
        room = enter(project)
        room.until("p.loaded === 40")
        before, before_content = stored(), draft()
        hand = Hand(room)
        for number in range(ROUNDS):
            room.do(f"await w.goTo({FIRST_SLICE + number})")
            room.until(f"p.slice === {FIRST_SLICE + number}")
            one_round(hand, number)
        steps = len(hand.steps)
        assert steps >= 50
        after_content = saved(is_the_last)
        after = stored()
        assert after[0] != before[0]

        for _ in range(steps - 1):
            hand.key("Control+z")
        room.page.get_by_role("button", name=f"Undo: {hand.steps[0]}", exact=True).wait_for()
        hand.key("Control+z")
        room.page.locator("[data-action=undo][aria-disabled]").wait_for()
        saved(lambda content: content == before_content)
        assert stored() == before
        assert_picture(room, before_content)

        for _ in range(steps):
            hand.key("Control+y")
        room.page.locator("[data-action=redo][aria-disabled]").wait_for()
        saved(lambda content: content == after_content)
        assert stored() == after
        assert_picture(room, after_content)
