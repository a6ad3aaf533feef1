"""No page has a serious or critical fault for people who use it by keyboard, voice or screen reader."""

import pytest

from annotation.datasets import services as datasets
from annotation.labeling.models import MarkKind
from annotation.labeling.services import marks
from tests import factories
from tests.e2e import browser as person
from tests.e2e.axe import faults


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_pages_have_no_serious_fault(live_cast, scheme):
    factories.make_study(live_cast.project)
    case, _ = factories.make_cases(live_cast.project, 2)
    read = factories.submit_next(live_cast.annotator, live_cast.project)
    dataset = datasets.freeze(project=live_cast.project, name="Truth", actor=live_cast.manager)
    marks.mark_case(reader=live_cast.annotator, case=case, kind=MarkKind.FLAG, reason="Odd")
    troubles: list[str] = []
    found = {}
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, troubles)
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto("/")
        page.get_by_label("User name").wait_for()
        found["sign in"] = faults(page)
        person.sign_in(page, "manager", factories.PASSWORD)
        page.goto("/preferences")
        page.get_by_role("heading", name="Preferences").wait_for()
        page.get_by_text({"dark": "Dark", "light": "Light"}[scheme], exact=True).click()
        page.wait_for_selector(f"html[data-mantine-color-scheme={scheme}]")
        found["preferences"] = faults(page)
        page.goto("/tokens")
        page.get_by_role("heading", name="Personal tokens").wait_for()
        found["tokens"] = faults(page)
        page.get_by_role("link", name="Firstread").click()
        page.get_by_role("heading", name="Projects").wait_for()
        found["projects"] = faults(page)
        page.get_by_role("link", name="Manage").first.click()
        for tab in (
            "Progress",
            "Learning",
            "Reviews",
            "Marks",
            "Datasets",
            "Clinical values",
            "Sources",
            "Schema",
            "People",
            "Settings",
        ):
            page.get_by_role("tab", name=tab).click()
            found[f"project {tab}"] = faults(page)
        page.goto(f"/datasets/{dataset.pk}")
        page.get_by_test_id("item").wait_for()
        found["dataset"] = faults(page)
        page.goto(f"/datasets/{dataset.pk}/items/{read.case_id}")
        page.get_by_test_id("instances").wait_for()
        found["item"] = faults(page)
        page.goto(f"/projects/{live_cast.project.pk}/cases/{case.pk}")
        page.wait_for_selector(person.SHOWN, timeout=60_000)
        page.get_by_role("button", name="Resolve").wait_for()
        found["case"] = faults(page)
        page.goto("/")
        person.open_case(page)
        found["reading"] = faults(page)
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys").wait_for()
        found["keys"] = faults(page)
        page.keyboard.press("Escape")
        page.locator("[data-action=skip]").click()
        page.get_by_role("dialog").get_by_label("Reason").wait_for()
        found["skip"] = faults(page)
    assert {name: fault for name, fault in found.items() if fault} == {}
    assert troubles == []
