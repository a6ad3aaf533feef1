"""What a reader meets when a case opens: no WebGL, a strip of series to drag from, a very long series, images that
were fetched ahead."""

from itertools import chain

import numpy as np

from annotation.imaging import conversion
from annotation.labeling.models import Annotation
from tests import factories, servers
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.e2e.rooms import let_in, make_case, phantom, reading, second_series, voxel_mm

LARGE = (2304, 1792)  # 8 MB: a private window keeps at most 6
LONG, SMALL_SIDE = 500, 16  # bench/reading opens one of 2,000
FRAME_BYTES = SMALL_SIDE * SMALL_SIDE * 2
LIMIT_BYTES = 400 * FRAME_BYTES
AHEAD = (
    270  # of the 300 that may be fetched ahead: those under way when the limit was reached end it
)
LATE_FIRST = {
    "name": "Late first", "match": {}, "layout": "1x1",
    "panes": [{"description": "late", "as": "axial"}],
}  # fmt: skip
WATCH = """
w.most = 0; w.first = null;
w.subscribe((state) => {
  const [pane] = state.panes;
  w.most = Math.max(w.most, w.memory().bytes);
  if (w.first === null && pane.status === 'shown') w.first = pane.loaded;
});
"""


def test_without_webgl_the_page_says_so_and_the_questions_still_work(live_cast):
    factories.make_cases(live_cast.project, 1)
    troubles: list[str] = []
    arguments = ["--no-sandbox", "--disable-3d-apis", "--disable-gpu"]
    with person.visiting() as (address, _), person.chromium(arguments) as browser:
        page = person.new_page(browser, address, troubles)
        let_in(page, address, "annotator")
        page.goto("/")
        page.get_by_role("link", name="Read", exact=True).first.click()
        message = page.get_by_test_id("no-webgl")
        message.get_by_text("The viewer needs WebGL 2").wait_for()
        page.wait_for_selector("[data-testid=reading][data-phase=reading]")
        assert faults(page) == ""
        page.keyboard.press("2")
        page.locator("[aria-pressed=true]").get_by_text("Yes").wait_for()
        page.keyboard.press("Enter")
        page.get_by_test_id("finished").wait_for()
        assert faults(page) == ""
    assert Annotation.objects.get().revisions.get().content["answers"] == {"nodule": "yes"}
    assert troubles == []


def test_a_series_is_dragged_from_the_strip_into_a_pane(live_cast):
    studies = [
        [*first, *second_series(first, phantom(f"{key} late", slices=9), "late")]
        for key in ("one", "other")
        for first in [phantom(key, slices=6)]
    ]
    definition = {**factories.QUESTIONS, "hanging": [LATE_FIRST]}
    project = make_case(live_cast, "phantoms", chain(*studies), definition=definition)
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("w.setLayout('1x2')")
        room.until("s.panes.length === 2 && p.status === 'empty'", 1)
        pane = room.page.locator("[data-testid=overlay][data-pane='1']")
        pane.wait_for()
        # The pane takes what is dragged only while something is: no drag_to, which looks first.
        room.page.get_by_test_id("series").first.hover()
        room.page.mouse.down()
        room.page.mouse.move(*room.at(1, 0.4, 0.5), steps=5)
        room.page.mouse.move(*room.at(1, 0.5, 0.5), steps=5)
        room.page.mouse.up()
        room.until("p.status === 'shown' && p.slices === 6", 1)
        room.until("p.status === 'shown' && p.slices === 9 && p.as === 'axial'", 0)
        room.page.locator("[data-testid=series][data-shown]").nth(1).wait_for()
        the_next_case_hangs_without_waiting(room)


def the_next_case_hangs_without_waiting(room):
    """All that its rule shows is asked for while this case is open, once, and nothing else of it."""
    open_study = room.do("return w.state.panes[0].study.study_instance_uid")

    def frames_of_the_next():
        asked = room.page.evaluate(
            "performance.getEntriesByType('resource').map((one) => one.name)"
        )
        return [url for url in asked if "/frames/" in url and open_study not in url]

    servers.eventually(lambda: len(frames_of_the_next()) >= 9, "it is fetched ahead")
    room.page.mouse.click(*room.at(0, 0.5, 0.5), button="middle")  # else Enter is the strip's
    person.answer_and_submit(room.page, "1")
    room.until("p.status === 'shown' && p.as === 'axial' && p.loaded === 9")
    late = room.do("return w.state.panes[0].series.series_instance_uid")
    frames = frames_of_the_next()
    assert len(frames) == len(set(frames)) == 9
    assert all(late in url for url in frames)


