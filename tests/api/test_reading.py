"""Claiming, autosaving, submitting, reopening, reviewing over HTTP."""

from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from annotation.labeling.models import (
    Annotation,
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Review,
    Revision,
    Selection,
)
from annotation.labeling.services import claiming
from annotation.labeling.services.projects import change_settings
from annotation.labeling.services.ranking import Ranked, publish_ranking, replace_ranking
from tests import factories

YES = {"answers": {"nodule": "yes"}}


@pytest.fixture
def reading(cast, client_of):
    """An annotator's client and the case that was claimed."""
    factories.make_cases(cast.project, 3)
    client = client_of(cast.annotator)
    body = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    return client, body


def put_draft(client, annotation, version, content=YES):
    return client.put(
        f"/api/v1/annotations/{annotation}/draft", {"content": content},
        headers={"If-Match": f'"{version}"'},
    )  # fmt: skip


def submit(client, annotation, version, content=YES, **more):
    return client.post(
        f"/api/v1/annotations/{annotation}/submission", {"content": content, **more},
        headers={"If-Match": f'"{version}"'},
    )  # fmt: skip


def give_verdict(client, read, verdict, version, **more):
    return client.post(
        f"/api/v1/annotations/{read}/review", {"verdict": verdict, **more},
        headers={"If-Match": f'"{version}"'},
    )  # fmt: skip


def test_a_claim_answers_with_everything_the_page_needs(reading):
    _, body = reading
    assert body["assignment"]["selection"] == Selection.INITIAL
    assert body["annotation"]["schema"]["definition"]["questions"][0]["key"] == "nodule"
    assert len(body["study"]["series"][0]["instances"]) == 1


def test_a_second_claim_goes_on_with_the_same_case(reading, cast):
    client, body = reading
    again = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    assert again["assignment"]["id"] == body["assignment"]["id"]


def test_two_readers_get_different_cases_and_an_empty_worklist_says_so(cast, client_of):
    factories.make_cases(cast.project, 2)
    url = f"/api/v1/projects/{cast.project.pk}/claim"
    first = client_of(cast.annotator).post(url).json()
    second = client_of(cast.annotator2).post(url).json()
    assert first["case_id"] != second["case_id"]
    assert client_of(cast.reviewer).post(url).status_code == 204


def test_a_stale_save_gets_412_with_the_newer_draft_and_changes_nothing(reading):
    client, body = reading
    annotation = body["annotation"]["id"]
    assert put_draft(client, annotation, 1).headers["ETag"] == '"2"'
    stale = put_draft(client, annotation, 1, {"answers": {"nodule": "no"}})
    assert stale.status_code == 412
    assert stale.json()["current"] == {"version": 2, "content": YES}
    assert Annotation.objects.get(pk=annotation).draft == YES


def test_a_save_must_say_what_it_builds_on(reading):
    client, body = reading
    url = f"/api/v1/annotations/{body['annotation']['id']}/draft"
    assert client.put(url, {"content": YES}).status_code == 428
    assert client.put(url, {"content": YES}, headers={"If-Match": "new"}).status_code == 400


def test_malformed_answers_are_named_and_not_saved(reading):
    client, body = reading
    answer = put_draft(client, body["annotation"]["id"], 1, {"answers": {"nodule": "perhaps"}})
    assert answer.status_code == 400
    assert answer.json()["fields"] == {"answers.nodule": "is no option of this question"}


def test_a_submission_makes_an_immutable_revision_and_closes_the_case(reading, cast):
    client, body = reading
    made = submit(client, body["annotation"]["id"], 1)
    assert made.status_code == 201
    assert made.json()["content"] == YES
    assert Case.objects.get(pk=body["case_id"]).state == CaseState.DONE
    with pytest.raises(IntegrityError), transaction.atomic():
        Revision.objects.update(content={})
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from labeling_revision")


