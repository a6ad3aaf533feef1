"""Skipped cases, flags and second opinions."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core.models import AuditEvent
from annotation.labeling import worklist
from annotation.labeling.models import Assignment, Case, CaseState, Mark, Verdict
from annotation.labeling.services import claiming, reading
from annotation.labeling.services.projects import change_settings, remove_member
from tests import factories


@pytest.fixture
def claimed(cast, client_of):
    """An annotator's client, the case and the lease that were served, of two cases."""
    factories.make_empty_cases(cast.project, 2)
    client = client_of(cast.annotator)
    body = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    return client, body["case_id"], body["assignment"]["id"]


def skip(client, assignment, reason="Motion"):
    return client.post(f"/api/v1/assignments/{assignment}/skip", {"reason": reason})


def mark(client, case, kind, reason=""):
    return client.put(f"/api/v1/cases/{case}/marks/{kind}", {"reason": reason})


def slots(case):
    found = Case.objects.get(pk=case)
    return found.free_slots, found.extra_readers, found.state


def served(client, cast):
    answer = client.post(f"/api/v1/projects/{cast.project.pk}/claim")
    return answer.json()["case_id"] if answer.status_code == 200 else None


def test_a_skipped_case_is_given_back_and_served_to_others_only(claimed, cast, client_of):
    client, case, assignment = claimed
    Case.objects.filter(pk=case).update(priority=1)
    assert skip(client, assignment).status_code == 204
    assert Assignment.objects.get(pk=assignment).state == "released"
    other = served(client, cast)
    assert other not in {case, None}
    upcoming = worklist.find_upcoming(reader=cast.annotator, project=cast.project, count=2)
    assert case not in [str(c.pk) for c in upcoming]
    assert served(client_of(cast.annotator2), cast) == case


def test_a_skip_needs_a_reason_and_a_live_lease(claimed):
    client, _, assignment = claimed
    assert skip(client, assignment, " ").status_code == 400
    assert skip(client, assignment).status_code == 204
    late = skip(client, assignment)
    assert (late.status_code, late.json()["code"]) == (409, "lease_lost")
    assert Mark.objects.count() == 1


def test_a_manager_takes_a_skip_back(claimed, cast, client_of):
    client, case, assignment = claimed
    skip(client, assignment)
    Case.objects.exclude(pk=case).update(state=CaseState.DONE)
    assert served(client, cast) is None
    found = client_of(cast.reviewer).get(f"/api/v1/projects/{cast.project.pk}/marks").json()
    [row] = found["results"]
    assert (row["kind"], row["reason"], row["author_name"]) == ("skip", "Motion", "annotator")
    assert client.delete(f"/api/v1/cases/{case}/marks/skip").status_code == 404
    one = f"/api/v1/marks/{row['id']}"
    assert client.delete(one).status_code == 403
    assert client_of(cast.annotator2).delete(one).status_code == 404
    assert client_of(cast.manager).delete(one).status_code == 204
    assert served(client, cast) == case


def test_a_flag_is_set_once_changed_and_taken_back(claimed, cast, client_of):
    client, case, _ = claimed
    first, second = mark(client, case, "flag", "a").json(), mark(client, case, "flag", "b").json()
    assert first["id"] == second["id"]
    [found] = client.get(f"/api/v1/cases/{case}/marks").json()
    assert found == second
    assert client_of(cast.manager).get(f"/api/v1/cases/{case}/marks").json() == [second]
    url = f"/api/v1/cases/{case}/marks/flag"
    assert client.delete(url).status_code == 204
    assert client.delete(url).status_code == 404
    assert slots(case) == (0, 0, CaseState.OPEN)
    assert mark(client, case, "skip", "x").status_code == 404
    actions = AuditEvent.objects.filter(object_type="labeling.mark").order_by("sequence")
    assert list(actions.values_list("action", "detail__kind")) == [
        ("case_marked", "flag"), ("case_marked", "flag"), ("mark_removed", "flag")
    ]  # fmt: skip


def test_annotators_do_not_see_one_anothers_marks(claimed, cast, client_of):
    client, case, assignment = claimed
    mark(client, case, "flag", "a")
    client.delete(f"/api/v1/assignments/{assignment}")
    Case.objects.exclude(pk=case).update(state=CaseState.DONE)
    other = client_of(cast.annotator2)
    assert other.get(f"/api/v1/cases/{case}/marks").status_code == 404
    assert served(other, cast) == case
    assert other.get(f"/api/v1/cases/{case}/marks").json() == []


def test_a_second_opinion_opens_one_slot_per_reader_who_asks(claimed, cast, client_of):
    client, case, _ = claimed
    for _ in range(2):
        assert mark(client, case, "second_opinion", "?").status_code == 200
    assert slots(case) == (1, 1, CaseState.OPEN)
    mark(client_of(cast.reviewer), case, "second_opinion")
    assert slots(case) == (2, 2, CaseState.OPEN)


