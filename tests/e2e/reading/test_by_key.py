"""The reading room by keys alone, but for drawing itself: what is in hand, questions of every scope, slabs, priors."""

from datetime import date

import numpy as np

from annotation.archive.services.ingest import ingest
from annotation.imaging import conversion
from annotation.labeling.models import Case
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories
from tests.e2e.axe import faults
from tests.e2e.legible import unreadable
from tests.e2e.rooms import draft, painted, reading, regions_of, saved

SIDE, SLICES = 64, 9
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Finding?", "options": [{"key": "no"}, {"key": "yes"}],
         "is_normal": "no"},
        {"key": "size", "label": "Size", "kind": "number", "required": False},
        {
            "key": "quality", "label": "Quality", "scope": "series", "required": False,
            "allows_cannot_assess": True, "options": [{"key": "good"}, {"key": "poor"}],
        },
        {
            "key": "margin", "label": "Margin", "scope": "region", "required": False,
            "options": [{"key": "smooth"}, {"key": "spiky"}],
        },
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}, {"key": "mass", "label": "Mass"}],
    "segments": [{"value": 1, "label": "Liver"}],
}  # fmt: skip


def a_study(project, when, name):
    voxels = np.full((SLICES, SIDE, SIDE), 40, np.int16)
    subject = conversion.Subject(patient_id="phantom", study_date=when)
    affine = np.diag([1.5, 1.5, 2.0, 1.0])
    study = None
    for data in conversion.volume_series(voxels, affine, subject, name, "CT"):
        study = ingest(collection=project.collection, chunks=[data]).study
    return study


def make_project(cast):
    project = factories.make_project(cast.manager, "By key")
    publish_schema(actor=cast.manager, project=project, definition=DEFINITION)
    studies = [a_study(project, date(year, 1, 1), str(year)) for year in (2020, 2024)]
    add_cases(project=project, studies=studies)
    Case.objects.filter(study=studies[1]).update(priority=1)  # what is read first
    return project


def drag(page, room, start, end):
    """From one place of the first pane to another, as shares of it."""
    page.mouse.move(*room.at(0, *start))
    page.mouse.down()
    page.mouse.move(*room.at(0, *end), steps=5)
    page.mouse.up()


def flags(content):
    return [(region["is_hidden"], region["is_locked"]) for region in regions_of(content)]


def in_hand(page, question):
    page.locator(f"[data-question={question}][data-in-hand]").wait_for()


def is_legible_on_a_laptop_and_on_the_largest_screen(page):
    before = page.viewport_size
    for width, height, letters_px in ((3840, 2160, 26), (1366, 768, 14)):
        page.set_viewport_size({"width": width, "height": height})
        base = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        assert base >= letters_px
        assert unreadable(page, least_px=0.72 * letters_px) == []
    page.set_viewport_size(before)


