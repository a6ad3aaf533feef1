"""Projects, members, schemas, lists, accounts over HTTP."""

import pytest
from django.core.cache import cache

from annotation.core.models import AuditEvent
from annotation.labeling.models import Membership
from annotation.labeling.services.ranking import Ranked, publish_ranking
from tests import factories


def test_a_project_is_created_by_staff_with_its_first_schema(cast, client_of):
    cast.manager.is_staff = True
    cast.manager.save()
    body = {"name": "New", "definition": factories.QUESTIONS, "readers_per_case": 2}
    made = client_of(cast.manager).post("/api/v1/projects", body)
    assert made.status_code == 201, made.json()
    assert (made.json()["role"], made.json()["readers_per_case"]) == ("manager", 2)
    assert client_of(cast.manager).post("/api/v1/projects", body).status_code == 409


def test_my_projects_show_my_own_role(cast, client_of):
    [row] = client_of(cast.annotator).get("/api/v1/projects").json()["results"]
    assert (row["name"], row["role"]) == ("Chest", "annotator")


def test_a_new_schema_version_is_checked_and_numbered(cast, client_of):
    client = client_of(cast.manager)
    url = f"/api/v1/projects/{cast.project.pk}/schemas"
    bad = client.post(url, {"definition": {"questions": [{"key": "x"}]}})
    assert (bad.status_code, bad.json()["field"]) == (400, "definition.questions[0].options")
    assert bad.json()["words"] == {
        "code": "schema_mistake",
        "place": "questions[0].options",
        "reason": {"code": "schema_few_options"},
    }
    hanging = [{"panes": [{"preset": "mediastinum"}]}]
    bad = client.post(url, {"definition": {**factories.QUESTIONS, "hanging": hanging}})
    assert bad.json()["field"] == "definition.hanging[0].panes[0].preset"
    assert client.post(url, {"definition": factories.QUESTIONS}).json()["version"] == 2


def test_a_question_that_was_asked_keeps_its_unit(cast, client_of):
    client = client_of(cast.manager)
    url = f"/api/v1/projects/{cast.project.pk}/schemas"

    def publish(unit):
        size = {"key": "size", "kind": "number", "unit": {"code": unit}}
        return client.post(url, {"definition": {"questions": [size]}})

    assert publish("mm").status_code == 201
    bad = publish("cm")
    assert (bad.status_code, bad.json()["field"]) == (400, "definition.questions[0].unit")
    assert bad.json()["words"]["reason"] == {
        "code": "schema_unit", "question": "size", "unit": "mm",
    }  # fmt: skip


def test_a_begun_read_keeps_the_schema_it_was_begun_with(cast, client_of):
    factories.make_cases(cast.project, 1)
    client = client_of(cast.annotator)
    url = f"/api/v1/projects/{cast.project.pk}/claim"
    before = client.post(url).json()["annotation"]["schema"]["version"]
    client_of(cast.manager).post(
        f"/api/v1/projects/{cast.project.pk}/schemas", {"definition": factories.QUESTIONS}
    )
    assert client.post(url).json()["annotation"]["schema"]["version"] == before == 1


def test_the_last_manager_cannot_leave(cast, client_of):
    client = client_of(cast.manager)
    members = f"/api/v1/projects/{cast.project.pk}/members"
    assert client.put(members, {"username": "manager", "role": "annotator"}).status_code == 409
    assert client.delete(f"{members}/{cast.manager.pk}").status_code == 409
    assert client.put(members, {"username": "outsider", "role": "manager"}).status_code == 200
    assert client.delete(f"{members}/{cast.manager.pk}").status_code == 204


def test_readers_per_case_can_only_grow_and_reopens_cases(cast, client_of):
    factories.make_empty_cases(cast.project, 2)
    factories.submit_next(cast.annotator, cast.project)
    client = client_of(cast.manager)
    url = f"/api/v1/projects/{cast.project.pk}"
    assert client.patch(url, {"readers_per_case": 2}).status_code == 200
    assert factories.claim(cast.annotator2, cast.project) is not None
    assert client.patch(url, {"readers_per_case": 1}).status_code == 409


def test_progress_counts_cases_readers_and_days(cast, client_of):
    factories.make_empty_cases(cast.project, 4)
    factories.submit_next(cast.annotator, cast.project)
    factories.claim(cast.annotator2, cast.project)
    now = client_of(cast.manager).get(f"/api/v1/projects/{cast.project.pk}/progress").json()
    assert (now["total"], now["done"], now["in_progress"], now["left"]) == (4, 1, 1, 2)
    assert [(r["username"], r["submitted"]) for r in now["per_reader"]] == [("annotator", 1)]
    assert [d["submitted"] for d in now["per_day"]] == [1]


