"""The card of a light head in a real browser: a number with its unit."""

import re

import pytest

from learning.services import heads, targets
from tests import factories, servers
from tests.e2e import browser as person
from tests.learning.test_heads_of_numbers import LABELED, make_cases, make_widths, outcome, read


@pytest.fixture
def target(live_cast):
    """A number with three heads, and what the last had said of two cases drawn at random."""
    widths = make_widths()
    cases = make_cases(live_cast, widths)
    made = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="width"
    )
    for known in (20, 35, LABELED):
        read(live_cast, cases[:known], widths[:known])
        head = heads.refit(made, seed=known)
    outcome(made, head, cases[50], 30.0, [32.0, 2.0])
    outcome(made, head, cases[51], 20.0, [26.0, 2.0])
    return made


def test_a_manager_reads_the_error_in_its_unit_and_chooses_among_what_fits_a_number(
    live_cast, target
):
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Learning").click()
        card = page.get_by_test_id("quick-loop")
        card.get_by_text("Mean absolute error on cases drawn at random").wait_for()
        said = card.inner_text()
        assert re.search(r"mean absolute error [0-9.]+ mm on 6 test cases \(\d+ % within", said)
        assert "Mean absolute error on cases drawn at random: 4.00 (0.08 to 7.92 mm" in said
        assert "at most 7.92 mm by 2 audited labels" in said
        card.get_by_label("Strategy of the light head").click()
        offered = page.get_by_role("option").all_inner_texts()
        assert len(offered) == 5
        page.get_by_role("option", name="Widest spread of the number").click()
        servers.eventually(lambda: _strategy(target) == "variance", "the strategy is kept", 10)
    assert troubles == []


def _strategy(target):
    target.refresh_from_db()
    return target.head_strategy
