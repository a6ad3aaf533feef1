"""Leases: renewed by heartbeats, taken again after an outage, lost only to somebody else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.labeling.models import Annotation, Assignment, AssignmentState, Case, CaseState
from annotation.labeling.services import claiming, handovers
from tests import factories
from tests.api.test_reading import YES, put_draft, submit


@pytest.fixture
def reading(cast, client_of):
    """An annotator's client and the case that was claimed, of three."""
    factories.make_empty_cases(cast.project, 3)
    client = client_of(cast.annotator)
    return client, claimed(client, cast)


def claimed(client, cast):
    return client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()


def beat(client, body, active_seconds=1.0):
    return client.post(
        f"/api/v1/assignments/{body['assignment']['id']}/heartbeat",
        {"active_seconds": active_seconds},
    )


def is_lost(answer):
    return (answer.status_code, answer.json().get("code")) == (409, "lease_lost")


def lapse():
    """Nothing was heard of any reader for longer than a lease."""
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def expire():
    lapse()
    assert claiming.expire_assignments() == 1


def test_a_lapsed_lease_keeps_the_draft_and_is_lost_only_when_the_case_is_taken(
    reading, cast, client_of
):
    client, body = reading
    annotation = body["annotation"]["id"]
    Case.objects.exclude(pk=body["case_id"]).update(state=CaseState.DONE)
    expire()
    assert put_draft(client, annotation, 1).status_code == 200
    assert claimed(client_of(cast.annotator2), cast)["case_id"] == body["case_id"]
    assert is_lost(beat(client, body))
    assert is_lost(submit(client, annotation, 2))
    assert Annotation.objects.get(pk=annotation).draft == YES


def test_a_lapsed_lease_on_a_free_case_is_simply_taken_again(reading):
    client, body = reading
    expire()
    assert submit(client, body["annotation"]["id"], 1).status_code == 201


def test_a_heartbeat_renews_a_lapsed_lease_that_nobody_has_ended(reading):
    client, body = reading
    lapse()
    assert beat(client, body).json()["id"] == body["assignment"]["id"]
    assert claiming.expire_assignments() == 0


def test_after_an_outage_a_heartbeat_takes_the_case_back_before_it_is_served_to_others(
    reading, cast, client_of
):
    client, body = reading
    Case.objects.filter(pk=body["case_id"]).update(priority=1)
    expire()
    answer = beat(client, body)
    assert (answer.status_code, answer.json()["case"]) == (200, body["case_id"])
    assert answer.json()["id"] != body["assignment"]["id"]
    assert beat(client, body).json()["id"] == answer.json()["id"]  # the answer was lost on the way
    assert claimed(client_of(cast.annotator2), cast)["case_id"] != body["case_id"]
    assert Case.objects.get(pk=body["case_id"]).free_slots == 0


def test_a_case_that_others_have_given_back_comes_back_with_a_heartbeat(reading, cast):
    client, body = reading
    Case.objects.exclude(pk=body["case_id"]).update(state=CaseState.DONE)
    expire()
    taken = factories.claim(cast.annotator2, cast.project)
    assert is_lost(beat(client, body))
    claiming.release(assignment=taken)
    assert beat(client, body).status_code == 200


def test_a_heartbeat_takes_no_slot_that_is_kept_for_another_reader(reading, cast):
    client, body = reading
    expire()
    case = Case.objects.get(pk=body["case_id"])
    handovers.give_case(actor=cast.manager, case=case, reader_id=cast.annotator2.pk)
    assert is_lost(beat(client, body))
    assert is_lost(submit(client, body["annotation"]["id"], 1))


def test_a_tab_that_was_left_behind_takes_nothing_from_the_one_in_which_its_reader_went_on(
    reading, cast
):
    client, body = reading
    expire()
    Case.objects.filter(pk=body["case_id"]).update(free_slots=0)
    there = claimed(client, cast)
    Case.objects.filter(pk=body["case_id"]).update(free_slots=1)
    assert is_lost(beat(client, body))
    assert beat(client, there).status_code == 200


@pytest.mark.parametrize("how", ["release", "submit"])
def test_a_case_that_its_reader_has_done_with_elsewhere_does_not_come_back(reading, cast, how):
    client, body = reading
    expire()
    there = claimed(client, cast)
    assert there["case_id"] == body["case_id"]
    if how == "release":
        client.delete(f"/api/v1/assignments/{there['assignment']['id']}")
    else:
        submit(client, body["annotation"]["id"], 1)
    assert is_lost(beat(client, body))
    assert not Assignment.objects.filter(state=AssignmentState.ACTIVE).exists()


def test_seconds_count_once_also_where_a_lease_was_taken_again(reading):
    client, body = reading
    Assignment.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=20))
    expire()
    for _ in range(2):
        beat(client, body, active_seconds=12)
    assert 12 <= Annotation.objects.get().active_seconds < 13


def test_active_time_counts_no_more_than_the_clock(reading):
    client, body = reading
    url = f"/api/v1/assignments/{body['assignment']['id']}/heartbeat"
    Assignment.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=20))
    client.post(url, {"active_seconds": 12})
    client.post(url, {"active_seconds": 3000})
    assert 12 <= Annotation.objects.get().active_seconds < 13


def test_hours_that_could_not_be_told_keep_no_read_from_being_handed_in(reading):
    client, body = reading
    url = f"/api/v1/assignments/{body['assignment']['id']}/heartbeat"
    Assignment.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=20))
    assert client.post(url, {"active_seconds": 7200}).status_code == 200
    assert submit(client, body["annotation"]["id"], 1, active_seconds=1e300).status_code == 201
    assert 20 <= Annotation.objects.get().active_seconds < 40
