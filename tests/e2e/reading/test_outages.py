"""Images that fail: never taken for others, never drawn on, and fetched again when the network is back."""

import pytest

from tests.e2e.axe import faults
from tests.e2e.rooms import MARK_MM, draft, drag, make_case, phantom, reading, regions_of

DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]}
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
}
ONLY_THE_MARK = "w.window({ center: 2500, width: 500 })"
STUDY = "const study = w.state.panes[0].study ?? w.kept; w.kept = study;"
# What the page waits for is over soon.
IMPATIENT = """() => {
  const { setTimeout } = window
  window.setTimeout = (act, ms, ...rest) => setTimeout(act, ms === 30_000 ? 2_000 : ms, ...rest)
}"""


@pytest.fixture
def room(live_cast):
    project = make_case(live_cast, "phantom", phantom("outage"), definition=DEFINITION)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 40")
        yield room


def lose(room, slices, fate=lambda route: route.abort()):
    """Give back what is loaded; from now on these slices (from 1) do not arrive."""
    uids = room.do(f"{STUDY} return study.series[0].instances.map((i) => i.sop_instance_uid)")
    room.do(f"{STUDY} w.forget(study)")
    cdp = room.page.context.new_cdp_session(room.page)
    cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
    for number in slices:
        room.page.route(f"**/instances/{uids[number - 1]}/frames/1", fate)


def show(room, presentation, slices_there):
    room.do(
        f"{STUDY} await w.show(0, {{ study, series: study.series[0], as: '{presentation}' }}, 19); w.activate(0)"
    )
    room.until(f"p.status === 'shown' && p.loaded === {slices_there}")


def test_a_slice_that_failed_never_passes_for_another_and_is_not_drawn_on(room):
    lose(room, [21, 22, 23])
    show(room, "stack", 37)
    room.page.keyboard.press("ArrowDown")
    room.page.keyboard.press("ArrowDown")
    room.until("p.status === 'failed' && p.slice === 21")
    # Whatever is done, and whatever else fails, it is not the slice before it.
    room.do("w.zoom(1.5); w.window({ center: 0, width: 900 })")
    room.until("p.status === 'failed' && p.slice === 21")
    room.page.wait_for_timeout(2_500)  # the others were asked for again, and failed again
    room.do("w.zoom(1.2)")
    room.until("p.status === 'failed' && p.slice === 21")
    again = room.page.get_by_role("button", name="Try again")
    again.wait_for()
    assert faults(room.page) == ""

    room.do("w.setTool('length')")
    drag(room.page, room.at(0, 0.3, 0.3), room.at(0, 0.5, 0.35))
    room.page.get_by_text("nothing can be drawn on it").wait_for()
    assert regions_of(draft()) == []

    room.page.keyboard.press("ArrowDown")
    room.until("p.status === 'failed' && p.slice === 22")
    room.page.keyboard.press("ArrowUp")
    room.until("p.status === 'failed' && p.slice === 21")
    with room.page.expect_request("**/frames/1"):
        again.click()
    room.page.unroute_all()
    room.page.keyboard.press("Control+F6")
    room.until("p.status === 'shown' && p.slice === 21 && p.loaded === 40")
    assert room.do("return w.inView().sop_instance_uid") == room.do(
        "return w.state.panes[0].series.instances[20].sop_instance_uid"
    )
    drag(room.page, room.at(0, 0.3, 0.3), room.at(0, 0.5, 0.35))
    room.page.get_by_test_id("region").wait_for()


def test_a_series_that_failed_altogether_is_shown_when_it_can_be(room):
    room.do(f"{STUDY} w.forget(study)")
    room.page.route("**/metadata", lambda route: route.abort())
    room.do(f"{STUDY} void w.show(0, {{ study, series: study.series[0], as: 'stack' }}, 19)")
    room.until("p.status === 'failed'")
    room.page.unroute_all()
    room.until("p.status === 'shown' && p.loaded === 40")
    a_slice_that_is_never_answered_comes_all_the_same(room)


def a_slice_that_is_never_answered_comes_all_the_same(room):
    """Neither is it waited for for ever, nor what is fetched ahead after it."""
    unanswered = set()

    def answer_the_second(route):
        request = route.request
        if request.resource_type == "xhr" and request.url not in unanswered:
            unanswered.add(request.url)
        else:
            route.continue_()

    room.page.evaluate(IMPATIENT)
    lose(room, [19, 20, 21, 22, 23], fate=answer_the_second)
    room.do(f"{STUDY} void w.show(0, {{ study, series: study.series[0], as: 'stack' }}, 19)")
    room.until("p.status === 'failed'")
    room.page.get_by_role("button", name="Try again").click()
    room.until("p.status === 'shown' && p.slice === 19 && p.loaded === 40")


def test_a_volume_fills_its_holes_when_the_network_is_back(room):
    lose(room, [30, 31, 32])
    show(room, "sagittal", 37)
    room.do(f"{ONLY_THE_MARK}; await w.jumpTo('', 1)")
    room.do("w.goTo(Math.round(w.state.panes[0].slices * 46 / 64))")
    assert room.centre_of_bright() is None
    room.page.unroute_all()
    room.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    room.until("p.loaded === 40")
    room.settle()
    found = room.centre_of_bright()
    assert found is not None
    assert abs(found[2] - MARK_MM[2]) < 3