def test_a_second_opinion_reopens_a_case_until_it_has_been_given(cast, client_of):
    factories.make_empty_cases(cast.project, 1)
    case = str(factories.submit_next(cast.annotator, cast.project).case_id)
    assert slots(case) == (0, 0, CaseState.DONE)
    mark(client_of(cast.annotator), case, "second_opinion")
    assert slots(case) == (1, 1, CaseState.OPEN)
    assert served(client_of(cast.annotator), cast) is None
    factories.submit_next(cast.annotator2, cast.project)
    assert slots(case) == (0, 1, CaseState.DONE)


def test_a_second_opinion_is_taken_back_only_while_nobody_gives_it(cast, client_of):
    factories.make_empty_cases(cast.project, 1)
    case = str(factories.submit_next(cast.annotator, cast.project).case_id)
    client, url = client_of(cast.annotator), f"/api/v1/cases/{case}/marks/second_opinion"
    mark(client, case, "second_opinion")
    assert client.delete(url).status_code == 204
    assert slots(case) == (0, 0, CaseState.DONE)
    mark(client, case, "second_opinion")
    assert served(client_of(cast.annotator2), cast) == case
    assert client.delete(url).status_code == 409
    assert Mark.objects.filter(kind="second_opinion").exists()
    assert slots(case) == (0, 1, CaseState.OPEN)


def test_more_readers_per_case_and_a_second_opinion_add_up(cast, client_of):
    factories.make_empty_cases(cast.project, 1)
    case = str(factories.submit_next(cast.annotator, cast.project).case_id)
    mark(client_of(cast.reviewer), case, "second_opinion")
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    assert slots(case) == (2, 1, CaseState.OPEN)
    factories.submit_next(cast.annotator2, cast.project)
    assert slots(case) == (1, 1, CaseState.OPEN)
    factories.submit_next(cast.reviewer, cast.project)
    assert slots(case) == (0, 1, CaseState.DONE)


@pytest.fixture
def returned(cast):
    """A case whose only read a reviewer has returned."""
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    cast.project.refresh_from_db()
    factories.make_empty_cases(cast.project, 1)
    annotation = factories.submit_next(cast.annotator, cast.project)
    reading.review(
        reviewer=cast.reviewer, annotation=annotation, version=annotation.draft_version,
        verdict=Verdict.RETURN, comment="Again",
    )  # fmt: skip
    return str(annotation.case_id)


def test_the_slot_of_a_returned_read_is_no_second_opinion(returned, cast, client_of):
    client = client_of(cast.reviewer)
    mark(client, returned, "second_opinion")
    assert served(client_of(cast.annotator2), cast) == returned
    assert client.delete(f"/api/v1/cases/{returned}/marks/second_opinion").status_code == 409
    assert served(client_of(cast.annotator), cast) == returned


def test_a_reader_who_took_her_returned_read_again_blocks_nobody(returned, cast, client_of):
    assert served(client_of(cast.annotator2), cast) is None
    mark(client_of(cast.reviewer), returned, "second_opinion")
    assert served(client_of(cast.annotator), cast) == returned
    assert served(client_of(cast.annotator2), cast) == returned


def test_a_returned_read_that_its_reader_skips_goes_to_another(returned, cast, client_of):
    lease = factories.claim(cast.annotator, cast.project)
    assert skip(client_of(cast.annotator), lease.pk).status_code == 204
    assert served(client_of(cast.annotator2), cast) == returned


def leave(cast):
    remove_member(actor=cast.manager, project=cast.project, user_id=cast.annotator.pk)


def be_switched_off(cast):
    User.objects.filter(pk=cast.annotator.pk).update(is_active=False)


@pytest.mark.parametrize("go", [leave, be_switched_off])
def test_the_returned_read_of_somebody_who_is_gone_goes_to_another(returned, cast, client_of, go):
    go(cast)
    assert served(client_of(cast.annotator2), cast) == returned
    change_settings(actor=cast.manager, project=cast.project, requires_review=False)
    cast.project.refresh_from_db()
    factories.submit_next(cast.annotator2, cast.project)
    assert slots(returned) == (0, 0, CaseState.DONE)


@pytest.mark.parametrize("go", [leave, be_switched_off])
def test_the_case_of_somebody_who_is_gone_is_given_away_without_an_extra_slot(
    returned, cast, client_of, go
):
    go(cast)
    give(client_of(cast.manager), returned, cast.annotator2)
    assert slots(returned) == (1, 0, CaseState.OPEN)


def test_what_was_given_to_somebody_who_is_switched_off_is_anybodys(claimed, cast, client_of):
    client, case, assignment = claimed
    skip(client, assignment)
    give(client_of(cast.manager), case, cast.annotator2)
    User.objects.filter(pk=cast.annotator2.pk).update(is_active=False)
    Case.objects.filter(pk=case).update(priority=9)
    assert served(client_of(cast.reviewer), cast) == case


