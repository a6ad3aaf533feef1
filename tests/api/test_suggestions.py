"""What models suggest, and when a reader may know it."""

from uuid import uuid4

import pytest

from annotation.labeling import selectors
from annotation.labeling.models import Assignment, Case, Suggestion
from annotation.labeling.services.asked import Asked, ask_for_slices
from annotation.labeling.services.projects import change_settings, publish_schema
from annotation.labeling.services.suggestions import Offered, offer_suggestions
from tests import factories

CONTENT = {"answers": {"nodule": "yes"}, "probabilities": {"nodule": {"no": 0.1, "yes": 0.9}}}
IMPRESSION = {"answers": {"nodule": "no"}, "at": "2026-01-02T03:04:05Z"}


@pytest.fixture
def suggested(cast, client_of):
    """`suggested(mode)`: the annotator's client and a claimed case with one suggestion."""

    def make(mode, **settings):
        change_settings(actor=cast.manager, project=cast.project, **settings)
        definition = {**factories.QUESTIONS, "options": {"suggestions": mode}}
        publish_schema(actor=cast.manager, project=cast.project, definition=definition)
        [case] = factories.make_empty_cases(cast.project, 1)
        words = {"code": "undecided"}
        Case.objects.update(
            priority_reason="The model cannot decide", priority_words=words, ranking_id=uuid4()
        )
        offer(case)
        client = client_of(cast.annotator)
        return client, client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()

    return make


def offer(*cases, origin="target 1", source="nodule model 1"):
    return offer_suggestions(
        project=cases[0].project, origin=origin, source=source,
        offered=[Offered(case.pk, CONTENT) for case in cases],
    )  # fmt: skip


def ask(client, body):
    return client.get(f"/api/v1/cases/{body['case_id']}/suggestions")


def save(client, body, content, version):
    return client.put(
        f"/api/v1/annotations/{body['annotation']['id']}/draft",
        {"content": {"answers": {}, **content}}, headers={"If-Match": str(version)},
    )  # fmt: skip


def hand_in(client, body, version=1, **content):
    answer = client.post(
        f"/api/v1/annotations/{body['annotation']['id']}/submission",
        {"content": {"answers": {"nodule": "no"}, **content}}, headers={"If-Match": str(version)},
    )  # fmt: skip
    assert answer.status_code == 201


def test_suggestions_come_with_the_case_where_the_project_shows_them(suggested):
    client, body = suggested("shown")
    [found] = body["suggestions"]
    assert (found["source"], found["content"]) == ("nodule model 1", CONTENT)
    assert found["id"] == str(Suggestion.objects.get().pk)
    assert ask(client, body).json() == body["suggestions"]
    assert body["priority_reason"] == "The model cannot decide"
    assert body["priority_words"] == {"code": "undecided"}


def test_a_read_is_offered_what_its_own_schema_knows(suggested, cast):
    """A model that learned a later schema would fill the draft with what the server refuses."""
    client, body = suggested("shown")
    [case] = Case.objects.all()
    later = {
        "answers": {"nodule": "perhaps", "size": 3}, "probabilities": {"nodule": {"perhaps": 1.0}},
        "scoped": [{"series_instance_uid": "1.2", "answers": {"phase": "venous"}}],
        "regions": [{"kind": "box", "label": "cyst"}], "masks": [{"layer": 7, "slices": {}}],
    }  # fmt: skip
    mixed = {**CONTENT, "regions": later["regions"], "masks": later["masks"]}
    for origin, content in (("target 1", mixed), ("target 2", later)):
        offer_suggestions(
            project=cast.project, origin=origin, source=origin, offered=[Offered(case.pk, content)]
        )
    [found] = ask(client, body).json()
    assert found["source"] == "target 1"
    assert found["content"] == {**CONTENT, "regions": [], "masks": []}


def test_a_project_without_suggestions_shows_none(suggested):
    client, body = suggested("off")
    assert body["suggestions"] == []
    assert ask(client, body).json() == []