@pytest.mark.parametrize(
    "query",
    [
        "assignee__password__startswith=a",
        "ordering=owner__password",
        "_connector=OR 1=1",
        "stat=open",
    ],
)
def test_unknown_filters_are_refused(cast, client_of, query):
    answer = client_of(cast.manager).get(f"/api/v1/projects/{cast.project.pk}/cases?{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Unknown filter."


def test_cases_are_filtered_by_state(cast, client_of):
    factories.make_empty_cases(cast.project, 3)
    factories.submit_next(cast.annotator, cast.project)
    client = client_of(cast.manager)
    page = client.get(f"/api/v1/projects/{cast.project.pk}/cases?state=done").json()
    assert (page["count"], page["results"][0]["read_count"]) == (1, 1)


LISTS = {
    "/api/v1/projects": 4,
    "/api/v1/projects/{p}/cases": 7,
    "/api/v1/projects/{p}/marks": 6,
    "/api/v1/projects/{p}/progress": 12,
    "/api/v1/projects/{p}/reviews": 5,
    "/api/v1/projects/{p}/datasets": 5,
    "/api/v1/projects/{p}/members": 5,
    "/dicomweb/projects/{p}/studies": 6,
    "/dicomweb/projects/{p}/series": 6,
    "/dicomweb/projects/{p}/instances": 5,
}


@pytest.mark.parametrize("path", LISTS)
def test_lists_take_a_fixed_number_of_queries(path, cast, client_of, django_assert_max_num_queries):
    """The same bound holds for two rows and for twelve: no query in a loop."""
    client = client_of(cast.manager)
    url = path.format(p=cast.project.pk)
    for _ in range(2):
        factories.make_cases(cast.project, 5)
        factories.submit_next(cast.annotator, cast.project)
        with django_assert_max_num_queries(LISTS[path]):
            assert client.get(url).status_code in (200, 204)


def test_signing_in_by_password_and_out_again(cast, client):
    cache.clear()
    body = {"username": "annotator", "password": factories.PASSWORD}
    url = "/_allauth/browser/v1/auth/login"
    assert client.post(url, body, content_type="application/json").status_code == 200
    assert client.get("/api/v1/me").json()["username"] == "annotator"
    client.delete("/_allauth/browser/v1/auth/session")
    assert client.get("/api/v1/me").status_code == 401


def test_guessing_passwords_is_slowed_down(cast, client):
    cache.clear()
    url = "/_allauth/browser/v1/auth/login"
    body = {"username": "annotator", "password": "wrong"}
    for _ in range(8):
        client.post(url, body, content_type="application/json")
    right = client.post(
        url, {**body, "password": factories.PASSWORD}, content_type="application/json"
    )
    cache.clear()
    assert right.status_code == 400
    assert right.json()["errors"][0]["code"] == "too_many_login_attempts"


def test_a_personal_token_works_until_it_is_revoked(cast, client_of):
    owner = client_of(cast.annotator)
    made = owner.post("/api/v1/tokens", {"lifetime_days": 1}).json()
    program = client_of(None)
    headers = {"Authorization": f"Token {made['secret']}"}
    assert program.get("/api/v1/me", headers=headers).json()["username"] == "annotator"
    assert program.get("/dicomweb/studies", headers=headers).status_code == 204
    assert owner.delete(f"/api/v1/tokens/{made['token_key']}").status_code == 204
    assert program.get("/api/v1/me", headers=headers).status_code == 401


def test_a_session_cannot_write_without_the_csrf_token(cast):
    from rest_framework.test import APIClient

    client = APIClient(enforce_csrf_checks=True)
    client.force_login(cast.manager)
    url = f"/api/v1/projects/{cast.project.pk}"
    assert client.patch(url, {"control_share": 0.5}).status_code == 403
    store = f"/dicomweb/projects/{cast.project.pk}/studies"
    assert client.post(store, b"", content_type="multipart/related").status_code == 403


def test_what_matters_is_audited_without_patient_data(cast):
    factories.make_cases(cast.project, 1)
    factories.submit_next(cast.annotator, cast.project)
    event = AuditEvent.objects.get(action="read_submitted")
    assert (event.actor, event.project_id, event.detail) == (
        cast.annotator, cast.project.pk, {"revision": 1, "suggestions": []},
    )  # fmt: skip


def test_security_headers_are_on_every_answer(client, db):
    answer = client.get("/healthz")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_membership_rows_are_unique(cast):
    assert Membership.objects.filter(project=cast.project).count() == 4


def test_a_ranked_project_keeps_a_share_of_random_audits(cast, client_of, settings):
    settings.LEAST_AUDIT_PERCENT = 10
    client, url = client_of(cast.manager), f"/api/v1/projects/{cast.project.pk}"
    [case] = factories.make_empty_cases(cast.project, 1)
    assert client.patch(url, {"control_share": 0}).status_code == 200
    publish_ranking(
        project=cast.project, ranked=[Ranked(case.pk, cast.project.pk, "why", priority=1)]
    )
    refused = client.patch(url, {"control_share": 0.09})
    assert (refused.status_code, refused.json()["field"]) == (400, "control_share")
    assert client.patch(url, {"control_share": 0.1}).json()["control_share"] == 0.1
