"""Accounts: made, changed and closed by an operator's commands; one's own password."""

import io

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from annotation.accounts.models import User
from annotation.core.models import AuditEvent
from annotation.labeling.models import Membership
from tests import factories

SIGN_IN = "/_allauth/browser/v1/auth/login"
PASSWORD = "/api/v1/me/password"
BETTER = "a plain staple for horses"


def run(command, *arguments, typed=None, monkeypatch=None, **options):
    """What the command prints."""
    out = io.StringIO()
    if typed is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def signed_in(username, password=factories.PASSWORD):
    """A browser of somebody's, after the sign-in page."""
    cache.clear()
    browser = APIClient()
    browser.post(SIGN_IN, {"username": username, "password": password})
    return browser


def works(browser):
    return browser.get("/api/v1/me").status_code == 200


def change(browser, current=factories.PASSWORD, new=BETTER):
    return browser.put(PASSWORD, {"current_password": current, "new_password": new})


def test_a_user_is_added_with_a_password_that_is_printed_once(db):
    printed = run("add_user", "weber", full_name="Anna Weber", email="Weber@Example.org")
    name, password, *_ = printed.split()
    assert name == "weber"
    me = signed_in("weber", password).get("/api/v1/me").json()
    assert (me["full_name"], me["may_create_projects"]) == ("Anna Weber", False)
    event = AuditEvent.objects.get(action="user_created")
    assert (event.actor, event.detail) == (None, {"may_create_projects": False})
    assert event.object_id == str(User.objects.get().pk)


def test_a_user_who_may_create_projects_creates_one(db):
    password = run("add_user", "chief", may_create_projects=True).split()[1]
    browser = signed_in("chief", password)
    assert browser.get("/api/v1/me").json()["may_create_projects"] is True
    body = {"name": "New", "definition": factories.QUESTIONS}
    assert browser.post("/api/v1/projects", body).status_code == 201


def test_the_password_may_be_typed_and_is_not_printed_then(db, monkeypatch):
    assert run("add_user", "weber", ask=True, typed=f"{BETTER}\n", monkeypatch=monkeypatch) == ""
    assert works(signed_in("weber", BETTER))


@pytest.mark.parametrize(
    ("typed", "why"), [("short\n", "at least 12"), ("administrator\n", "many people use")]
)
def test_a_weak_password_makes_no_account(db, monkeypatch, typed, why):
    with pytest.raises(CommandError, match=why):
        run("add_user", "weber", ask=True, typed=typed, monkeypatch=monkeypatch)
    assert User.objects.count() == 0


@pytest.mark.parametrize(("name", "why"), [("Manager", "taken"), ("a name", "no user name")])
def test_a_name_that_is_taken_or_none_is_refused(cast, name, why):
    with pytest.raises(CommandError, match=why):
        run("add_user", name)


def test_an_operator_sets_a_password_which_ends_all_sessions(cast):
    browser = signed_in("annotator")
    password = run("set_password", "Annotator").split()[1]
    assert not works(browser)
    assert not works(signed_in("annotator"))
    assert works(signed_in("annotator", password))
    event = AuditEvent.objects.get(action="password_set")
    assert (event.actor, event.object_id) == (None, str(cast.annotator.pk))


def test_a_disabled_user_is_out_at_once_and_back_with_everything(cast, client_of):
    secret = client_of(cast.annotator).post("/api/v1/tokens", {}).json()["secret"]
    program = {"Authorization": f"Token {secret}"}
    browser = signed_in("annotator")
    run("disable_user", "annotator")
    assert not works(browser)
    assert not works(signed_in("annotator"))
    assert client_of(None).get("/api/v1/me", headers=program).status_code == 401
    run("disable_user", "annotator", undo=True)
    assert works(signed_in("annotator"))
    assert client_of(None).get("/api/v1/me", headers=program).status_code == 200
    assert [
        event.action
        for event in AuditEvent.objects.filter(object_id=str(cast.annotator.pk)).order_by(
            "sequence"
        )
    ] == ["user_disabled", "user_enabled"]


def test_the_right_to_create_projects_is_granted_and_revoked(cast):
    run("grant_projects", "annotator")
    assert User.objects.get(pk=cast.annotator.pk).may_create_projects
    run("grant_projects", "annotator", revoke=True)
    assert not User.objects.get(pk=cast.annotator.pk).may_create_projects
    actions = AuditEvent.objects.filter(object_id=str(cast.annotator.pk)).order_by("sequence")
    assert [event.action for event in actions] == ["projects_granted", "projects_revoked"]