def test_suggestions_wait_for_the_first_impression(suggested):
    client, body = suggested("after_first_impression")
    assert (body["suggestions"], body["priority_reason"]) == ([], "")
    assert body["priority_words"] == {}
    assert "priority" not in body["assignment"]
    early = ask(client, body)
    assert (early.status_code, early.json()["code"]) == (409, "first_impression_missing")
    assert save(client, body, {"first_impression": IMPRESSION}, 1).status_code == 200
    [found] = ask(client, body).json()
    assert found["content"] == CONTENT
    again = client.get(f"/api/v1/cases/{body['case_id']}").json()
    assert again["suggestions"] == [found]
    assert again["priority_reason"] == "The model cannot decide"


@pytest.mark.parametrize(
    "later", [{}, {"first_impression": {**IMPRESSION, "answers": {"nodule": "yes"}}}]
)
def test_a_first_impression_stands(suggested, later):
    client, body = suggested("after_first_impression")
    save(client, body, {"first_impression": IMPRESSION}, 1)
    answer = save(client, body, later, 2)
    assert answer.json()["fields"] == {"first_impression": "cannot be changed any more"}
    submission = client.post(
        f"/api/v1/annotations/{body['annotation']['id']}/submission",
        {"content": {"answers": {"nodule": "yes"}, **later}}, headers={"If-Match": "2"},
    )  # fmt: skip
    assert submission.status_code == 400
    kept = {"answers": {"nodule": "yes"}, "first_impression": IMPRESSION}
    assert save(client, body, kept, 2).status_code == 200


@pytest.mark.parametrize("mode", ["shown", "after_first_impression", "off"])
def test_a_random_audit_is_read_without_anything_of_the_model(suggested, mode, cast):
    client, body = suggested(mode, control_share=1.0)
    audit = "Random audit: keeps our accuracy honest"
    case, told = f"/api/v1/cases/{body['case_id']}", (audit, {"code": "audit"}, [])

    def shown(body):
        return body["priority_reason"], body["priority_words"], body["suggestions"]

    assert shown(body) == told
    assert ask(client, body).json() == []
    save(client, body, {"first_impression": IMPRESSION}, 1)
    assert shown(client.get(case).json()) == told
    assert ask(client, body).json() == []
    kept = {"answers": {"nodule": "no"}, "first_impression": IMPRESSION}
    handed_in = client.post(
        f"/api/v1/annotations/{body['annotation']['id']}/submission", {"content": kept},
        headers={"If-Match": "2"},
    )  # fmt: skip
    assert handed_in.status_code == 201
    assert len(ask(client, body).json()) == (0 if mode == "off" else 1)
    reopened = client.post(f"/api/v1/annotations/{body['annotation']['id']}/reopening").json()
    assert shown(reopened) == told


@pytest.mark.parametrize("mode", ["shown", "after_first_impression", "off"])
def test_every_reader_of_an_audit_is_told_nothing_of_the_model(suggested, mode, cast, client_of):
    """Its label, which measures the model, is what they agree on."""
    client, body = suggested(mode, control_share=1.0, readers_per_case=2)
    case = Case.objects.get()
    slices = [{"slice": "1.2.3:1", "arm": "spread", "propensity": 1.0}]
    ask_for_slices(origin="target 1", asked=[Asked(case.pk, 0, "1.2", slices)])
    hand_in(client, body)
    change_settings(actor=cast.manager, project=cast.project, control_share=0.0)
    second = client_of(cast.annotator2)
    read = second.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    assert (read["case_id"], read["assignment"]["selection"]) == (str(case.pk), "ranked")
    assert (read["suggestions"], read["annotation"]["asked"]) == ([], [])
    assert (read["priority_reason"], read["priority_words"]) == ("", {})
    save(second, read, {"first_impression": IMPRESSION}, 1)
    assert ask(second, read).json() == []
    assert second.get(f"/api/v1/cases/{case.pk}").json()["priority_reason"] == ""
    hand_in(second, read, version=2, first_impression=IMPRESSION)
    assert second.get(f"/api/v1/cases/{case.pk}").json()["priority_reason"] != ""