def test_a_submission_takes_the_next_case_along(reading, cast):
    client, body = reading
    following = submit(client, body["annotation"]["id"], 1, take_next=True).json()["next"]
    assert following["case_id"] != body["case_id"]
    assert following == client.post(f"/api/v1/projects/{cast.project.pk}/claim").json() | {
        "assignment": following["assignment"]
    }
    Case.objects.exclude(pk=following["case_id"]).update(state=CaseState.DONE)
    last = submit(client, following["annotation"]["id"], 1, take_next=True)
    assert (last.status_code, last.json()["next"]) == (201, None)


def test_a_submission_stands_where_the_next_case_cannot_be_claimed(reading):
    client, body = reading
    with connection.cursor() as cursor:
        cursor.execute("""
            create function refuse() returns trigger language plpgsql as
                'begin raise exception ''no assignments today''; end';
            create trigger refuse before insert on labeling_assignment execute function refuse();
        """)
    made = submit(client, body["annotation"]["id"], 1, take_next=True)
    assert (made.status_code, made.json()["next"]) == (201, None)
    assert Annotation.objects.get(pk=body["annotation"]["id"]).state == "accepted"


def test_the_last_seconds_come_with_the_submission_by_our_clock(reading):
    client, body = reading
    Assignment.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=20))
    made = submit(client, body["annotation"]["id"], 1, active_seconds=3600).json()
    assert 20 <= made["active_seconds"] < 40


def test_an_unanswered_question_stops_the_submission(reading):
    client, body = reading
    answer = submit(client, body["annotation"]["id"], 1, {"answers": {}})
    assert answer.status_code == 400
    assert answer.json()["fields"] == {"answers.nodule": "needs an answer"}
    assert Revision.objects.count() == 0


def test_undo_reopens_the_read_and_gives_the_next_case_back(reading, cast):
    client, body = reading
    annotation = body["annotation"]["id"]
    submit(client, annotation, 1)
    following = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    reopened = client.post(f"/api/v1/annotations/{annotation}/reopening").json()
    assert reopened["case_id"] == body["case_id"]
    assert reopened["annotation"]["content"] == YES
    given_back = Assignment.objects.get(pk=following["assignment"]["id"])
    assert given_back.state == AssignmentState.RELEASED
    changed = {"answers": {"nodule": "no"}}
    assert submit(client, annotation, reopened["annotation"]["version"], changed).status_code == 201
    numbers = list(Revision.objects.order_by("number").values_list("number", "content"))
    assert numbers == [(1, YES), (2, changed)]


def test_two_readers_per_case_are_two_different_people(cast, client_of):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    cast.project.refresh_from_db()
    [case] = factories.make_cases(cast.project, 1)
    factories.submit_next(cast.annotator, cast.project)
    assert factories.claim(cast.annotator, cast.project) is None
    case.refresh_from_db()
    assert case.state == CaseState.OPEN
    factories.submit_next(cast.annotator2, cast.project)
    case.refresh_from_db()
    assert (case.state, case.free_slots) == (CaseState.DONE, 0)


def ranked_by(cast, cases, *, first=None):
    """All of them by one ranking, at one place or with one of them first."""
    return [
        Ranked(c.pk, cast.project.pk, "why", priority=0.9 if c == first else 0.1) for c in cases
    ]


def test_the_ranking_decides_what_is_claimed_next_and_is_recorded(cast):
    cases = factories.make_empty_cases(cast.project, 5)
    first = cases[3]
    publish_ranking(project=cast.project, ranked=ranked_by(cast, cases, first=first))
    assignment = factories.claim(cast.annotator, cast.project)
    assert assignment.case_id == first.pk
    assert (assignment.selection, assignment.priority) == (Selection.RANKED, 0.9)


def test_what_a_new_ranking_leaves_out_loses_its_place(cast):
    kept, left_out = factories.make_empty_cases(cast.project, 2)
    for number, cases in ((1, [kept, left_out]), (2, [kept])):
        words = {"code": "random"}
        ranked = [Ranked(c.pk, UUID(int=number), "why", words, priority=0.5) for c in cases]
        count = replace_ranking(project=cast.project, ranked=ranked)
    assert count == 1
    left_out.refresh_from_db()
    kept.refresh_from_db()
    assert (left_out.priority, left_out.priority_reason, left_out.ranking_id) == (0, "", None)
    assert left_out.priority_words == {}
    assert (kept.priority, kept.ranking_id) == (0.5, UUID(int=2))


