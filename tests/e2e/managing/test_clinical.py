"""A manager uploads clinical values and lets a target learn from them, on the real pages."""

import os

from annotation.labeling.models import ClinicalTable, Project
from learning.models import Target
from tests import factories
from tests.e2e import browser as person


def table(name, content):
    return {"name": name, "mimeType": "text/csv", "buffer": content.encode()}


def test_values_are_uploaded_and_chosen_for_a_target(live_cast, tmp_path):
    cases = factories.make_cases(live_cast.project, 3)
    lines = [f"{case.study.patient_id},{number}.5,yes" for number, case in enumerate(cases)]
    good = "\n".join(["PatientID,crp [mg/l],smoker", *lines, "nobody,1,no", ""])
    shots = os.environ.get("SHOTS", tmp_path)
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1200, "height": 1100})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Clinical values").click()
        page.get_by_text("No table yet").wait_for()
        chooser = page.get_by_test_id("clinical").locator("input[type=file]")
        chooser.set_input_files(table("bad.csv", good.replace("1.5", '"1,5"')))
        page.get_by_text("Line 3, crp [mg/l]: this is no number.").wait_for()
        chooser.set_input_files(table("good.csv", good))
        page.get_by_text(
            "4 lines by PatientID. 3 cases belong to a line; lines without a case: 1."
        ).wait_for()
        assert ClinicalTable.objects.get().rows.count() == 4
        page.screenshot(path=f"{shots}/clinical.png")

        page.get_by_role("tab", name="Learning").click()
        page.get_by_role("combobox", name="What shall be learned?").click()
        page.get_by_role("option", name="Nodule?").click()
        page.get_by_role("switch", name="Choose series, grid and clinical values").check()
        page.get_by_role("combobox", name="Clinical values beside the image").click()
        page.get_by_role("option", name="crp [mg/l] (3 of 3 cases)").click()
        page.get_by_role("option", name="PatientSex (3 of 3 cases)").click()
        page.keyboard.press("Escape")
        page.get_by_role("combobox", name="Where PatientSex is missing").click()
        page.get_by_role("option", name="tell the network that it is missing").click()
        page.get_by_role("button", name="Add a series").click()
        page.get_by_text("each in a branch of its own").click()
        page.screenshot(path=f"{shots}/new-target.png", full_page=True)
        page.get_by_role("button", name="Learn it").click()
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("combobox", name="Where crp [mg/l] is missing").wait_for()
        audits = page.get_by_label("Random audits")
        audits.fill("12")
        audits.blur()
        page.get_by_label("Refit the light head").fill("8")
        page.get_by_role("combobox", name="Who puts a new model to work").click()
        page.get_by_role("option", name="By hand").click()
        page.screenshot(path=f"{shots}/settings.png")
        assert Project.objects.get(pk=live_cast.project.pk).control_share != 0.12
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("The next round uses these settings.").wait_for()
        assert Project.objects.get(pk=live_cast.project.pk).control_share == 0.12
    target = Target.objects.get()
    assert (target.refit_after, target.promotion) == (8, "by_hand")
    given = target.input
    assert given["columns"] == [
        {"name": "crp [mg/l]", "source": "table", "categories": [], "missing": "exclude"},
        {"name": "PatientSex", "source": "dicom", "categories": ["F"], "missing": "indicate"},
    ]
    assert [channel["branch"] for channel in given["channels"]] == [0, 1]
    assert troubles == []
