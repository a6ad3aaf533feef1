"""A manager takes a model out and in again, starts from it, pre-trains and cross-validates, on the real page."""

import pytest

from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from learning.models import BundleImport, ModelVersion, Target
from learning.services import targets
from tests import factories, servers
from tests.e2e import browser as person
from tests.learning.conftest import TINY
from tests.learning.models import make_model


@pytest.fixture
def target(live_cast):
    cases = factories.make_labeled_cases(live_cast.project, live_cast.annotator, 18)
    datasets.prescribe_splits(
        project=live_cast.project,
        split_of_patient={case.study.patient_id: Split.TRAIN for case in cases},
    )
    datasets.freeze(project=live_cast.project, name="d", actor=live_cast.manager)
    made = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule", config=TINY,
        retrain_after=0, refit_after=0,
    )  # fmt: skip
    make_model(made)
    return made


def test_a_model_goes_out_and_in_and_rounds_start_from_it(target, live_cast, tmp_path):
    troubles: list[str] = []
    with servers.worker("default", "gpu"), person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1200, "height": 1500})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Learning").click()

        page.get_by_role("button", name="Make a bundle").click()
        link = page.get_by_role("link", name="Download model 1")
        link.wait_for(timeout=60_000)
        with page.expect_download() as download:
            link.click()
        bundle = tmp_path / "model.zip"
        download.value.save_as(bundle)
        page.get_by_test_id("bundles").locator("input[type=file]").set_input_files(bundle)
        page.get_by_text("The bundle became model 2, a candidate.").wait_for(timeout=60_000)
        assert BundleImport.objects.get().model_version.weights_sha256 == (
            target.model_versions.get(number=1).weights_sha256
        )

        row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Model 2"))
        row.get_by_role("button", name="Promote").click()
        row.get_by_text("production", exact=True).wait_for(timeout=60_000)
        assert not ModelVersion.objects.get(number=2).is_taking_over

        page.get_by_role("button", name="Cross-validate").click()
        page.locator("[data-testid=cross-validation][data-state=completed]").wait_for(
            timeout=90_000
        )
        page.get_by_role("button", name="Pre-train without labels").wait_for()

        start = page.get_by_label("Rounds begin with").first
        start.click()
        page.get_by_role("option", name="Chest: Nodule? #2").click()
        servers.eventually(lambda: Target.objects.get().start != {}, "the start is kept")
        page.get_by_role("button", name="Start a round").click()
        page.get_by_test_id("round-record").wait_for(timeout=90_000)
        page.locator("[data-testid=round][data-state=completed]").wait_for(timeout=90_000)
        assert "Began with Nodule? #2" in page.get_by_test_id("round-record").inner_text()
        assert (
            page.get_by_role("link", name="Download model")
            .inner_text()
            .startswith(
                "Download model 1"  # the one that was asked for, though newer ones came
            )
        )
        page.screenshot(path=tmp_path / "screen.png", full_page=True)
    assert troubles == []
