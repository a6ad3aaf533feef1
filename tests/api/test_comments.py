"""What members say about a case, and who hears it."""

import pytest

from annotation.core.models import AuditEvent
from annotation.labeling.models import Case
from annotation.labeling.services import comments
from annotation.labeling.services.projects import change_settings
from tests import factories


@pytest.fixture
def case(cast):
    """A case that both annotators have read."""
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    [case] = factories.make_cases(cast.project, 1)
    for reader in (cast.annotator, cast.annotator2):
        factories.submit_next(reader, cast.project)
    return case


def url(case):
    return f"/api/v1/cases/{case.pk}/comments"


def texts(client, case):
    return [comment["text"] for comment in client.get(url(case)).json()]


def test_a_comment_carries_its_author_and_place(case, cast, client_of):
    uid = case.study.series.get().instances.get().sop_instance_uid
    place = {"sop_instance_uid": uid, "frame": 1, "pixel": [3.5, 4.0]}
    client = client_of(cast.annotator)
    made = client.post(url(case), {"text": "Here?", "place": place})
    assert made.status_code == 201, made.json()
    [found] = client.get(url(case)).json()
    assert found == made.json()
    assert (found["author"], found["author_name"]) == (str(cast.annotator.pk), "annotator")
    assert (found["text"], found["place"], found["is_resolved"]) == ("Here?", place, False)


def test_annotators_hear_themselves_and_their_supervisors_only(case, cast, client_of):
    for name in ("annotator", "annotator2", "reviewer", "manager"):
        client_of(getattr(cast, name)).post(url(case), {"text": name})
    assert texts(client_of(cast.annotator), case) == ["annotator", "reviewer", "manager"]
    for supervisor in (cast.reviewer, cast.manager):
        assert len(texts(client_of(supervisor), case)) == 4


def test_an_annotator_who_does_not_read_the_case_hears_nothing_of_it(cast, client_of):
    [case] = factories.make_cases(cast.project, 1)
    client_of(cast.manager).post(url(case), {"text": "Look at the apex"})
    assert client_of(cast.annotator).get(url(case)).status_code == 404


def test_only_the_author_changes_resolves_or_deletes(case, cast, client_of):
    author, manager = client_of(cast.annotator), client_of(cast.manager)
    one = f"/api/v1/comments/{author.post(url(case), {'text': 'a'}).json()['id']}"
    changed = author.patch(one, {"text": "b", "is_resolved": True}).json()
    assert (changed["text"], changed["is_resolved"]) == ("b", True)
    assert manager.patch(one, {"text": "c"}).status_code == 403
    assert manager.delete(one).status_code == 403
    assert client_of(cast.annotator2).patch(one, {"text": "c"}).status_code == 404
    assert author.delete(one).status_code == 204
    assert author.delete(one).status_code == 404
    actions = AuditEvent.objects.filter(object_type="labeling.comment").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        "comment_written", "comment_changed", "comment_deleted"
    ]  # fmt: skip
    assert "b" not in [e.detail.get("text") for e in actions]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"sop_instance_uid": "1.2.3", "frame": 1, "pixel": [0, 0]}, "place.sop_instance_uid"),
        ({"sop_instance_uid": "a", "frame": 1, "pixel": [0, 0]}, "place"),
        ({"sop_instance_uid": "1.2", "frame": 0, "pixel": [0, 0]}, "place"),
        ({"sop_instance_uid": "1.2", "frame": 1, "pixel": [0]}, "place"),
        ({"sop_instance_uid": "1.2", "frame": 1, "pixel": [0, "nan"]}, "place"),
    ],
)
def test_a_place_must_be_in_the_study(case, cast, client_of, place, field):
    answer = client_of(cast.annotator).post(url(case), {"text": "x", "place": place})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


def test_a_case_has_room_for_so_many(case, cast, client_of, monkeypatch):
    monkeypatch.setattr(comments, "MAX_COMMENTS", 1)
    client = client_of(cast.annotator)
    assert client.post(url(case), {"text": "a"}).status_code == 201
    assert client.post(url(case), {"text": "b"}).status_code == 409


def test_the_list_costs_the_same_however_long_it_is(
    case, cast, client_of, django_assert_num_queries
):
    client = client_of(cast.annotator)
    for number in range(3):
        comments.write_comment(
            author=cast.manager, case=Case.objects.get(), text=str(number), place=None
        )
        with django_assert_num_queries(4):  # session, user, case, comments with their authors
            assert len(client.get(url(case)).json()) == number + 1
