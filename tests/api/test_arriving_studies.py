"""Nobody is served a study that is still arriving, and nobody hands in a read of a part of one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.archive.models import Series, SeriesPreparation
from annotation.archive.services.ingest import ingest
from annotation.labeling.models import Annotation, Assignment, Revision
from annotation.labeling.services import claiming
from annotation.labeling.services.projects import add_cases
from annotation.labeling.worklist import find_upcoming
from tests import factories

YES = {"answers": {"nodule": "yes"}}
ARRIVED = "More of this study has arrived since it was opened: look at it, then hand in again."


@pytest.fixture
def slices():
    return factories.make_ct("arriving", slices=3)


@pytest.fixture
def case(cast, slices):
    """Of a study that has come but for its last slice."""
    stored = ingest(collection=cast.project.collection, chunks=[slices[0]])
    ingest(collection=cast.project.collection, chunks=[slices[1]])
    add_cases(project=cast.project, studies=[stored.study])
    return stored.study.cases.get()


@pytest.fixture
def minute_of_quiet(settings):
    settings.STUDY_QUIET_SECONDS = 60


def came(ago):
    """As if everything had come then: the database's clock stands still within a test."""
    SeriesPreparation.objects.update(changed_at=timezone.now() - ago)


def more_comes(cast, data):
    ingest(collection=cast.project.collection, chunks=[data])
    came(timedelta(seconds=-1))


def waiting(client, cast):
    return client.get(f"/api/v1/projects/{cast.project.pk}/waiting").json()


def claim(client, cast):
    return client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()


def submit(client, body, **more):
    annotation = Annotation.objects.get(pk=body["annotation"]["id"])
    return client.post(
        f"/api/v1/annotations/{annotation.pk}/submission", {"content": YES, **more},
        headers={"If-Match": f'"{annotation.draft_version}"'},
    )  # fmt: skip


def test_a_study_that_is_still_arriving_is_served_once_it_is_quiet(
    minute_of_quiet, case, cast, client_of
):
    client = client_of(cast.annotator)
    assert factories.claim(cast.annotator, cast.project) is None
    assert find_upcoming(reader=cast.annotator, project=cast.project, count=1) == []
    assert waiting(client, cast) == {"has_more": False, "arriving": 1, "quiet_seconds": 60}
    came(timedelta(minutes=2))
    assert waiting(client, cast) == {"has_more": True, "arriving": 0, "quiet_seconds": 60}
    assert factories.claim(cast.annotator, cast.project).case_id == case.pk
    assert waiting(client, cast) == {"has_more": False, "arriving": 0, "quiet_seconds": 60}


def test_the_next_quiet_study_is_served_meanwhile_also_to_an_audit(minute_of_quiet, case, cast):
    [whole] = factories.make_empty_cases(cast.project, 1)
    cast.project.control_share = 1.0
    type(case).objects.update(ranking_id=cast.project.pk)
    audit = factories.claim(cast.annotator, cast.project)
    assert (audit.case_id, audit.selection, audit.propensity) == (whole.pk, "control", 1.0)


def test_what_one_cannot_read_anyway_is_not_waited_for(minute_of_quiet, case, cast, client_of):
    case.marks.create(reader=cast.annotator, kind="skip", reason="no")
    assert waiting(client_of(cast.annotator), cast)["arriving"] == 0
    assert waiting(client_of(cast.annotator2), cast)["arriving"] == 1


def test_a_lease_stays_while_more_arrives(case, cast, slices, settings):
    held = factories.claim(cast.annotator, cast.project)
    more_comes(cast, slices[2])
    settings.STUDY_QUIET_SECONDS = 60
    assert factories.claim(cast.annotator, cast.project) == held
    claiming.release(assignment=held)
    assert factories.claim(cast.annotator, cast.project) is None


def test_a_read_of_a_part_of_the_study_is_refused_until_its_reader_has_seen_the_rest(
    case, cast, client_of, slices
):
    client = client_of(cast.annotator)
    body = claim(client, cast)
    more_comes(cast, slices[2])
    refused = submit(client, body, study_revision=body["study_revision"])
    assert (refused.status_code, refused.json()["code"]) == (409, "study_changed")
    assert refused.json()["detail"] == ARRIVED
    assert Revision.objects.count() == 0
    again = client.get(f"/api/v1/cases/{case.pk}").json()
    assert len(again["study"]["series"][0]["instances"]) == 3
    assert submit(client, again, study_revision=again["study_revision"]).status_code == 201


def test_a_new_series_counts_as_more_of_the_study(case, cast, client_of):
    client = client_of(cast.annotator)
    body = claim(client, cast)
    series = Series.objects.create(study=case.study, series_instance_uid="1.2.3", dicom_json={})
    SeriesPreparation.objects.create(series=series)
    assert submit(client, body, study_revision=body["study_revision"]).status_code == 409


def test_who_says_nothing_of_what_was_seen_saw_what_was_there_when_the_case_was_served(
    case, cast, client_of, slices
):
    client = client_of(cast.annotator)
    body = claim(client, cast)
    more_comes(cast, slices[2])
    assert submit(client, body).json()["code"] == "study_changed"
    Assignment.objects.update(created_at=timezone.now() + timedelta(seconds=2))
    assert submit(client, body).status_code == 201


def test_a_late_read_whose_lease_has_lapsed_is_refused_alike(case, cast, client_of, slices):
    client = client_of(cast.annotator)
    body = claim(client, cast)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    claiming.expire_assignments()
    more_comes(cast, slices[2])
    for seen in ({"study_revision": body["study_revision"]}, {}):
        assert submit(client, body, **seen).json()["code"] == "study_changed"
