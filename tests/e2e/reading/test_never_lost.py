"""Dying tabs and servers, lost answers, lost leases, second tabs and new schemas: nothing drawn is lost."""

import contextlib
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from playwright.sync_api import Error

from annotation.labeling.models import Annotation, Assignment, Revision, Role
from annotation.labeling.services import claiming
from annotation.labeling.services.projects import publish_schema, set_member
from tests import servers
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.e2e.rooms import (
    Room,
    draft,
    let_in,
    make_case,
    painted,
    phantom,
    regions_of,
    saved,
    voxel_mm,
)  # fmt: skip

DRAFTS = "**/api/v1/annotations/*/draft"
SAVED = "[data-testid=save-state][data-kind=saved]"
FINDING = {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]}
QUALITY = {
    "key": "quality", "label": "Image quality", "scope": "instance", "required": False,
    "options": [{"key": "good", "label": "good"}, {"key": "poor", "label": "poor"}],
}  # fmt: skip
DEFINITION = {
    "questions": [FINDING, QUALITY],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
    "segments": [{"value": 1, "label": "Liver"}],
}
OTHER_DEFINITION = {"questions": [{**FINDING, "key": "grade", "label": "Which grade?"}]}
BOX, LENGTH, STROKE = [((12, 12), (24, 20)), ((14, 52), (40, 52)), ((30, 30), (42, 30))]


@pytest.fixture
def project(live_cast):
    return make_case(live_cast, "phantom", phantom("kept", slices=6), definition=DEFINITION)


@pytest.fixture
def house(project):
    with person.visiting() as (address, browser):
        opened = House(address, browser, project)
        yield opened
    assert opened.troubles == []


class House:
    """Reading rooms of one project, for several people, each with a browser of their own."""

    def __init__(self, address, browser, project):
        self.address, self.browser, self.project = address, browser, project
        self.troubles = []

    def sit_down(self, username="manager", *, at=""):
        """With `at`, at another server."""
        page = person.new_page(self.browser, at or self.address, self.troubles)
        let_in(page, at or self.address, username)
        return self.enter(page)

    def tab_beside(self, room):
        """Another tab of the same browser."""
        page = room.page.context.new_page()
        page.goto(room.page.url)
        return self.enter(page)

    def enter(self, page):
        if not page.url.endswith("/read"):
            page.goto(f"/projects/{self.project.pk}/read")
        page.wait_for_selector(person.SHOWN, timeout=60_000)
        room = Room(page)
        room.until("p.loaded === 6")
        return room


def crash(room):
    """The tab dies as one that ran out of memory."""
    session = room.page.context.new_cdp_session(room.page)
    with room.page.expect_event("crash"), contextlib.suppress(Error):
        session.send("Page.crash", timeout=1_000)  # there is nobody left to answer


def lists(room, count):
    """Wait until so many regions are listed."""
    listed = f"() => document.querySelectorAll('[data-testid=region]').length === {count}"
    room.page.wait_for_function(listed, timeout=20_000)
    return True


def refuse_saves(room):
    room.page.route(DRAFTS, lambda route: route.abort())


def allow_saves(room):
    room.page.unroute(DRAFTS)


def lose_answers(room):
    """The server saves, and nobody hears of it. Routes run while the page is waited for."""

    def save_and_be_silent(route):
        route.fetch()
        route.abort()

    room.page.route(DRAFTS, save_and_be_silent)


def is_offline(room):
    room.page.get_by_test_id("offline").wait_for()
    return True


def conflict_of(room):
    """The rows of the table that shows both versions."""
    table = room.page.get_by_test_id("conflict").locator("tbody tr")
    table.first.wait_for()
    return [row.split("\t") for row in table.all_inner_texts()]


def test_a_tab_that_dies_with_unsaved_work_has_it_again(house):
    room = house.sit_down()
    refuse_saves(room)
    room.paint("brush", *STROKE)
    assert is_offline(room)
    stroke_mm = [voxel_mm(x, 30, 2) for x in range(24, 49)]
    colours = room.are_coloured(0, stroke_mm)
    room.draw("box", *BOX)
    assert lists(room, 1)
    crash(room)
    assert not painted(draft())
    again = house.tab_beside(room)
    assert lists(again, 1)
    content = saved(lambda found: painted(found) and regions_of(found))
    [labels] = painted(content).values()
    assert labels[30, 24:49].astype(bool).tolist() == colours.tolist()
    assert 10 < colours.sum() < 25
    servers.eventually(
        lambda: (again.are_coloured(0, stroke_mm) == colours).all(), "the stroke is drawn again"
    )


def test_a_tab_that_dies_before_it_hears_that_its_work_is_saved_asks_nothing(house):
    room = house.sit_down()
    lose_answers(room)
    room.draw("box", *BOX)
    assert is_offline(room)
    saved(regions_of)
    crash(room)
    again = house.tab_beside(room)
    assert lists(again, 1)
    again.page.keyboard.press("1")
    saved(lambda content: content["answers"] == {"finding": "no"} and regions_of(content))
    assert again.page.get_by_test_id("conflict").count() == 0


def test_a_save_whose_answer_is_lost_is_no_conflict(house):
    room = house.sit_down()
    lose_answers(room)
    room.draw("box", *BOX)
    assert is_offline(room)
    saved(regions_of)
    allow_saves(room)
    room.draw("length", *LENGTH)
    saved(lambda content: len(regions_of(content)) == 2)
    room.page.wait_for_selector(SAVED)


