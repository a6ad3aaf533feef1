"""A reader draws and paints on the real page: what the server stores, what undo brings back, and what
is there again after the browser was closed."""

import numpy as np
import pytest

from annotation.archive.services.ingest import ingest
from annotation.imaging import conversion
from annotation.labeling.models import Comment, Revision
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories, servers
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.e2e.rooms import draft, let_in, painted, regions_of, saved

SIDE, SLICES = 64, 9
PIXEL_MM, SLICE_MM, CORNER_MM = 1.5, 2.0, -48.0
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]},
        {
            "key": "size", "label": "Size", "scope": "region", "kind": "number", "required": False,
            "unit": {"code": "mm", "label": "mm"},
        },
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}, {"key": "mass", "label": "Mass"}],
    "segments": [{"value": 1, "label": "Liver"}, {"value": 2, "label": "Tumour", "layer": 1}],
}  # fmt: skip
PLACES = """() => {
  const canvas = document.querySelector("[data-testid=panes] canvas")
  const { left, top, width, height } = canvas.getBoundingClientRect()
  return [left, top, width, height]
}"""


@pytest.fixture
def project(live_cast):
    project = factories.make_project(live_cast.manager, "Phantom")
    publish_schema(actor=live_cast.manager, project=project, definition=DEFINITION)
    voxels = np.full((SLICES, SIDE, SIDE), -200, np.int16)
    voxels[:, 10:54, 10:54] = 60
    affine = np.diag([PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0])
    affine[:3, 3] = [CORNER_MM, CORNER_MM, 0.0]
    subject = conversion.Subject(patient_id="phantom")
    study = None
    for data in conversion.volume_series(voxels, affine, subject, "drawn on", "CT"):
        study = ingest(collection=project.collection, chunks=[data]).study
    add_cases(project=project, studies=[study])
    return project


@pytest.fixture
def desk(live_cast, project):
    """A browser with the case open."""
    troubles: list[str] = []
    with person.visiting() as (address, browser):
        yield Desk(browser, address, troubles, project)
    assert troubles == []


class Desk:
    def __init__(self, browser, address, troubles, project):
        self.browser, self.address, self.troubles, self.project = (
            browser,
            address,
            troubles,
            project,
        )
        self.sit_down()

    def sit_down(self):
        """A new browser window: nothing is left of the one before but what the server keeps."""
        self.page = person.new_page(self.browser, self.address, self.troubles)
        let_in(self.page, self.address, "manager")
        self.page.goto(f"/projects/{self.project.pk}/read")
        self.page.wait_for_selector(person.SHOWN, timeout=60_000)

    def get_up(self):
        self.page.context.close()

    def at(self, x, y):
        """Where the pixel (x, y) lies on the page: the image is fitted into its pane."""
        left, top, width, height = self.page.evaluate(PLACES)
        scale = min(width, height) / SIDE
        return (
            left + width / 2 + (x + 0.5 - SIDE / 2) * scale,
            top + height / 2 + (y + 0.5 - SIDE / 2) * scale,
        )

    def drag(self, start, end):
        mouse = self.page.mouse
        mouse.move(*self.at(*start))
        mouse.down()
        mouse.move(*self.at(*((np.add(start, end)) / 2)), steps=4)
        mouse.move(*self.at(*end), steps=4)
        mouse.up()

    def take(self, tool):
        self.page.locator(f"[data-action=tool_{tool}]").click()
        self.page.locator(f"[data-action=tool_{tool}][aria-pressed=true]").wait_for()

    def shapes(self):
        return self.page.locator("[data-testid=panes] svg.svg-layer g").count()