def test_a_share_of_claims_is_drawn_at_random_and_recorded_as_control(cast):
    change_settings(actor=cast.manager, project=cast.project, control_share=1.0)
    cast.project.refresh_from_db()
    cases = factories.make_empty_cases(cast.project, 30)
    publish_ranking(project=cast.project, ranked=ranked_by(cast, cases))
    served = set()
    for seed in range(12):
        assignment = factories.claim(cast.annotator, cast.project, seed)
        assert assignment.selection == Selection.CONTROL
        assert assignment.reason == "Random audit: keeps our accuracy honest"
        assert assignment.propensity == pytest.approx(1 / 30)
        served.add(assignment.case_id)
        claiming.release(assignment=assignment)
    assert len(served) > 4


def test_a_ranked_project_draws_its_least_share_whatever_its_settings_say(cast, settings):
    settings.LEAST_AUDIT_PERCENT = 10
    cases = factories.make_empty_cases(cast.project, 20)
    assert cast.project.control_share == 0
    unranked = [serve(cast, seed) for seed in range(30)]
    assert set(unranked) == {Selection.INITIAL}
    publish_ranking(project=cast.project, ranked=ranked_by(cast, cases))
    drawn = [seed for seed in range(30) if serve(cast, seed) == Selection.CONTROL]
    assert drawn == [s for s in range(30) if np.random.default_rng(s).random() < 0.1] != []


def serve(cast, seed):
    """How a claim with that seed comes to its case; the case goes back, and nothing is left of it."""
    assignment = factories.claim(cast.annotator, cast.project, seed)
    assignment.delete()
    Case.objects.filter(pk=assignment.case_id).update(free_slots=1)
    return assignment.selection


def test_an_audit_that_is_put_aside_stays_one_for_its_reader(cast):
    cases = factories.make_empty_cases(cast.project, 2)
    publish_ranking(
        project=cast.project,
        ranked=ranked_by(cast, cases),
    )
    change_settings(actor=cast.manager, project=cast.project, control_share=1.0)
    cast.project.refresh_from_db()
    drawn = factories.claim(cast.annotator, cast.project)
    claiming.release(assignment=drawn)
    other = factories.claim(cast.annotator2, cast.project)
    claiming.release(assignment=other)
    cast.project.control_share = 0.0
    cast.project.save()
    returned = claiming.claim_case(reader=cast.annotator, case=drawn.case)
    claiming.release(assignment=returned)
    Case.objects.exclude(pk=drawn.case_id).update(free_slots=0)
    ranked = factories.claim(cast.annotator, cast.project)
    for again in (returned, ranked):
        assert (again.case_id, again.selection) == (drawn.case_id, Selection.CONTROL)
        assert (again.propensity, again.reason_words) == (0.5, {"code": "audit"})


def test_a_reader_goes_on_seeing_the_reason_that_the_case_came_with(cast, client_of):
    [case] = factories.make_empty_cases(cast.project, 1)
    for why in ("first", "second"):
        publish_ranking(
            project=cast.project, ranked=[Ranked(case.pk, cast.project.pk, why, priority=1)]
        )
        client = client_of(cast.annotator)
        body = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
        assert body["priority_reason"] == "first"


def test_upcoming_names_the_next_case_without_claiming_it(reading, cast):
    client, body = reading
    coming = client.get(f"/api/v1/projects/{cast.project.pk}/upcoming").json()
    assert len(coming) == 2
    assert body["case_id"] not in [c["case_id"] for c in coming]
    assert Assignment.objects.count() == 1


