"""What may not be done is refused where it begins, in words, and never stops what is saved after it."""

import io

import pydicom
import pytest

from annotation.archive.models import Study
from annotation.labeling.models import Case, Revision
from tests.e2e.rooms import draft, drag, make_case, phantom, reading, regions_of, saved

SLICES = 4
DEFINITION = {
    "questions": [
        {"key": "finding", "options": [{"key": "no"}, {"key": "yes"}], "required": False},
        {
            "key": "phase", "label": "Which phase?", "scope": "series",
            "options": [{"key": "plain"}, {"key": "late"}], "required": False,
        },
        {"key": "why", "label": "Why late?", "scope": "series", "kind": "text",
         "show_if": {"question": "phase", "is": "late"}},
        {"key": "margin", "label": "Margin?", "scope": "region", "kind": "text",
         "for_labels": ["nodule"], "required": False},
    ],
    "region_labels": [
        {"key": "nodule", "label": "Nodule", "kinds": ["box"]},
        {"key": "diameter", "label": "Diameter", "kinds": ["length", "box"]},
    ],
    "segments": [{"value": 1, "label": "Liver"}],
    "hanging": [{
        "name": "With the prior", "match": {"has_prior": True, "orientation": ["axial"]},
        "layout": "1x2", "sync": ["scroll"],
        "panes": [{"prior": 0, "preset": "lung"}, {"prior": 1, "preset": "bone"}],
    }],
}  # fmt: skip
BOX, LENGTH = ((12, 12), (24, 20)), ((14, 52), (40, 52))
OWN, PRIOR = 0, 1
# Once more, as soon as the next case is there to be handed in.
ENTER_AGAIN = """() => {
  const reading = () => document.querySelector('[data-testid=reading]')?.dataset ?? {}
  const before = reading().case
  new MutationObserver((_, watch) => {
    if (reading().phase !== 'reading' || reading().case === before) return
    watch.disconnect()
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
  }).observe(document.body, { attributes: true, childList: true, subtree: true })
}"""


def dated(key, date):
    """A phantom of the same patient on a day."""
    for data in phantom(key, slices=SLICES):
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.StudyDate = date
        output = io.BytesIO()
        dataset.save_as(output)
        yield output.getvalue()


@pytest.fixture
def project(live_cast):
    """A case with a prior; the newer study is read first."""
    files = [*dated("old", "20240101"), *dated("new", "20250101")]
    project = make_case(live_cast, "followed up", files, definition=DEFINITION)
    Case.objects.filter(study__study_date__year=2025).update(priority=1.0)
    return project


def has_notice(room, text):
    notice = room.page.locator(".mantine-Notification-root", has_text=text).first
    notice.wait_for(timeout=10_000)
    notice.locator("button").click()
    notice.wait_for(state="detached")
    return True


