"""A manager sees what images without labels brought, and turns them on again."""

import pytest

from annotation.core.jobs import JobState
from learning.services import targets
from tests import factories
from tests.e2e import browser as person
from tests.e2e.axe import faults
from tests.learning.test_promotion import make_version, scores
from tests.learning.test_subgroups import make_population

LOST = {
    "method": "mean_teacher", "decision": "left_off", "images": 630, "patients": 600,
    "figure": "auc", "n": 100, "validation_patients": 90,
    "with_images": {"value": 0.854, "low": 0.8, "high": 0.9},
    "without_images": {"value": 0.85, "low": 0.79, "high": 0.89},
    "difference": {"value": 0.004, "low": -0.012, "high": 0.02},
}  # fmt: skip
CURVES = [
    {"step": 20.0 * n, "epoch": n, "loss": 1 / n, "validation_loss": 1.1 / n, "unlabeled_loss": 1.3 / n,
     "unlabeled_validation_loss": 1.2 / n}
    for n in range(1, 8)
]  # fmt: skip


@pytest.fixture
def target(live_cast):
    """A target whose last round has lost its ablation."""
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule", retrain_after=0,
        config={"unlabeled": "none"},
    )  # fmt: skip
    version = make_version(target, make_population(live_cast.project), scores(0.2))
    round_ = version.round
    round_.metrics, round_.curves = round_.metrics | {"unlabeled": LOST}, CURVES
    round_.state = JobState.COMPLETED
    round_.save()
    return target


def test_a_manager_sees_that_they_did_not_help_and_turns_them_on_again(target):
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1366, "height": 1100})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Learning").click()
        said = page.get_by_test_id("unlabeled").first
        said.get_by_text("AUC +0.004 (−0.012 – +0.020) on validation; left off").wait_for()
        assert "The next rounds train without them." in said.inner_text()

        page.get_by_role("button", name="Settings").click()
        method = page.get_by_label("learn from images without labels by").first
        assert method.input_value() == "not at all"
        method.click()
        page.get_by_role("option", name="pseudo-labels").click()
        page.get_by_label("least probability of a pseudo-label").fill("0.9")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("The next round uses these settings.").wait_for()
        target.refresh_from_db()
        assert target.config == {"unlabeled": "pseudo_labels", "unlabeled_gate": 0.9}
        page.get_by_text("The next rounds train without them.").wait_for(state="hidden")

        page.get_by_role("link", name="Model 1").click()
        page.get_by_role("heading", name="Did images without labels help?").wait_for()
        page.get_by_text("0.850 in the same training without them (mean teacher)").wait_for()
        page.get_by_text("The next round uses these settings.").wait_for(state="hidden")
        assert faults(page) == ""
    assert troubles == []
