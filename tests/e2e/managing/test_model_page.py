"""A manager opens one model: figures, evidence, groups, drift and chain, and takes its card away."""

import pytest

from annotation.labeling.services.projects import current_schema, publish_schema
from learning.services import model_versions, targets
from tests import factories
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.learning.test_promotion import TRUTH, make_box_version, make_version, scores
from tests.learning.test_subgroups import make_population


@pytest.fixture
def versions(live_cast):
    """Two versions that were tested on the same population; the first is in production."""
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule", retrain_after=0
    )
    cases = make_population(live_cast.project)
    made = []
    for noise in (0.2, 0.9):
        made.append(make_version(target, cases, scores(noise)))
        model_versions.consider(made[-1])
    schema = current_schema(live_cast.project).definition
    labels = [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}]
    publish_schema(
        actor=live_cast.manager, project=live_cast.project,
        definition={**schema, "region_labels": labels},
    )  # fmt: skip
    boxes = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, kind="boxes", retrain_after=0
    )
    return [*made, make_box_version(boxes, cases, TRUTH)]


def test_the_page_of_a_model_says_how_good_it_is_and_for_whom(versions, live_cast, tmp_path):
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1366, "height": 1700})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Learning").click()
        page.get_by_role("link", name="Model 2").click()

        page.get_by_role("heading", name="Model 2 of ").wait_for()
        assert page.get_by_test_id("model-state").inner_text().lower() == "candidate"
        figures = page.get_by_test_id("model-figures").get_by_role("row")
        assert figures.first.inner_text().startswith("AUC")
        page.get_by_text(f"{len(TRUTH)} test cases of {len(TRUTH)} patients").wait_for()
        evidence = page.get_by_test_id("evidence")
        evidence.get_by_text("Now").wait_for()
        assert "against model 1" in evidence.inner_text()
        page.get_by_test_id("reliability").locator("svg").first.wait_for()

        groups = page.get_by_test_id("subgroups")
        groups.get_by_role("row").nth(1).wait_for()
        by_sex = [
            row for row in groups.get_by_role("row").all_inner_texts() if row.startswith("sex")
        ]
        assert len(by_sex) == 2
        wish = page.get_by_label("Groups by").first
        wish.fill("PatientName")
        wish.press("Enter")
        page.get_by_text("PatientName names people, objects or moments").wait_for()
        page.get_by_test_id("drift").wait_for()
        assert faults(page) == ""

        with page.expect_download() as download:
            page.get_by_role("link", name="Model card", exact=True).click()
        card = tmp_path / "card.md"
        download.value.save_as(card)
        assert card.read_text().startswith("# Model 2 of nodule")
        page.get_by_role("link", name="Back to learning").click()
        page.get_by_role("link", name="Model 1").first.click()
        page.get_by_role("heading", name="Model 1 of ").wait_for()
        assert page.get_by_test_id("model-state").inner_text().lower() == "production"

        page.goto(f"{address}/models/{versions[2].pk}")  # boxes
        assert (
            page.get_by_test_id("model-figures")
            .get_by_role("row")
            .first.inner_text()
            .startswith("AP50")
        )
        froc = page.get_by_test_id("froc")
        froc.locator("svg.recharts-surface").first.wait_for()
        froc.get_by_text("False boxes per image").wait_for()
        assert froc.locator(".recharts-line-dots circle").count() == 7
        page.get_by_test_id("subgroups").get_by_role("row").nth(1).wait_for()
        assert faults(page) == ""
    assert troubles == [] or all("400" in trouble for trouble in troubles)