def test_what_may_not_be_done_is_refused_and_the_rest_is_saved(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        for pane in (OWN, PRIOR):
            room.until(f"p.status === 'shown' && p.loaded === {SLICES}", pane)
        the_rule_reaches_the_panes(room)
        nothing_is_drawn_on_the_prior(room)
        a_stroke_is_saved_though_nothing_follows_it(room)
        the_tool_follows_the_label(room)
        a_new_label_takes_its_answers_and_undo_brings_them_back(room)
        a_missing_answer_is_shown_where_it_is_missing(room)
        came = frames_of_the_older(room)
        the_next_case_is_not_handed_in_unseen(room)
        room.until(f"p.status === 'shown' && p.loaded === {SLICES}")
        assert frames_of_the_older(room) == came  # what was there as a prior stays
        what_is_answered_is_handed_in_at_once(room)


def the_rule_reaches_the_panes(room):
    windows = [(pane["preset"], pane["width"]) for pane in map(room.pane, (OWN, PRIOR))]
    assert windows == [("lung", 1500), ("bone", 2500)]
    assert room.do("return w.state.links") == {"scroll": True, "window": False, "zoom": False}
    assert room.page.get_by_test_id("plan-notice").count() == 0
    for slice in (SLICES, 2):
        room.do(f"await w.goTo({slice})")
        room.until(f"p.slice === {slice}", PRIOR)


def nothing_is_drawn_on_the_prior(room):
    asked = room.page.get_by_text("Which phase?")
    asked.wait_for()
    for tool in ("box", "brush"):
        room.take(tool)
        drag(room.page, room.at(PRIOR, 0.4, 0.4), room.at(PRIOR, 0.6, 0.6))
        assert has_notice(room, "An earlier study is only looked at")
    asked.wait_for(state="detached")  # the prior's pane is the active one now
    assert draft() == {"answers": {}}
    room.page.mouse.click(*room.at(OWN, 0.9, 0.9), button="middle")
    room.until(f"s.active === {OWN}")
    asked.wait_for()


def a_stroke_is_saved_though_nothing_follows_it(room):
    room.draw("box", *BOX)
    saved(regions_of)


def the_tool_follows_the_label(room):
    room.do("w.setTool('window')")
    choose(room, "Label of what is drawn next", "Diameter")
    room.draw("length", *LENGTH)
    saved(lambda content: len(regions_of(content)) == 2)
    choose(room, "Label of what is drawn next", "Nodule")
    room.until("s.tool === 'box'")
    assert has_notice(room, "“Nodule” may not be drawn with this tool")


def choose(room, field, option):
    room.page.get_by_label(field, exact=True).first.click()
    room.page.get_by_role("option", name=option, exact=True).click()


def a_new_label_takes_its_answers_and_undo_brings_them_back(room):
    region = room.page.get_by_test_id("region").first
    region.get_by_role("button").first.click()
    region.get_by_role("textbox").last.fill("sharp")
    saved(lambda content: regions_of(content)[0]["answers"] == {"margin": "sharp"})
    region.get_by_label("Label", exact=True).click()
    room.page.get_by_role("option", name="Diameter", exact=True).click()
    assert has_notice(room, "One answer is not asked with this label")
    saved(lambda content: regions_of(content)[0]["label"] == "diameter")
    assert regions_of(draft())[0]["answers"] == {}
    room.page.locator("[data-action=undo]").click()
    saved(lambda content: regions_of(content)[0]["answers"] == {"margin": "sharp"})


def a_missing_answer_is_shown_where_it_is_missing(room):
    room.page.get_by_text("late", exact=True).click()
    saved(lambda content: content.get("scoped"))
    room.do(f"w.activate({PRIOR})")
    asked = room.page.get_by_text("Why late?")
    asked.wait_for(state="detached")
    room.page.get_by_role("button", name="Submit").click()
    room.until(f"s.active === {OWN}")
    room.page.get_by_test_id("missing").get_by_text("Why late?").wait_for()
    assert not Revision.objects.exists()
    room.page.locator("[data-question=why]").get_by_role("textbox").fill("contrast")
    room.page.get_by_test_id("missing").wait_for(state="detached")


def the_next_case_is_not_handed_in_unseen(room):
    room.page.evaluate(ENTER_AGAIN)
    room.page.get_by_role("button", name="Submit").click()
    assert has_notice(room, "This case has only just opened")
    # The older study comes next, which has no prior.
    room.page.get_by_test_id("plan-notice").get_by_text("No hanging rule fits").wait_for()
    assert Revision.objects.count() == 1


def frames_of_the_older(room):
    """All that were asked for so far."""
    [older] = Study.objects.filter(study_date__year=2024)
    asked = room.page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    return [url for url in asked if "/frames/" in url and older.study_instance_uid in url]


def what_is_answered_is_handed_in_at_once(room):
    room.page.keyboard.press("1")
    room.page.keyboard.press("Enter")
    room.page.get_by_test_id("finished").wait_for()
    assert Revision.objects.count() == 2


REMEMBERED = """() => {
  const get = HTMLCanvasElement.prototype.getContext
  window.cards = []
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    const context = get.call(this, kind, ...rest)
    if (context && kind.startsWith('webgl')) window.cards.push(context.getExtension('WEBGL_lose_context'))
    return context
  }
}"""


def test_a_page_that_breaks_says_so_and_comes_back_with_the_work(live_cast):
    project = make_case(
        live_cast, "phantom", phantom("broken", slices=SLICES), definition=DEFINITION
    )
    with reading(live_cast) as enter:
        room = enter(project)
        room.page.get_by_test_id("plan-notice").get_by_text("No hanging rule fits").wait_for()
        room.draw("box", *BOX)
        saved(regions_of)
        page = room.page
        part = "**/assets/ReadingPage*.js"
        page.route(part, lambda route: route.abort())
        page.reload()
        page.get_by_test_id("broken").get_by_text("could not be loaded").first.wait_for()
        page.unroute(part)
        page.add_init_script(f"({REMEMBERED})()")
        page.get_by_role("button", name="Load the page again").click()
        page.get_by_test_id("region").wait_for()
        room.until(f"p.status === 'shown' && p.loaded === {SLICES}")

        page.evaluate(
            "window.cards.splice(0).forEach((card, i, all) => {"
            " card.loseContext(); window.lost = all })"
        )
        page.get_by_test_id("graphics-lost").wait_for()
        page.evaluate("window.lost.forEach((card) => card.restoreContext())")
        page.get_by_test_id("graphics-lost").wait_for(state="detached")
        room.until(f"p.status === 'shown' && p.loaded === {SLICES}")
        assert room.picture().max() > 100
        page.locator("[data-testid=panes] svg.svg-layer g").first.wait_for(state="attached")
        room.draw("box", (40, 40), (50, 50))
        saved(lambda content: len(regions_of(content)) == 2)