def test_a_very_long_series_shows_an_image_before_it_is_loaded_and_keeps_to_its_memory(live_cast):
    voxels = np.broadcast_to(
        np.arange(LONG, dtype=np.int16)[:, None, None], (LONG, SMALL_SIDE, SMALL_SIDE)
    )
    subject = conversion.Subject(patient_id="long")
    files = conversion.volume_series(voxels, np.diag([1.0, 1.0, 0.5, 1.0]), subject, "long", "CT")
    project = make_case(live_cast, "long", files)
    with reading(live_cast) as enter:
        room = enter(project)
        room.do("const { study } = w.state.panes[0]; w.kept = study; w.close(); w.forget(study)")
        room.do(f"w.limitMemory({LIMIT_BYTES}); {WATCH}")
        room.do(
            "await w.show(0, { study: w.kept, series: w.kept.series[0], as: 'stack' });"
            "w.activate(0)"
        )
        room.until("p.status === 'shown' && p.frames === 500 && p.slice === 250")
        assert room.do("return w.first") < LONG // 10
        room.until(f"p.loaded >= {AHEAD}")
        for slice_number in (1, 175, 500):
            room.do(f"await w.goTo({slice_number})")
            room.until(f"p.status === 'shown' && p.slice === {slice_number}")
        room.until(f"p.loaded >= {AHEAD}")
        assert room.do("return w.most") <= LIMIT_BYTES


def test_a_frame_too_large_for_the_browsers_cache_comes_once(live_cast):
    """It is asked for early, beside the metadata; nobody may wait for it to come a second time."""
    pixels = np.random.default_rng(3).integers(0, 4096, LARGE).astype(np.uint16)
    data = conversion.radiograph(pixels, conversion.Subject(patient_id="large"), "large")
    small = make_case(live_cast, "small", phantom("small", slices=1))
    large = make_case(live_cast, "large", [data])
    with reading(live_cast) as enter:
        page = enter(small).page
        came = []
        page.on("requestfinished", lambda request: came.append(request))
        enter(large)
        page.wait_for_load_state("networkidle")
        of_frames = [r.sizes()["responseBodySize"] for r in came if "/frames/" in r.url]
    # Of what was given up early the browser may go on where it stopped.
    assert len(of_frames) == 1
    assert 2**20 < of_frames[0] <= pixels.nbytes + 2**10


def test_planes_that_are_closed_leave_nothing_on_the_graphics_card(live_cast):
    """Nor do the masks on them."""
    definition = {**factories.QUESTIONS, "segments": [{"value": 1, "label": "Liver"}]}
    project = make_case(live_cast, "phantom", phantom("planes", slices=6), definition=definition)
    with reading(live_cast) as enter:
        room = enter(project)
        number = room.pane()["slice"]
        painted = [voxel_mm(35, 26, number - 1)]
        room.paint("brush", (30, 26), (40, 26))
        room.do("w.kept = w.state.panes[0].study")

        def open_and_close():
            room.do(
                "w.setLayout('1x1'); w.studies = [w.kept]; await w.showPlanes(w.kept.series[0])"
            )
            room.until("s.panes.length > 2 && s.panes.every((one) => one.status === 'shown')")
            room.do(f"w.activate(0); await w.goTo({number})")
            servers.eventually(lambda: room.are_coloured(0, painted).all(), "the mask is shown", 20)
            room.do("w.close(); w.forget(w.kept)")

        for _ in range(2):
            open_and_close()
        before = alive(room.page, "WebGLTexture")
        for _ in range(4):
            open_and_close()
        assert alive(room.page, "WebGLTexture") <= before


def alive(page, kind):
    """How many objects of a kind are left after the garbage is collected."""
    session = page.context.new_cdp_session(page)
    prototype = session.send("Runtime.evaluate", {"expression": f"{kind}.prototype"})
    of = {"prototypeObjectId": prototype["result"]["objectId"]}
    found = session.send("Runtime.queryObjects", of)["objects"]["objectId"]
    count = {"functionDeclaration": "function () { return this.length }", "objectId": found}
    answer = session.send("Runtime.callFunctionOn", {**count, "returnByValue": True})
    session.detach()
    return answer["result"]["value"]