def test_a_box_is_stored_in_pixels_and_millimetres_and_is_there_again(desk, project):
    desk.take("box")
    desk.drag((15, 20), (35, 30))
    desk.page.get_by_test_id("region").wait_for()
    [region] = regions_of(saved(regions_of))
    assert (region["kind"], region["label"], region["frame"]) == ("box", "nodule", 1)
    expected = [(15, 20), (35, 20), (35, 30), (15, 30)]
    assert np.abs(np.array(region["pixels"]) - expected).max() < 0.75
    millimetres = np.array(region["pixels"]) * PIXEL_MM + CORNER_MM
    middle = (SLICES - 1) // 2 * SLICE_MM
    assert np.allclose(np.array(region["points"])[:, :2], millimetres, atol=0.01)
    assert np.allclose(np.array(region["points"])[:, 2], middle, atol=0.01)

    desk.get_up()
    desk.sit_down()
    desk.page.get_by_test_id("region").wait_for()
    servers.eventually(lambda: desk.shapes() > 0, "the box is drawn again", timeout_s=20)
    assert regions_of(draft()) == [region]


def stored(kind):
    """The pixels of the region of a kind, once it is saved."""
    content = saved(lambda content: any(one["kind"] == kind for one in regions_of(content)))
    [region] = [one for one in regions_of(content) if one["kind"] == kind]
    pixels = np.array(region["pixels"])
    points = np.array(region["points"])
    assert np.allclose(points[:, :2], pixels * PIXEL_MM + CORNER_MM, atol=0.01)
    return pixels


def is_at(pixels, *expected):
    return np.abs(pixels - np.array(expected)).max() < 0.15


def test_every_kind_of_region_is_stored_where_it_was_drawn_and_measured_in_one_voice(desk):
    click = lambda x, y: desk.page.mouse.click(*desk.at(x, y))  # noqa: E731
    desk.take("point")
    click(14, 50)
    assert is_at(stored("point"), (14, 50))
    desk.take("arrow")
    desk.drag((50, 14), (44, 20))
    assert is_at(stored("arrow"), (50, 14), (44, 20))
    desk.take("bidirectional")
    desk.drag((14, 14), (14, 26))
    long_axis, short_axis = np.split(stored("bidirectional"), 2)
    assert is_at(long_axis, (14, 14), (14, 26))
    assert is_at(short_axis.mean(axis=0), (14, 20))
    assert abs(np.dot(np.diff(long_axis, axis=0)[0], np.diff(short_axis, axis=0)[0])) < 0.5
    desk.take("angle")
    desk.drag((22, 14), (22, 24))
    click(32, 24)
    assert is_at(stored("angle"), (22, 14), (22, 24), (32, 24))
    desk.take("polygon")
    corners = [(24, 30), (34, 30), (34, 38), (24, 30)]
    for corner in corners:
        click(*corner)
        desk.page.wait_for_timeout(600)  # faster, and two corners are a double click
    assert is_at(stored("polygon"), *corners[:3])
    desk.take("freehand")
    mouse = desk.page.mouse
    mouse.move(*desk.at(40, 40))
    mouse.down()
    for corner in ((50, 40), (50, 50), (40, 50), (40, 40.5)):
        mouse.move(*desk.at(*corner), steps=6)
    mouse.up()
    outline = stored("freehand")
    edges = [*outline.min(axis=0), *outline.max(axis=0)]
    assert is_at(np.array(edges), [40, 40, 50, 50])

    # The image says of each what the list says, in the same words and short lines.
    said = desk.page.get_by_test_id("region").all_inner_texts()
    written = desk.page.locator("svg.svg-layer text tspan").all_text_contents()
    lines = [line for line in written if line.strip()]
    assert {"90.0°", "value 60.0 HU"} <= set(lines)
    assert any(line.startswith("area ") and line.endswith(" mm²") for line in lines)
    assert any("mm² (mm in the patient)" in entry for entry in said)
    assert [line for line in lines if not any(line in entry for entry in said)] == []


def test_a_stroke_is_stored_voxel_by_voxel_and_undo_takes_it_back(desk):
    desk.take("brush")
    desk.drag((25, 25), (40, 25))
    content = saved(painted)
    [(place, labels)] = painted(content).items()
    rows, columns = np.nonzero(labels)
    assert labels.shape == (SIDE, SIDE)
    assert set(labels[labels > 0]) == {1}
    radius = 5 / PIXEL_MM
    assert abs(rows.mean() - 25) < 0.75
    assert abs(columns.mean() - 32.5) < 0.75
    assert abs(rows.max() - rows.min() + 1 - 2 * radius) <= 2
    assert abs(columns.max() - columns.min() + 1 - (15 + 2 * radius)) <= 2
    assert place.endswith(":1")

    desk.page.keyboard.press("Control+z")
    saved(lambda content: not painted(content))
    desk.page.keyboard.press("Control+y")
    again = saved(painted)
    assert np.array_equal(painted(again)[place], labels)


