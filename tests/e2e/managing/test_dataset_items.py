"""From a model back to what it learned from: its dataset, one case of it, the reads, the images, the case itself."""

import re

import pytest

from annotation.archive.models import Instance
from annotation.core.jobs import JobState
from annotation.datasets import services as datasets
from annotation.labeling.services.importing import import_read
from learning.models import ModelVersion, Trigger
from learning.services import rounds, targets
from tests import factories
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.e2e.legible import unreadable

PER_PAGE = 50
SO_MANY = "count => document.querySelectorAll('[data-testid=item]').length === count"


@pytest.fixture
def version(live_cast):
    """A model of two radiographs, one with a nodule that two have seen, and more cases than a page holds."""
    nodule, _ = factories.make_labeled_cases(live_cast.project, live_cast.annotator, 2)
    factories.import_answer(live_cast.annotator2, nodule, "yes")
    for case in factories.make_empty_cases(live_cast.project, PER_PAGE):
        factories.import_answer(live_cast.annotator, case, "no")
    dataset = datasets.freeze(project=live_cast.project, name="Truth", actor=live_cast.manager)
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule"
    )
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    round_.dataset, round_.state = dataset, JobState.COMPLETED
    round_.save()
    return ModelVersion.objects.create(
        target=target, round=round_, number=1, weights_sha256="0" * 64, classes=["no", "yes"]
    )


def rows(page):
    return page.get_by_test_id("item")


def choose_answer(page, name):
    page.get_by_label("Agreed answer").first.click()
    page.get_by_role("option", name=name).click()


def test_a_model_leads_to_a_case_that_it_learned_from(version, live_cast):
    nodule = version.round.dataset.items.select_related("case__study").get(answers__nodule="yes")
    name = nodule.case.study.patient_id
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1366, "height": 900})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.goto(f"/models/{version.pk}")
        page.get_by_test_id("lineage").get_by_role("link", name="52 cases").click()

        page.get_by_role("heading", name="Truth").wait_for()
        rows(page).nth(PER_PAGE - 1).wait_for()
        page.get_by_role("button", name="Next page").click()
        page.wait_for_function(SO_MANY, arg=2)
        assert "page=2" in page.url
        choose_answer(page, "Nodule?: Yes")
        page.wait_for_function(SO_MANY, arg=1)
        assert "page" not in page.url
        assert rows(page).first.inner_text().startswith(name)
        assert unreadable(page) == []
        page.get_by_test_id("uses").get_by_role("link", name="Model 1").wait_for()
        rows(page).first.get_by_role("link", name=name).click()

        page.get_by_role("heading", name=name).wait_for()
        assert "Nodule?\tYes" in page.get_by_test_id("item-answers").inner_text()
        reads = page.get_by_test_id("item-reads")
        assert reads.get_by_text("unchanged").count() == 2
        page.get_by_text("The archive holds the image that was frozen.").wait_for()
        uid = Instance.objects.get(series__study=nodule.case.study).sop_instance_uid
        page.get_by_test_id("instances").get_by_text(uid).wait_for()
        assert unreadable(page) == []
        assert faults(page) == ""

        reads.get_by_role("link", name="Look at the read of annotator2").click()
        page.wait_for_selector(person.SHOWN, timeout=60_000)
        assert page.get_by_label("Read of").first.input_value() == "annotator2: accepted"
        page.get_by_role("button", name="Back to the dataset").click()
        page.get_by_role("heading", name=name).wait_for()
        page.go_back()
        page.go_back()
        page.get_by_role("link", name="Back to the dataset").click()
        page.wait_for_function(SO_MANY, arg=1)
        page.get_by_test_id("uses").get_by_role("link", name="Model 1").click()
        page.get_by_test_id("model-page").wait_for()
    assert troubles == []


def test_what_is_missing_or_no_longer_the_same_is_said(version, live_cast):
    nodule = version.round.dataset.items.select_related("case__study").get(answers__nodule="yes")
    import_read(reader=live_cast.annotator, case=nodule.case, content={"answers": {"nodule": "no"}})
    Instance.objects.filter(series__study=nodule.case.study).delete()
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        person.sign_in(page, "reviewer", factories.PASSWORD)
        page.goto(f"/projects/{live_cast.project.pk}?tab=datasets")
        page.get_by_role("link", name="Look into Truth").click()
        rows(page).first.wait_for()
        page.get_by_label("Find a case").fill("nobody at all")
        page.get_by_role("heading", name="No case fits").wait_for()
        assert faults(page) == ""
        items = re.compile(r"/items\?")
        page.route(items, lambda route: route.fulfill(status=500, json={"detail": "odd"}))
        page.get_by_label("Find a case").fill(nodule.patient_key)
        page.get_by_text("This could not be loaded").wait_for()
        page.unroute(items)
        page.get_by_role("button", name="Try again").click()
        rows(page).first.get_by_role("link").click()

        page.get_by_text("handed in again since").wait_for()
        page.get_by_text("Not what was frozen").wait_for()
        page.get_by_role("heading", name="No images").wait_for()
        assert faults(page) == ""
        page.goto(f"/datasets/{live_cast.project.pk}")
        page.get_by_role("button", name="Try again").wait_for()
    assert all(trouble.startswith("500 ") for trouble in troubles)
