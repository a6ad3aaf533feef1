"""A manager lets boxes be learned in volumes, on the real pages."""

import os

import pytest

from annotation.labeling.services.projects import publish_schema
from learning.models import Target
from tests import factories
from tests.e2e import browser as person

DEFINITION = {
    "questions": [{"key": "note", "label": "Note", "kind": "text", "required": False}],
    "region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}],
}


@pytest.mark.parametrize("in_windows", [False, True])
def test_a_target_of_boxes_gets_a_volume(live_cast, tmp_path, in_windows):
    publish_schema(actor=live_cast.manager, project=live_cast.project, definition=DEFINITION)
    shots = os.environ.get("SHOTS", tmp_path)
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1200, "height": 1100})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Learning").click()
        page.get_by_role("combobox", name="What shall be learned?").click()
        page.get_by_role("option", name="Boxes around Nodule").click()
        page.get_by_role("switch", name="Learn in volumes").check()
        if in_windows:
            page.get_by_role("combobox", name="The network sees at once").click()
            page.get_by_role("option", name="windows of this size").click()
        page.get_by_role("textbox", name="Slices").fill("24")
        page.get_by_role("textbox", name="Modality").fill("CT")
        page.screenshot(path=f"{shots}/boxes-in-volumes.png", full_page=True)
        page.get_by_role("button", name="Learn it").click()
        page.get_by_role("button", name="Settings").click()
        page.get_by_text("Empty: studies with one image.").wait_for()
        page.screenshot(path=f"{shots}/boxes-settings.png")
    given = Target.objects.get().input
    assert (given["dimensions"], given["size"]) == ("3d", [24, 128, 128])
    assert given["keeps_size"] is in_windows
    assert given["channels"][0]["rule"]["modality"] == "CT"
    assert troubles == []
