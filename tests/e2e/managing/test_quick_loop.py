"""The card of a light head in a real browser: a number with its unit."""

import re

import pytest

from annotation.accounts.models import Preferences
from annotation.core import jobs
from learning.models import EncoderVersion, Round
from learning.services import heads, targets
from tests import factories, servers
from tests.e2e import browser as person
from tests.learning.test_heads import make_audited, make_head
from tests.learning.test_heads_of_numbers import LABELED, make_cases, make_widths, outcome, read
from tests.learning.test_learning_curves import make_round


@pytest.fixture
def target(live_cast):
    """A number with three heads, and what the last had said of ten cases drawn at random."""
    widths = make_widths()
    cases = make_cases(live_cast, widths)
    made = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="width", tolerance=8.0
    )
    for known in (20, 35, LABELED):
        read(live_cast, cases[:known], widths[:known])
        head = heads.refit(made, seed=known)
    for number, case in enumerate(cases[50:60]):
        outcome(made, head, case, 30.0, [36.0 if number % 2 else 32.0, 2.0])
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
        card.get_by_text(
            "Mean absolute error on the cases still unlabeled, by those drawn at random"
        ).wait_for()
        said = card.inner_text()
        assert re.search(r"mean absolute error [0-9.]+ mm on 6 test cases \(\d+ % within", said)
        assert (
            "Mean absolute error on the cases still unlabeled, by those drawn at random: 4.00 (2.49 to 5.51 mm"
            in said
        )
        assert "at most 5.51 mm by 10 audited labels (8 mm tolerated)" in said
        assert re.search(r"As foreseen by heads \d to 3, which knew \d+ to \d+ labels", said)
        card.get_by_label("Strategy of the light head").click()
        offered = page.get_by_role("option").all_inner_texts()
        assert len(offered) == 5
        page.get_by_role("option", name="Widest spread of the number").click()
        servers.eventually(lambda: _strategy(target) == "variance", "the strategy is kept", 10)
    assert troubles == []


@pytest.fixture
def curve(live_cast):
    """Five heads, two rounds of different strategies and one that failed, and thirty cases drawn at random."""
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule", goal=0.97
    )
    encoder = EncoderVersion.objects.create(
        project=live_cast.project, number=1, state="completed", is_ready=True
    )
    for number, labels in enumerate([20, 40, 60, 80, 100], 1):
        head = make_head(target, encoder, number, labels, auc=0.9 + labels / 2000)
    for number, strategy in enumerate(["margin", "random"], 1):
        auc = {"value": 0.9, "low": 0.85, "high": 0.94}
        make_round(target, number, 40 * number, strategy, auc=auc)
    make_round(target, 3, None, "random")
    curves = [{"step": n, "epoch": n, "loss": 1 / n, "validation_loss": 2 / n} for n in (1, 2, 3)]
    Round.objects.filter(target=target, number=3).update(
        state="failed", error=jobs.DISK_FULL, curves=curves
    )
    make_audited(target, head, factories.make_empty_cases(live_cast.project, 30), wrong=3)
    return target


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_learning_curve_stands_beside_the_audit_and_the_forecast(live_cast, curve, scheme):
    Preferences.objects.create(user=live_cast.manager, theme=scheme)
    with person.visiting() as (address, chromium):
        page = chromium.new_context(base_url=address, locale="de-DE").new_page()
        page.goto("/")
        page.get_by_label("Benutzername").fill("manager")
        page.locator("input[type=password]").fill(factories.PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Verwalten").first.click()
        page.get_by_role("tab", name="Lernen").click()
        chart = page.get_by_test_id("learning-curve")
        chart.locator(".recharts-area").first.wait_for()
        said = chart.get_attribute("aria-label")
        assert "neueste Runde 0,90 (0,85 – 0,94) bei 80 Befunden" in said
        assert "neuester leichter Kopf 0,95" in said
        assert "noch unbefundete Fälle, nach zufällig gezogenen" in said
        assert "Vorschau" in said
        assert chart.locator(".recharts-errorBar").count() >= 4  # of heads, two strategies, audit
        legend = chart.locator(".recharts-legend-wrapper").inner_text()
        assert "der Runden: Kleinster Abstand" in legend
        assert "der Runden: Zufall" in legend
        marks = chart.locator("svg text").all_text_contents()
        assert any("," in mark for mark in marks), marks
        page.locator(f"html[data-mantine-color-scheme={scheme}]").wait_for()
        ink = chart.locator("svg text").first.evaluate("text => getComputedStyle(text).fill")
        assert (sum(map(int, re.findall(r"\d+", ink)[:3])) > 384) == (scheme == "dark")
        card = page.get_by_test_id("quick-loop")
        card.get_by_text("Punkte").first.wait_for()
        assert re.search(
            r"200 weitere Befunde: [+-]\d+,\d bis [+-]\d+,\d Punkte", card.inner_text()
        )
        assert "0,97 gewünscht" in card.inner_text()
        page.get_by_role("button", name="Bisher 3 Runden").click()
        rows = page.get_by_test_id("runs").get_by_role("row")
        rows.nth(3).wait_for()
        assert "fehlgeschlagen" in rows.nth(1).inner_text().lower()
        page.get_by_role("button", name="Runde 3 zeigen").click()
        run = page.get_by_test_id("run")
        assert "Die Festplatte des Workers ist voll" in run.inner_text()
        run.locator(".recharts-line").first.wait_for()


def _strategy(target):
    target.refresh_from_db()
    return target.head_strategy