def test_a_lapsed_lease_frees_the_extra_slot_again(claimed, cast, client_of):
    client, case, _ = claimed
    mark(client, case, "second_opinion")
    Case.objects.exclude(pk=case).update(state=CaseState.DONE)
    assert served(client_of(cast.annotator2), cast) == case
    Assignment.objects.filter(reader=cast.annotator2).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    claiming.expire_assignments()
    assert slots(case) == (1, 1, CaseState.OPEN)


def test_marks_are_listed_by_kind_in_a_fixed_number_of_queries(
    cast, client_of, django_assert_num_queries
):
    factories.make_empty_cases(cast.project, 3)
    client, url = client_of(cast.manager), f"/api/v1/projects/{cast.project.pk}/marks"
    for case in Case.objects.all():
        mark(client_of(cast.reviewer), case.pk, "flag", "x")
    assert len(client.get(url, {"kind": "flag"}).json()["results"]) == 3
    assert client.get(url, {"kind": "skip"}).json()["results"] == []
    assert client.get(url, {"kind": "like"}).status_code == 400
    assert client.get(url, {"reader": "x"}).status_code == 400
    with django_assert_num_queries(8):
        client.get(url)


def give(client, case, reader):
    return client.put(f"/api/v1/cases/{case}/handovers/{reader.pk}")


def listed(client, cast, **query):
    return client.get(f"/api/v1/projects/{cast.project.pk}/marks", query).json()["results"]


def test_a_manager_resolves_a_mark_and_a_new_one_is_open_again(claimed, cast, client_of):
    client, case, _ = claimed
    flag = mark(client, case, "flag", "Odd").json()
    manager, one = client_of(cast.manager), f"/api/v1/marks/{flag['id']}"
    assert manager.patch(one, {"is_resolved": True}).json()["resolved_at"]
    assert listed(manager, cast, is_resolved="false") == []
    [row] = listed(manager, cast, is_resolved="true", kind="flag", reader=str(cast.annotator.pk))
    assert (row["reason"], row["case_state"]) == ("Odd", "open")
    manager.patch(one, {"is_resolved": True})
    assert AuditEvent.objects.filter(action="mark_resolved").count() == 1
    mark(client, case, "flag", "Still odd")
    [row] = listed(manager, cast, is_resolved="false")
    assert (row["reason"], row["resolved_at"]) == ("Still odd", None)


def test_a_skipped_case_is_given_to_another_reader_and_to_nobody_else(claimed, cast, client_of):
    client, case, assignment = claimed
    skip(client, assignment)
    manager = client_of(cast.manager)
    assert give(manager, case, cast.annotator2).json()["reader_name"] == "annotator2"
    [row] = listed(manager, cast)
    assert [h["reader_name"] for h in row["handovers"]] == ["annotator2"]
    assert slots(case) == (1, 0, "open")
    Case.objects.filter(pk=case).update(priority=9)
    assert served(client_of(cast.reviewer), cast) != case
    assert served(client_of(cast.annotator2), cast) == case
    assert Assignment.objects.get(case=case, state="active").selection == "given"


def test_a_case_given_back_to_who_skipped_it_is_served_first(claimed, cast, client_of):
    client, case, assignment = claimed
    skip(client, assignment)
    Case.objects.exclude(pk=case).update(priority=9)
    give(client_of(cast.manager), case, cast.annotator)
    assert served(client, cast) == case


def test_a_finished_case_given_away_asks_for_one_more_reader(cast, client_of):
    [case] = factories.make_empty_cases(cast.project, 1)
    factories.submit_next(cast.annotator, cast.project)
    manager = client_of(cast.manager)
    assert give(manager, case.pk, cast.annotator).status_code == 409
    assert give(manager, case.pk, cast.outsider).status_code == 400
    give(manager, case.pk, cast.annotator2)
    assert give(manager, case.pk, cast.annotator2).status_code == 200
    assert slots(case.pk) == (1, 1, "open")
    assert served(client_of(cast.reviewer), cast) is None
    path = f"/api/v1/cases/{case.pk}/handovers/{cast.annotator2.pk}"
    assert manager.delete(path).status_code == 204
    assert manager.delete(path).status_code == 404
    assert slots(case.pk) == (0, 0, "done")


def test_who_leaves_the_project_keeps_no_slot(claimed, cast, client_of):
    client, case, assignment = claimed
    skip(client, assignment)
    give(client_of(cast.manager), case, cast.annotator2)
    remove_member(actor=cast.manager, project=cast.project, user_id=cast.annotator2.pk)
    Case.objects.filter(pk=case).update(priority=9)
    assert served(client_of(cast.reviewer), cast) == case


def test_the_list_of_marks_costs_the_same_however_long(cast, client_of, django_assert_num_queries):
    cases = factories.make_empty_cases(cast.project, 8)
    for case in cases:
        mark(client_of(cast.manager), case.pk, "flag", "Odd")
        give(client_of(cast.manager), case.pk, cast.annotator)
    client = client_of(cast.reviewer)
    with django_assert_num_queries(9):
        assert len(listed(client, cast)) == 8
