"""People on the real pages: their own password, who takes part in a project, and what it is like."""

import os

from tests import factories
from tests.e2e import browser as person
from tests.e2e.legible import unreadable

BETTER = "a plain staple for horses"


def shots(tmp_path):
    return os.environ.get("SHOTS", tmp_path)


def test_a_user_changes_their_password(live_cast, tmp_path):
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1200, "height": 1000})
        person.sign_in(page, "annotator", factories.PASSWORD)
        page.get_by_role("link", name="Preferences").click()
        page.get_by_label("Present password").fill("another one")
        page.get_by_label("New password").first.fill(BETTER)
        page.get_by_label("New password again").fill("a typing mistake")
        page.get_by_role("button", name="Change password").click()
        page.get_by_text("These are two different passwords.").wait_for()
        page.get_by_label("New password again").fill(BETTER)
        page.keyboard.press("Enter")
        page.get_by_text("This is not your present password.").wait_for()
        page.screenshot(path=f"{shots(tmp_path)}/password.png")
        assert unreadable(page) == []
        page.get_by_label("Present password").fill(factories.PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_text("The new password holds.").wait_for()
        page.get_by_role("button", name="Sign out").click()
        person.sign_in(page, "annotator", BETTER)
    assert troubles == []
