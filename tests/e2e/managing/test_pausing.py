"""A manager pauses a round and resumes it, on the real page."""

from learning.models import Round
from learning.services import targets
from tests import factories
from tests.e2e import browser as person
from tests.learning.conftest import TINY

ROUND = "[data-testid=round][data-state={}]"


def test_a_round_is_paused_resumed_and_cancelled_by_buttons(live_cast):
    targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule", config=TINY,
        retrain_after=0, refit_after=0,
    )  # fmt: skip
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Learning").click()
        start = page.get_by_role("button", name="Start a round")
        start.click()
        page.locator(ROUND.format("pending")).wait_for()
        page.get_by_role("button", name="Pause").click()
        page.locator(ROUND.format("paused")).wait_for()
        page.get_by_text("No other round of this question starts").wait_for()
        assert start.is_disabled()
        assert Round.objects.get().is_paused
        page.get_by_role("button", name="Resume").click()
        page.locator(ROUND.format("pending")).wait_for()
        assert not Round.objects.get().is_paused
        page.get_by_role("button", name="Pause").click()
        page.locator(ROUND.format("paused")).wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.locator(ROUND.format("cancelled")).wait_for()
        assert start.is_enabled()
    assert troubles == []
