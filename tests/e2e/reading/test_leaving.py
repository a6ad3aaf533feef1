"""What is typed and not yet handed in: numbers that do not fit, comments, and a page that is left."""

import pytest

from annotation.labeling.models import Assignment, AssignmentState, Comment, Revision
from tests import servers
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.e2e.rooms import draft, drag, make_case, phantom, reading, regions_of, saved

DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "size", "label": "Size", "kind": "number", "required": False, "maximum": 300},
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
    "segments": [{"value": 1, "label": "Liver"}],
}
NO_STORAGE = """() => {
  IDBFactory.prototype.open = () => { throw new Error('switched off') }
  Storage.prototype.setItem = () => { throw new Error('full') }
}"""


@pytest.fixture
def enter(live_cast):
    project = make_case(live_cast, "phantom", phantom("left", slices=6), definition=DEFINITION)
    with reading(live_cast) as enter:
        yield lambda: enter(project)


def test_a_number_that_does_not_fit_stops_the_submission_and_erases_nothing(enter):
    page = enter().page
    page.keyboard.press("1")
    size = page.get_by_label("Size", exact=True)
    size.fill("120")
    saved(lambda content: content["answers"].get("size") == 120)
    size.fill("1200")
    page.keyboard.press("Enter")  # leaves the field
    page.keyboard.press("Enter")
    page.get_by_text("What is typed here does not fit").wait_for()
    assert size.input_value() == "1200"
    assert draft()["answers"]["size"] == 120
    assert not Revision.objects.exists()
    assert faults(page) == ""
    size.fill("200")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.get_by_test_id("finished").wait_for()
    assert Revision.objects.get().content["answers"] == {"finding": "no", "size": 200}


def test_a_comment_survives_a_reload_and_a_server_that_does_not_take_it(enter):
    page = enter().page
    page.route(
        "**/comments",
        lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
    )
    comment = page.get_by_label("New comment")
    comment.fill("Is this a vessel?")
    page.keyboard.press("Control+Enter")
    page.get_by_test_id("comment-unsent").wait_for()
    page.reload()
    comment.wait_for()
    assert comment.input_value() == "Is this a vessel?"
    page.unroute_all()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_test_id("comment").wait_for()
    assert Comment.objects.get().text == "Is this a vessel?"
    assert comment.input_value() == ""


def test_going_elsewhere_saves_what_waits(enter):
    room = enter()
    room.draw("length", (14, 52), (40, 52))
    room.page.get_by_test_id("region").wait_for()
    room.page.goto("/")
    saved(lambda content: len(regions_of(content)) == 1)


def come_from_its_project(room):
    room.page.goto(room.page.url.removesuffix("/read"))
    room.page.get_by_role("link", name="Read", exact=True).click()
    room.page.wait_for_selector(person.SHOWN)
    return room


def test_back_stops_once_where_work_would_be_lost(enter):
    room = enter()
    page = room.page
    page.add_init_script(f"({NO_STORAGE})()")
    come_from_its_project(room)
    page.route("**/draft", lambda route: route.abort())
    room.draw("length", (14, 52), (40, 52))
    page.get_by_test_id("not-kept").get_by_text("Leave this tab open").wait_for()
    page.go_back()
    page.get_by_test_id("would-be-lost").wait_for()
    assert page.url.endswith("/read")
    page.go_back()
    page.get_by_role("heading", name="phantom").wait_for()


def test_back_saves_what_waits_and_gives_the_case_back(enter):
    room = come_from_its_project(enter())
    page = room.page
    room.draw("length", (14, 52), (40, 52))
    page.get_by_test_id("region").wait_for()
    page.go_back()
    page.get_by_role("heading", name="phantom").wait_for()
    assert len(regions_of(draft())) == 1
    servers.eventually(
        lambda: not Assignment.objects.filter(state=AssignmentState.ACTIVE).exists(),
        "the case is given back", 10,
    )  # fmt: skip


def test_a_browser_that_keeps_nothing_says_so_and_asks_before_the_work_is_lost(enter):
    room = enter()
    room.page.add_init_script(f"({NO_STORAGE})()")
    room.page.reload()
    room = enter()
    room.page.route("**/draft", lambda route: route.abort())
    room.take("length")
    drag(room.page, room.pixel(14, 52), room.pixel(40, 52))
    room.page.get_by_test_id("not-kept").get_by_text("Leave this tab open").wait_for()
    assert faults(room.page) == ""
    room.page.get_by_role("button", name="Leave", exact=True).click()
    room.page.get_by_test_id("would-be-lost").get_by_text("once more to go all the same").wait_for()
    assert room.page.url.endswith("/read")
    assert faults(room.page) == ""
    asked = []

    def stay(dialog):
        asked.append(dialog.type)
        dialog.dismiss()

    room.page.on("dialog", stay)
    room.page.evaluate("() => void setTimeout(() => location.assign('/'), 0)")
    room.page.wait_for_timeout(1_000)
    assert asked == ["beforeunload"]
    room.page.unroute_all()
    saved(lambda content: len(regions_of(content)) == 1)
    room.page.get_by_test_id("would-be-lost").wait_for(state="detached")