def test_what_was_drawn_is_handed_in_for_ever(desk):
    desk.take("length")
    desk.drag((12, 40), (45.333, 40))  # 50 mm
    saved(regions_of)
    assert "mm in the patient" in desk.page.get_by_test_id("region").inner_text()
    desk.page.keyboard.press("2")
    # Cornerstone would hold each click back until it is no double click.
    desk.take("point")
    desk.page.mouse.click(*desk.at(20, 20))
    desk.take("brush")
    desk.page.mouse.click(*desk.at(40, 20))
    desk.page.keyboard.press("Enter")
    desk.page.get_by_test_id("finished").wait_for()
    revision = Revision.objects.get()
    length, point = revision.content["regions"]
    (x1, y1), (x2, y2) = length["pixels"]
    assert abs(np.hypot(x2 - x1, y2 - y1) * PIXEL_MM - 50) < 0.5 * PIXEL_MM
    assert revision.content["answers"] == {"finding": "yes"}
    assert np.allclose(point["pixels"], [[20, 20]], atol=0.5)
    [labels] = painted(revision.content).values()
    assert np.allclose(np.mean(np.nonzero(labels), axis=1), [20, 40], atol=0.75)


def test_undo_goes_over_everything_that_was_done(desk):
    before = draft()
    desk.page.keyboard.press("2")
    desk.take("point")
    x, y = desk.at(30, 30)
    desk.page.mouse.click(x, y)
    desk.page.get_by_test_id("region").wait_for()
    desk.take("brush")
    desk.drag((20, 40), (30, 40))
    full = saved(lambda content: painted(content) and regions_of(content))
    for _ in range(3):
        desk.page.keyboard.press("Control+z")
    saved(lambda content: content == before)
    for _ in range(3):
        desk.page.keyboard.press("Control+y")
    saved(lambda content: content == full)


def test_a_remark_is_pinned_to_the_middle_of_what_is_seen_or_to_a_chosen_place(desk):
    page = desk.page
    page.get_by_label("New comment").fill("Is this a vessel?")
    page.get_by_label("Pin to the image shown").check()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Go to the place").wait_for()
    place = Comment.objects.get().place
    assert place["frame"] == 1
    assert np.abs(np.array(place["pixel"]) - (SIDE - 1) / 2).max() <= 1

    # Or to the place that is chosen by a click, and shown with its number on its image alone.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+.")
    page.get_by_role("button", name="Click on the image").wait_for()
    desk.page.mouse.click(*desk.at(20, 30))
    page.locator("[data-pin='+']").wait_for(state="attached")
    page.keyboard.type("And this?")
    page.keyboard.press("Control+Enter")
    pin = page.locator("[data-pin='2']")
    pin.wait_for(state="attached")
    assert Comment.objects.latest("created_at").place["pixel"] == [20, 30]
    ring = pin.locator("circle").bounding_box()
    centre = (ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    assert np.abs(np.subtract(centre, desk.at(20, 30))).max() < 2
    # The field is left, once the server has it: keys answer, and move the images.
    page.wait_for_function("document.activeElement === document.body")
    page.keyboard.press("1")
    saved(lambda content: content["answers"] == {"finding": "no"})
    assert page.get_by_label("New comment").input_value() == ""
    page.keyboard.press("ArrowDown")
    pin.wait_for(state="detached")
    page.get_by_role("button", name="Go to the place").last.click()
    pin.wait_for(state="attached")
    assert regions_of(draft()) == []

    assert faults(page) == ""
    # What is half written is there again when its case comes back.
    page.get_by_label("New comment").fill("On second thou")
    page.get_by_label("New comment").blur()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.get_by_text("stays with its case").wait_for()
    page.keyboard.press("z")
    comment = page.get_by_label("New comment")
    comment.wait_for()
    assert comment.input_value() == "On second thou"
    assert Comment.objects.count() == 2
