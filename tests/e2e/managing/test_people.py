"""People on the real pages: their own password, who takes part in a project, and what it is like."""

import os

from annotation.labeling.models import Membership, Project
from tests import factories
from tests.e2e import browser as person
from tests.e2e.axe import faults
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


def test_a_manager_adds_a_reader_who_then_sees_the_project(live_cast, tmp_path):
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1200, "height": 800})
        person.sign_in(page, "outsider", factories.PASSWORD)
        page.get_by_text("Chest").wait_for(state="detached")
        page.get_by_role("button", name="Sign out").click()
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="People").click()
        name = page.get_by_label("User name")
        name.fill("Annotator")
        page.keyboard.press("Enter")
        page.get_by_text("is here already").wait_for()
        name.fill("nobody")
        page.keyboard.press("Enter")
        page.get_by_text("There is no user of this name.").wait_for()
        page.screenshot(path=f"{shots(tmp_path)}/people.png")
        name.fill("outsider")
        page.keyboard.press("Enter")
        page.get_by_test_id("member-outsider").wait_for()
        assert [faults(page), unreadable(page)] == ["", []]

        page.get_by_role("combobox", name="Role of annotator2").click()
        page.get_by_role("option", name="reviewer").locator("visible=true").click()
        page.wait_for_function("""() => document.querySelector(
            '[data-testid=member-annotator2] input:not([type=hidden])').value === 'reviewer'""")
        page.get_by_role("button", name="Remove annotator", exact=True).press("Enter")
        page.get_by_role("dialog", name="Remove annotator").get_by_text("15 minutes").wait_for()
        page.screenshot(path=f"{shots(tmp_path)}/remove.png")
        page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).press("Enter")
        page.get_by_test_id("member-annotator").wait_for(state="detached")
        page.get_by_role("button", name="Sign out").click()

        person.sign_in(page, "outsider", factories.PASSWORD)
        page.get_by_text("Chest").wait_for()
    roles = Membership.objects.filter(project=live_cast.project).values_list(
        "user__username", "role"
    )
    assert dict(roles) == {
        "manager": "manager", "reviewer": "reviewer", "annotator2": "reviewer", "outsider": "annotator",
    }  # fmt: skip
    assert troubles == []


def test_a_manager_makes_a_project_and_sets_how_it_works(live_cast, tmp_path):
    live_cast.manager.is_staff = True
    live_cast.manager.save()
    troubles: list[str] = []
    with person.visiting() as (address, chromium):
        page = person.new_page(chromium, address, troubles)
        page.set_viewport_size({"width": 1200, "height": 800})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("button", name="New project").click()
        dialog = page.get_by_role("dialog", name="New project")
        dialog.get_by_label("Name").fill("chest")
        page.keyboard.press("Enter")
        dialog.get_by_text("A project of this name exists.").wait_for()
        page.screenshot(path=f"{shots(tmp_path)}/new-project.png")
        assert [faults(page), unreadable(page)] == ["", []]
        dialog.get_by_label("Name").fill("Knees")
        dialog.get_by_label("Its answers").press_sequentially("Unclear,")
        dialog.get_by_role("button", name="Create project").click()
        page.get_by_role("heading", name="Knees").wait_for()
        page.get_by_text("Overall impression").first.wait_for()
        page.screenshot(path=f"{shots(tmp_path)}/created.png")

        page.get_by_role("tab", name="Settings").click()
        page.get_by_label("Readers per case").fill("2")
        page.get_by_label("Minutes a case is kept").fill("20")
        page.get_by_label("A reviewer approves each read").check()
        page.screenshot(path=f"{shots(tmp_path)}/project-settings.png")
        assert [faults(page), unreadable(page)] == ["", []]
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("The project works like this from now on.").wait_for()
        assert page.get_by_role("button", name="Save", exact=True).is_disabled()
    made = Project.objects.get(name="Knees")
    assert (made.readers_per_case, made.requires_review, made.lease_seconds) == (2, True, 1200)
    [question] = made.schemas.get().definition["questions"]
    assert [option["label"] for option in question["options"]] == ["Normal", "Abnormal", "Unclear"]
    assert troubles == []