def test_the_list_of_users_tells_who_is_disabled(cast):
    signed_in("manager")
    run("disable_user", "annotator2")
    lines = run("list_users").splitlines()
    assert "annotator2: never signed in, disabled" in lines
    assert any(line.startswith("manager: signed in 20") for line in lines)


def test_a_project_whose_manager_has_left_gets_another(cast):
    run("set_member", "reviewer", project="chest", role="manager")
    found = Membership.objects.get(project=cast.project, user=cast.reviewer)
    assert found.role == "manager"
    event = AuditEvent.objects.filter(action="member_set").latest("sequence")
    assert (event.actor, event.project_id) == (None, cast.project.pk)


@pytest.mark.parametrize("command", ["set_password", "disable_user", "grant_projects"])
def test_nobody_is_named_by_mistake(db, command):
    with pytest.raises(CommandError, match="There is no user 'weber'"):
        run(command, "weber")


def test_a_user_changes_their_password_and_other_browsers_are_signed_out(cast):
    here, there = signed_in("annotator"), signed_in("annotator")
    assert change(here).status_code == 204
    assert works(here)
    assert not works(there)
    assert not works(signed_in("annotator"))
    assert works(signed_in("annotator", BETTER))
    event = AuditEvent.objects.get(action="password_changed")
    assert (event.actor, event.detail) == (cast.annotator, {})


@pytest.mark.parametrize(
    ("current", "new", "field", "code"),
    [
        ("wrong", BETTER, "current_password", "password_other"),
        (factories.PASSWORD, "short", "new_password", "password_short"),
        (factories.PASSWORD, "administrator", "new_password", "password_common"),
    ],
)
def test_what_is_wrong_with_a_change_is_said_at_its_field(cast, current, new, field, code):
    browser = signed_in("annotator")
    answer = change(browser, current, new)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert answer.json()["words"]["code"] == code
    assert works(signed_in("annotator"))


def test_guessing_the_present_password_is_slowed_down(cast):
    browser = signed_in("annotator")
    for _ in range(5):
        assert change(browser, "wrong").status_code == 400
    assert change(browser).status_code == 429
    cache.clear()


def test_new_passwords_that_are_refused_are_no_guesses(cast):
    browser = signed_in("annotator")
    for _ in range(6):
        assert change(browser, new="short").status_code == 400
    assert change(browser).status_code == 204


def test_a_token_is_no_way_to_the_password(cast, client_of):
    secret = client_of(cast.annotator).post("/api/v1/tokens", {}).json()["secret"]
    program = APIClient(headers={"Authorization": f"Token {secret}"})
    assert works(program)
    assert change(program).status_code == 401


@pytest.mark.parametrize(
    "door",
    ["auth/signup", "auth/password/request", "auth/password/reset", "account/password/change",
     "account/email"],
)  # fmt: skip
def test_there_is_no_other_door_to_accounts(cast, door):
    browser = signed_in("annotator")
    assert browser.post(f"/_allauth/browser/v1/{door}", {}).status_code == 404


def test_a_manager_learns_nothing_of_another_project_s_people(cast, client_of):
    other = client_of(cast.outsider)  # who manages another project
    there = f"/api/v1/projects/{cast.project.pk}/members"
    here = f"/api/v1/projects/{cast.foreign_project.pk}/members"
    assert other.get(there).status_code == 404
    assert other.put(there, {"username": "outsider", "role": "manager"}).status_code == 404
    assert other.delete(f"{there}/{cast.annotator.pk}").status_code == 404
    assert other.delete(f"{here}/{cast.annotator.pk}").status_code == 404
    assert [row["username"] for row in other.get(here).json()] == ["outsider"]
    refused = other.put(here, {"username": "annot", "role": "annotator"})  # no part of a name
    assert (refused.status_code, refused.json()["field"]) == (400, "username")


def test_the_list_of_members_tells_whose_account_is_disabled(cast, client_of):
    run("disable_user", "annotator2")
    rows = client_of(cast.manager).get(f"/api/v1/projects/{cast.project.pk}/members").json()
    assert {row["username"] for row in rows if not row["is_active"]} == {"annotator2"}
