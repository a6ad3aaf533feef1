"""Content that names images: it must lie in the case's study."""

import uuid

import pytest

from annotation.archive.services.ingest import ingest
from annotation.labeling.models import Case
from annotation.labeling.services import reading
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories

DEFINITION = {
    **factories.QUESTIONS,
    "region_labels": [{"key": "nodule"}],
    "segments": [{"value": 1, "label": "Lung"}],
}


@pytest.fixture
def opened(cast):
    """A read of a CT of five slices of 32 x 32, and what its images are called."""
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    files = factories.make_ct("one")
    for data in files:
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    case = Case.objects.get(project=cast.project)
    annotation = reading.open_annotation(reader=cast.annotator, case=case)
    headers = [factories.read(data) for data in files]
    return annotation, [h.SOPInstanceUID for h in headers], headers[0].SeriesInstanceUID


def region(uid, frame=1):
    return {
        "id": str(uuid.uuid4()), "kind": "point", "label": "nodule", "sop_instance_uid": uid,
        "frame": frame, "pixels": [[1, 2]],
    }  # fmt: skip


def save(client_of, annotation, content):
    return client_of(annotation.reader).put(
        f"/api/v1/annotations/{annotation.pk}/draft", {"content": {"answers": {}, **content}},
        headers={"If-Match": str(annotation.draft_version)},
    )  # fmt: skip


def test_places_in_the_study_are_kept_as_they_were_sent(opened, client_of):
    annotation, uids, series = opened
    content = {
        "answers": {},
        "scoped": [{"series_instance_uid": series, "answers": {}}],
        "regions": [region(uids[0]), region(uids[4])],
    }
    answer = save(client_of, annotation, content)
    assert (answer.status_code, answer.json().get("content")) == (200, content)


def test_places_elsewhere_are_named(opened, cast, client_of):
    annotation, uids, _ = opened
    foreign = factories.read(factories.make_dicom("other")).SOPInstanceUID
    factories.make_study(cast.project, "other")
    content = {
        "scoped": [{"series_instance_uid": "1.2.3", "answers": {}}],
        "regions": [region(uids[0]), region(foreign), region(uids[0], frame=2)],
    }
    assert save(client_of, annotation, content).json()["fields"] == {
        "scoped[0].series_instance_uid": "is not of this study",
        "regions[1].sop_instance_uid": "is not of this study",
        "regions[2].sop_instance_uid": "has no frame 2",
    }


def test_a_mask_lies_on_the_grid_of_its_series(opened, client_of):
    annotation, uids, series = opened
    mask = {"layer": 0, "series_instance_uid": series, "rows": 32, "columns": 16,
            "slices": {f"{uids[0]}:1": "0" * 64}}  # fmt: skip
    assert save(client_of, annotation, {"masks": [mask]}).json()["fields"] == {
        f"masks[0].slices.{uids[0]}:1": "is no image of 32 x 16 of this series"
    }


@pytest.mark.parametrize("count", [1, 5])
def test_places_cost_one_query_however_many_they_are(
    opened, client_of, django_assert_num_queries, count
):
    annotation, uids, series = opened
    plain, named = {}, {
        "scoped": [{"series_instance_uid": series, "answers": {}}],
        "regions": [region(uid) for uid in uids[:count]],
    }  # fmt: skip
    client = client_of(annotation.reader)
    url = f"/api/v1/annotations/{annotation.pk}/draft"

    def put(version, content):
        body = {"content": {"answers": {}, **content}}
        return client.put(url, body, headers={"If-Match": str(version)})

    with django_assert_num_queries(QUERIES_OF_A_SAVE):
        assert put(1, plain).status_code == 200
    with django_assert_num_queries(QUERIES_OF_A_SAVE + 1):
        assert put(2, named).status_code == 200


QUERIES_OF_A_SAVE = 7


def test_an_old_definition_is_served_with_every_default(cast, client_of):
    stored = cast.project.schemas.get()
    del stored.definition["region_labels"], stored.definition["options"]
    stored.definition["questions"] = [
        {k: q[k] for k in ("key", "label", "kind", "required", "options")}
        for q in stored.definition["questions"]
    ]
    stored.save()
    url = f"/api/v1/projects/{cast.project.pk}/schemas"
    [served] = client_of(cast.annotator).get(url).json()
    assert served["definition"]["questions"][0]["scope"] == "study"
    assert served["definition"]["options"] == {
        "hides_patient": False, "suggestions": "off", "shows_explanations": False,
    }  # fmt: skip


@pytest.mark.parametrize("number", [-0.0, 0.1, 1.0, 1e-07, 1e16, 1.2345678901234568e17, 1e308])
def test_the_hash_of_a_read_is_that_of_what_the_database_gives_back(opened, number):
    annotation, uids, _ = opened
    content = {"answers": {}, "regions": [region(uids[0]) | {"pixels": [[number, 2]]}]}
    revision = reading.new_revision(annotation, content)
    revision.refresh_from_db()
    assert reading.content_sha256(revision.content) == revision.sha256
