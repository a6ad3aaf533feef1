"""What is half drawn ends with the display it is drawn on: nothing of it is stored, and the mouse works afterwards."""

import pytest

from annotation.labeling.models import Revision
from tests.e2e import browser as person
from tests.e2e.rooms import make_case, phantom, reading, regions_of, saved, second_series

DRAWN = "[data-testid=panes] svg.svg-layer :is(circle, line, path, polyline)"
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]}
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
}


@pytest.fixture
def project(live_cast):
    """Two cases, the first that is served of two series."""
    first = phantom("begun", slices=6)
    files = [*first, *second_series(first, phantom("beside", slices=6)), *phantom("next", slices=6)]
    made = make_case(live_cast, "unfinished", files, definition=DEFINITION)
    [of_two] = [case for case in made.cases.all() if case.study.series.count() == 2]
    made.cases.filter(pk=of_two.pk).update(shuffle_key=0)
    return made


@pytest.fixture
def room(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 6")
        yield room


def begin_polygon(room):
    room.take("polygon")
    for corner in [(15, 20), (30, 20)]:
        room.page.mouse.click(*room.pixel(*corner))
        # Faster, and Cornerstone takes two corners for a double click.
        room.page.wait_for_timeout(600)
    assert is_begun(room)


def begin_angle(room, pane):
    room.take("angle")
    x, y = room.at(pane, 0.3, 0.3)
    room.page.mouse.move(x, y)
    room.page.mouse.down()
    room.page.mouse.move(x + 60, y, steps=4)
    room.page.mouse.up()
    room.page.mouse.move(x + 60, y + 40, steps=4)


def is_begun(room):
    return room.page.locator(DRAWN).count() > 0


def mouse_works(room):
    """Wheel and left button do something; what is drawn next is kept as it was drawn."""
    before = room.pane()["slice"]
    room.page.mouse.move(*room.at(0, 0.5, 0.5))
    room.page.mouse.wheel(0, 100 if before < 6 else -100)
    room.until(f"p.slice !== {before}")
    room.draw("length", (14, 52), (40, 52))
    room.page.get_by_test_id("region").wait_for()
    assert room.page.get_by_test_id("region").count() == 1
    return True


def test_a_polygon_that_was_begun_ends_with_its_series(room):
    begin_polygon(room)
    room.page.keyboard.press("Shift+ArrowDown")
    room.until("p.status === 'shown' && p.series === p.study.series[1]")
    assert mouse_works(room)


def test_a_polygon_that_was_begun_ends_with_its_case(room):
    begin_polygon(room)
    before = person.current_case(room.page)
    room.page.keyboard.press("1")
    room.page.keyboard.press("Enter")
    room.page.wait_for_function(person.NEXT_CASE, arg=before, timeout=60_000)
    assert mouse_works(room)
    saved(lambda content: [region["kind"] for region in regions_of(content)] == ["length"])
    assert "regions" not in Revision.objects.get().content


def test_an_angle_that_was_begun_ends_with_its_pane(room):
    room.page.keyboard.press("Shift+F2")
    room.do(
        "const { study } = w.state.panes[0]; await w.show(1, { study, series: study.series[1], as: 'stack' })"
    )
    room.until("p.status === 'shown'", pane=1)
    begin_angle(room, 1)
    room.page.keyboard.press("Shift+F1")
    room.until("s.panes.length === 1")
    assert mouse_works(room)


def test_what_was_begun_ends_with_the_tool_that_is_taken_instead(room):
    begin_angle(room, 0)
    room.draw("arrow", (20, 44), (40, 30))
    saved(lambda content: kinds(content) == ["arrow"])
    begin_polygon(room)
    room.draw("box", (44, 44), (54, 54))
    saved(lambda content: kinds(content) == ["arrow", "box"])


def kinds(content):
    return [region["kind"] for region in regions_of(content)]


def test_esc_gives_a_polygon_up_wherever_the_images_went(room):
    begin_polygon(room)
    slice_before = room.pane()["slice"]
    room.page.keyboard.press("ArrowDown")
    room.until(f"p.slice === {slice_before + 1}")
    room.page.mouse.click(*room.pixel(30, 35))
    room.page.get_by_text("lies on another image").wait_for()
    room.page.keyboard.press("Escape")
    room.page.keyboard.press("ArrowUp")
    room.until(f"p.slice === {slice_before}")
    room.settle()
    assert not is_begun(room)
    assert mouse_works(room)


def test_esc_gives_an_outline_up_that_is_held(room):
    room.take("freehand")
    room.page.mouse.move(*room.pixel(20, 20))
    room.page.mouse.down()
    for corner in [(40, 20), (40, 40), (20, 40)]:
        room.page.mouse.move(*room.pixel(*corner), steps=4)
    room.page.keyboard.press("Escape")
    room.page.mouse.up()
    room.settle()
    assert not is_begun(room)
    assert mouse_works(room)