def test_a_reviewed_project_accepts_only_after_approval(cast, client_of):
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    cast.project.refresh_from_db()
    [case] = factories.make_cases(cast.project, 1)
    annotation = factories.submit_next(cast.annotator, cast.project)
    reviewer = client_of(cast.reviewer)
    [waiting] = reviewer.get(f"/api/v1/projects/{cast.project.pk}/reviews").json()["results"]
    returned = give_verdict(
        reviewer, waiting["id"], "return", waiting["version"], comment="look again"
    )
    assert returned.status_code == 201
    body = client_of(cast.annotator).post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    assert (body["case_id"], body["review_comment"]) == (str(case.pk), "look again")
    annotation.refresh_from_db()
    submit(client_of(cast.annotator), annotation.pk, annotation.draft_version)
    newest = annotation.draft_version + 1
    assert give_verdict(reviewer, annotation.pk, "return", newest).status_code == 201
    body = client_of(cast.annotator).post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    assert (body["is_returned"], body["review_comment"]) == (True, "")
    submit(client_of(cast.annotator), annotation.pk, newest + 1)
    newest += 2
    assert give_verdict(reviewer, annotation.pk, "approve", newest).status_code == 201
    case.refresh_from_db()
    assert case.state == CaseState.DONE
    assert give_verdict(reviewer, annotation.pk, "approve", newest).status_code == 409


def test_nobody_approves_a_read_that_was_handed_in_again_since_they_saw_it(cast, client_of):
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    cast.project.refresh_from_db()
    factories.make_empty_cases(cast.project, 1)
    seen = factories.submit_next(cast.annotator, cast.project)
    reader, reviewer = client_of(cast.annotator), client_of(cast.reviewer)
    url = f"/api/v1/annotations/{seen.pk}"
    reopened = reader.post(f"{url}/reopening").json()["annotation"]["version"]
    submit(reader, seen.pk, reopened)
    stale = give_verdict(reviewer, seen.pk, "approve", seen.draft_version)
    assert (stale.status_code, stale.json()["current"]["content"]) == (412, YES)
    assert reviewer.post(f"{url}/review", {"verdict": "approve"}).status_code == 428
    assert not Review.objects.exists()


def test_a_returned_read_keeps_its_slot_for_its_own_reader(cast, client_of):
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    [case] = factories.make_cases(cast.project, 1)
    annotation = factories.submit_next(cast.annotator, cast.project)
    give_verdict(client_of(cast.reviewer), annotation.pk, "return", annotation.draft_version)
    assert factories.claim(cast.annotator2, cast.project) is None
    assert factories.claim(cast.annotator, cast.project).case_id == case.pk


def test_raising_the_readers_while_an_import_runs_gives_new_cases_all_their_slots(cast):
    from annotation.labeling.services.projects import add_cases

    study = factories.make_study(cast.project)
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    add_cases(project=cast.project, studies=[study])  # with the project as it was before
    assert Case.objects.get(study=study).free_slots == 2


def test_importing_over_an_opened_draft_takes_one_slot_and_the_current_schema(cast):
    from annotation.labeling.services.importing import import_read
    from annotation.labeling.services.projects import publish_schema

    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    factories.make_cases(cast.project, 1)
    assignment = factories.claim(cast.annotator, cast.project)
    from annotation.labeling.services.reading import open_annotation

    open_annotation(reader=cast.annotator, case=assignment.case)
    latest = publish_schema(
        actor=cast.manager, project=cast.project, definition=factories.QUESTIONS
    )
    import_read(reader=cast.annotator, case=assignment.case, content=YES)
    assignment.refresh_from_db()
    case = Case.objects.get()
    assert (assignment.state, case.free_slots, case.state) == ("submitted", 1, CaseState.OPEN)
    assert Revision.objects.get().schema == latest


def test_nobody_reviews_their_own_read(cast, client_of):
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    cast.project.refresh_from_db()
    factories.make_cases(cast.project, 1)
    annotation = factories.submit_next(cast.reviewer, cast.project)
    queue = f"/api/v1/projects/{cast.project.pk}/reviews"
    assert client_of(cast.reviewer).get(queue).json()["count"] == 0
    assert client_of(cast.manager).get(queue).json()["count"] == 1
    answer = give_verdict(
        client_of(cast.reviewer), annotation.pk, "approve", annotation.draft_version
    )
    assert answer.status_code == 409