def test_what_is_in_hand_is_changed_by_key(live_cast):
    with reading(live_cast) as enter:
        room = enter(make_project(live_cast))
        page = room.page
        press = page.keyboard.press

        # All normal, and taken back.
        press("u")
        saved(lambda content: content["answers"] == {"finding": "no"})
        press("Control+z")
        saved(lambda content: content["answers"] == {})

        # The region that is in hand.
        press("Shift+R")
        room.until("s.tool === 'box'")
        drag(page, room, (0.4, 0.4), (0.6, 0.6))
        page.get_by_test_id("region").wait_for()
        drawn = page.locator("[data-pane='0'] svg.svg-layer g").first
        drawn.wait_for(state="attached")
        dashes = page.locator("svg.svg-layer rect[stroke-dasharray]")
        press("Alt+L")
        dashes.first.wait_for(state="attached")
        press("Alt+H")
        saved(lambda content: flags(content) == [(True, True)])
        drawn.wait_for(state="detached")
        press("Alt+H")
        press("Alt+L")
        drawn.wait_for(state="attached")
        assert dashes.count() == 0
        press("Home")
        room.until("p.slice === 1")
        press("Shift+ArrowRight")
        room.until("p.slice === 5")
        press("End")
        room.until("p.slice === 9")
        press("Escape")  # a click on what is in hand would put it down
        page.locator("[data-testid=region]:not([data-selected])").get_by_role(
            "button"
        ).first.click()
        room.until("p.slice === 5")
        press("Alt+R")
        page.keyboard.type("upper lobe")
        press("Enter")
        press("Alt+T")
        page.get_by_role("option", name="Mass").wait_for()
        press("ArrowUp")  # round to the last of the two
        press("Enter")
        content = saved(lambda content: regions_of(content)[0]["label"] == "mass")
        assert regions_of(content)[0]["name"] == "upper lobe"
        assert flags(content) == [(False, False)]

        # The walk through the questions of the study, the series and the region.
        press("Escape")
        press("Alt+ArrowDown")
        in_hand(page, "finding")
        press("2")
        press("Alt+ArrowDown")
        in_hand(page, "size")
        page.keyboard.type("12")
        press("Enter")
        press("Alt+ArrowDown")
        in_hand(page, "quality")
        press("1")
        content = saved(lambda content: content.get("scoped"))
        assert content["answers"] == {"finding": "yes", "size": 12}
        assert [entry["answers"] for entry in content["scoped"]] == [{"quality": "good"}]
        press("Alt+X")
        press("Alt+ArrowDown")
        in_hand(page, "margin")
        press("2")
        saved(lambda content: regions_of(content)[0]["answers"] == {"margin": "spiky"})
        press("Alt+Backspace")
        saved(lambda content: [region["answers"] for region in regions_of(content)] == [{}])
        press("2")
        page.get_by_role("button", name="Take back the answer to Size").click()
        saved(lambda content: content["answers"] == {"finding": "yes"})
        press("Escape")
        page.locator("[data-in-hand]").wait_for(state="detached")
        press("1")  # the study's own key again
        content = saved(lambda content: content["answers"]["finding"] == "no")
        assert content["scoped"][0]["answers"] == {"quality": {"cannot_assess": True}}
        assert regions_of(content)[0]["answers"] == {"margin": "spiky"}

        # The segment that is in hand.
        press("Shift+B")
        room.until("s.tool === 'brush'")
        press("Home")
        for steps in (0, 2):
            for _ in range(steps):
                press("ArrowDown")
            room.until(f"p.slice === {1 + steps}")
            room.hover_brush(0, *room.at(0, 0.45, 0.5))
            drag(page, room, (0.45, 0.5), (0.55, 0.5))
        saved(lambda content: len(painted(content)) == 2)
        press("ArrowUp")
        room.until("p.slice === 2")
        press("Alt+I")
        saved(lambda content: len(painted(content)) == 3)
        opacity = page.get_by_label("Opacity of Liver")
        before = float(opacity.get_attribute("aria-valuenow"))
        # A region, a segment with its sliders, questions of every scope.
        assert faults(page) == ""
        is_legible_on_a_laptop_and_on_the_largest_screen(page)
        press("Alt+.")
        page.wait_for_function(
            "before => document.querySelector('[aria-label=\"Opacity of Liver\"]').ariaValueNow > before",
            arg=before,
        )
        press("Alt+J")
        page.get_by_role("button", name="Show Liver").wait_for()

        # An earlier study and back; nothing of the series is asked of it.
        press("Alt+P")
        room.until("p.status === 'shown' && p.study.study_date === '2020-01-01'")
        page.locator("[data-question=quality]").wait_for(state="detached")
        press("Alt+C")
        room.until("p.status === 'shown' && p.study.study_date === '2024-01-01'")

        # Slabs in planes.
        press("#")
        room.until("p.as !== 'stack' && p.status === 'shown'", room.do("return w.state.active"))
        active = room.do("return w.state.active")
        page.locator("button[data-action=slab_mode]:not([aria-disabled])").wait_for()
        press("Alt+M")
        room.until("p.slab?.mode === 'mip' && p.slab.mm === 10", active)
        press("Control+Shift+ArrowRight")
        room.until("p.slab?.mm === 13", active)
        press("Alt+V")
        room.until("p.slab?.mm === null", active)

        # The sheet finds what it is asked for; then out.
        press("?")
        sheet = page.get_by_role("dialog", name="Keys")
        sheet.get_by_label("Find an action or a key").fill("thicker")
        sheet.get_by_text("Thicker slab").wait_for()
        assert sheet.get_by_text("Submit and next").count() == 0
        press("Escape")
        sheet.wait_for(state="detached")
        before = draft()
        press("Control+Shift+End")
        page.wait_for_url("**/")
        assert draft() == before