def test_a_case_that_anybody_may_have_read_beside_suggestions_is_never_drawn(
    suggested, cast, client_of
):
    client, body = suggested("shown", readers_per_case=2)
    [fresh] = factories.make_empty_cases(cast.project, 1)
    change_settings(actor=cast.manager, project=cast.project, control_share=1.0)
    path = f"/api/v1/projects/{cast.project.pk}/claim"
    second = client_of(cast.annotator2)
    drawn = second.post(path).json()
    assert (drawn["case_id"], drawn["assignment"]["selection"]) == (str(fresh.pk), "control")
    assert Assignment.objects.get(case=fresh).propensity == 1
    hand_in(client, body)
    hand_in(second, drawn)
    served = second.post(path).json()
    assert (served["case_id"], served["assignment"]["selection"]) == (body["case_id"], "ranked")


def test_a_first_impression_holds_what_was_drawn_and_what_must_be_answered(suggested):
    client, body = suggested("after_first_impression")
    early = save(client, body, {"first_impression": {**IMPRESSION, "answers": {}}}, 1)
    assert early.json()["fields"] == {"first_impression.answers.nodule": "needs an answer"}
    assert ask(client, body).status_code == 409
    entry = {"series_instance_uid": "1.2.3", "answers": {}}
    foreign = save(client, body, {"first_impression": {**IMPRESSION, "scoped": [entry]}}, 1)
    path = "first_impression.scoped[0].series_instance_uid"
    assert foreign.json()["fields"] == {path: "is not of this study"}
    wrong = save(client, body, {"first_impression": {**IMPRESSION, "regions": [{}]}}, 1)
    assert "first_impression.regions[0].kind" in wrong.json()["fields"]
    drawn = {**IMPRESSION, "regions": [], "masks": []}
    assert save(client, body, {"first_impression": drawn}, 1).status_code == 200


def test_only_who_reads_the_case_is_told(suggested, cast, client_of):
    _, body = suggested("shown")
    for name in ("annotator2", "reviewer", "manager", "outsider"):
        assert ask(client_of(getattr(cast, name)), body).status_code == 404


def test_a_newer_suggestion_replaces_the_one_of_its_origin_only(suggested, cast):
    client, body = suggested("shown")
    case, foreign = Case.objects.get(), factories.make_empty_cases(cast.foreign_project, 1)[0]
    offer(foreign)
    offer(case, origin="target 2", source="also model 1")
    offer(case, source="nodule model 2")
    assert [s["source"] for s in ask(client, body).json()] == ["also model 1", "nodule model 2"]
    assert Suggestion.objects.filter(case=case).count() == 3
    assert Suggestion.objects.get(case=foreign).is_current


def test_an_offer_leaves_out_what_it_no_longer_names(suggested, cast):
    client, body = suggested("shown")
    [other] = factories.make_empty_cases(cast.project, 1)
    offer(other)
    assert ask(client, body).json() == []


def test_the_garbage_collector_is_told_of_suggested_masks(cast):
    [case] = factories.make_empty_cases(cast.project, 1)
    content = {"masks": [{"layer": 0, "slices": {"1.2.3:1": "ab" * 32}}, {"sha256": "cd" * 32}]}
    offer_suggestions(
        project=cast.project, origin="o", source="s", offered=[Offered(case.pk, content)]
    )
    assert selectors.mask_addresses() == {"ab" * 32, "cd" * 32}


def test_suggestions_cost_one_query_however_many_cases(cast, django_assert_num_queries):
    cases = factories.make_empty_cases(cast.project, 30)
    offer(*cases)
    with django_assert_num_queries(4):  # savepoint, withdraw, insert, savepoint
        assert offer(*cases) == 30