def test_a_server_that_is_killed_while_it_saves_has_everything_when_it_is_back(house):
    port = servers.free_port()
    address = f"http://127.0.0.1:{port}"
    with servers.running(servers.web_command(port), FIRSTREAD_PROCESS="web") as process:
        servers.eventually(lambda: servers.answers(f"{address}/healthz"), "the server answers")
        room = house.sit_down(at=address)
        with transaction.atomic():
            Annotation.objects.select_for_update().get()
            room.draw("box", *BOX)
            servers.eventually(somebody_waits, "the save has come as far as the row")
            servers.kill(process)
        assert is_offline(room)
        room.paint("brush", *STROKE)
        assert draft() == {"answers": {}}
    with servers.web_server(port=port):
        saved(lambda content: regions_of(content) and painted(content))
        room.page.wait_for_selector(SAVED)
        room.page.get_by_test_id("offline").wait_for(state="detached")


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def test_a_lapsed_lease_that_another_reader_took_costs_no_work(house, live_cast, project):
    set_member(
        actor=live_cast.manager, project=project, user=live_cast.annotator, role=Role.ANNOTATOR
    )
    room = house.sit_down()
    room.page.route("**/heartbeat", lambda route: route.abort())  # or it would take the case back
    room.draw("box", *BOX)
    saved(regions_of)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert claiming.expire_assignments() == 1
    other = house.sit_down("annotator")
    assert person.current_case(other.page) == person.current_case(room.page)
    assert lists(other, 0)

    room.draw("length", *LENGTH)  # the first reader knows nothing yet: it is saved all the same
    mine = Annotation.objects.filter(reader=live_cast.manager)
    servers.eventually(lambda: len(regions_of(mine.get().draft)) == 2, "the length is saved")
    room.page.keyboard.press("2")
    room.page.keyboard.press("Enter")
    lost = room.page.get_by_test_id("lease-lost")
    lost.get_by_text("Your draft is kept").wait_for()
    assert faults(room.page) == ""
    room.page.wait_for_selector("[data-testid=reading][data-phase=reading]")
    assert not Revision.objects.exists()

    other.page.get_by_role("button", name="Leave").click()
    other.page.get_by_role("heading", name="Projects").wait_for()
    lost.get_by_role("button", name="Go on with the worklist").click()
    lost.wait_for(state="detached")
    room.page.wait_for_selector(person.SHOWN)
    assert lists(room, 2)
    for key in ("1", "2", "Enter"):  # at once: a case in which nothing changes must be seen first
        room.page.keyboard.press(key)
    room.page.get_by_test_id("finished").wait_for()
    content = Revision.objects.get().content
    assert [region["kind"] for region in content["regions"]] == ["box", "length"]
    assert content["answers"] == {"finding": "yes"}


def of_shown(room):
    """How the page names the image and the series in the first pane."""
    return f"the image {room.pane()['slice']} of CT", "the series CT"


def judge_image(room, option):
    """Answer the question about the image that is shown."""
    room.page.locator("[data-question=quality]").get_by_role("button", name=option).click()


def look_at(room, version):
    room.page.get_by_test_id("conflict").get_by_text(version, exact=True).last.click()


def shows_stroke(room):
    (x1, y), (x2, _) = STROKE
    return bool(room.are_coloured(0, [voxel_mm((x1 + x2) / 2, y, 2)])[0])


def test_a_second_tab_follows_and_a_conflict_shows_both_versions(house):
    first = house.sit_down()
    second = house.tab_beside(first)
    first.draw("box", *BOX)
    assert lists(second, 1)

    refuse_saves(second)
    second.draw("length", *LENGTH)
    assert is_offline(second)
    first.page.keyboard.press("2")
    first.paint("brush", *STROKE)
    saved(lambda content: content["answers"] and painted(content))
    allow_saves(second)
    image, series = of_shown(second)
    rows = [
        ["Any finding?", "no answer", "yes"],
        ["Regions", "2", "1"],
        [f"region 2. Nodule, {image}", "drawn", "not drawn"],
        [f"segmentation in layer 0, {series}", "0 images", "1 image"],
    ]
    assert conflict_of(second) == rows
    assert faults(second.page) == ""
    look_at(second, "There")
    assert lists(second, 1)
    servers.eventually(lambda: shows_stroke(second), "the other version is drawn", 5)
    look_at(second, "Here")
    assert lists(second, 2)
    servers.eventually(lambda: not shows_stroke(second), "mine is drawn again", 5)
    second.page.get_by_role("button", name="Keep mine").click()
    content = saved(lambda found: len(regions_of(found)) == 2)
    assert content["answers"] == {}
    assert lists(first, 2)

    refuse_saves(second)
    judge_image(second, "poor")
    assert is_offline(second)
    judge_image(first, "good")
    content = saved(lambda found: "scoped" in found)
    allow_saves(second)
    assert conflict_of(second) == [[f"{image} · Image quality", "poor", "good"]]
    second.page.get_by_role("button", name="Take the other").click()
    second.page.get_by_test_id("conflict").wait_for(state="detached")
    second.page.wait_for_selector(SAVED)
    assert draft() == content


def test_a_new_schema_leaves_the_open_case_as_it_was_asked(house, live_cast, project):
    room = house.sit_down()
    room.draw("box", *BOX)
    saved(regions_of)
    asked = Annotation.objects.get().schema
    publish_schema(actor=live_cast.manager, project=project, definition=OTHER_DEFINITION)
    room.draw("length", *LENGTH)
    saved(lambda content: len(regions_of(content)) == 2)
    room.page.reload()
    room = house.enter(room.page)
    assert lists(room, 2)
    room.page.keyboard.press("2")
    room.page.keyboard.press("Enter")
    room.page.get_by_test_id("finished").wait_for()
    revision = Revision.objects.get()
    assert revision.schema == asked
    assert revision.content["answers"] == {"finding": "yes"}
    assert [region["label"] for region in revision.content["regions"]] == ["nodule", "nodule"]
