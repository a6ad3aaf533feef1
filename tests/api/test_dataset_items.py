"""What a frozen dataset holds, item by item: who sees it, how it is found, and whether it still stands."""

import hashlib
import io

import pydicom
import pytest
from django.db import connection

from annotation.archive.models import Instance
from annotation.archive.services.ingest import ingest
from annotation.core.jobs import JobState
from annotation.datasets import services
from annotation.datasets.models import Dataset, DatasetItem, Split
from annotation.labeling.models import Revision, Role
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, publish_schema, set_member
from learning.models import CrossValidation, ModelVersion, Round, Trigger
from learning.services import cross_validations, rounds, targets
from tests import factories

NODULE, ALSO = factories.QUESTIONS["questions"]
DEFINITION = {"questions": [{**NODULE, "allows_cannot_assess": True}, ALSO]}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def cases(cast):
    """A nodule with a pacemaker, none of both, one that cannot be assessed, and one in dispute."""
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    nodule, healthy, unclear, disputed = factories.make_cases(cast.project, 4)
    read(cast.annotator, nodule, nodule="yes", also=["pacemaker"])
    read(cast.annotator, healthy, nodule="no", also=[])
    read(cast.annotator, unclear, nodule={"cannot_assess": True})
    read(cast.annotator, disputed, nodule="yes")
    read(cast.annotator2, disputed, nodule="no")
    splits = {nodule: Split.TRAIN, healthy: Split.TRAIN, unclear: Split.TEST, disputed: Split.TEST}
    services.prescribe_splits(
        project=cast.project,
        split_of_patient={case.study.patient_id: split for case, split in splits.items()},
    )
    return {"nodule": nodule, "healthy": healthy, "unclear": unclear, "disputed": disputed}


@pytest.fixture
def dataset(cast, cases):
    return services.freeze(project=cast.project, name="first", actor=cast.manager)


def read(reader, case, **answers):
    return import_read(reader=reader, case=case, content={"answers": answers})


def items_url(dataset, case=None, part=""):
    return f"/api/v1/datasets/{dataset.pk}/items" + (f"/{case.pk}{part}" if case else "")


def listed(client, dataset, **query):
    answer = client.get(items_url(dataset), query)
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def found(client, dataset, cases, **query):
    """The names of the cases that a list holds."""
    rows = {row["case_id"] for row in listed(client, dataset, **query)}
    return {name for name, case in cases.items() if str(case.pk) in rows}


def test_a_row_says_what_was_frozen_and_names_no_person(dataset, cases, cast, client_of):
    answer = client_of(cast.manager).get(items_url(dataset))
    rows = {row["case_id"]: row for row in answer.json()["results"]}
    case = cases["nodule"]
    item = dataset.items.get(case=case)
    assert rows[str(case.pk)] == {
        "case_id": str(case.pk),
        "study_instance_uid": case.study.study_instance_uid,
        "patient_id": case.study.patient_id,
        "patient_key": item.patient_key,
        "split": "train",
        "answers": {"nodule": "yes", "also": ["pacemaker"]},
        "read_count": 1,
        "contents_sha256": [Revision.objects.get(annotation__case=case).sha256],
        "images_sha256": item.images_sha256,
        "instance_count": 1,
    }
    assert rows[str(cases["disputed"].pk)]["read_count"] == 2
    assert list(rows) == sorted(rows)
    assert "patient_name" not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"split": "train"}, {"nodule", "healthy"}),
        ({"split": "validation"}, set()),
        ({"answer": "nodule:yes"}, {"nodule"}),
        ({"answer": "nodule:~none"}, {"disputed"}),
        ({"answer": "nodule:~cannot_assess"}, {"unclear"}),
        ({"answer": "also:pacemaker"}, {"nodule"}),
        ({"answer": "also:effusion"}, set()),
        ({"answer": "also:~no_option"}, {"healthy"}),
        ({"answer": "also:~none"}, {"unclear", "disputed"}),
        ({"answer": "nodule:yes", "split": "test"}, set()),
    ],
)
def test_items_are_filtered_by_split_and_answer(dataset, cases, cast, client_of, query, names):
    assert found(client_of(cast.reviewer), dataset, cases, **query) == names


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"answer": "nodule"}, "answer"),
        ({"answer": "nodule:maybe"}, "answer"),
        ({"answer": "mass:yes"}, "answer"),
        ({"anwser": "nodule:yes"}, "anwser"),
    ],
)
def test_a_mistaken_filter_is_refused(dataset, cast, client_of, query, field):
    answer = client_of(cast.manager).get(items_url(dataset), query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert client_of(cast.manager).get(items_url(dataset), {"split": "all"}).status_code == 400


def test_a_case_is_found_by_what_lists_call_it(dataset, cases, cast, client_of):
    client, case = client_of(cast.reviewer), cases["healthy"]
    item = dataset.items.get(case=case)
    for search in (
        case.study.patient_id.upper(),
        f"…{case.study.study_instance_uid[-12:]}",
        item.patient_key,
        str(case.pk),
    ):
        assert found(client, dataset, cases, search=search) == {"healthy"}
    assert found(client, dataset, cases, search="%") == set()


def test_who_may_not_know_the_patient_neither_sees_nor_finds_the_name(
    dataset, cases, cast, client_of
):
    publish_schema(
        actor=cast.manager, project=cast.project,
        definition={**DEFINITION, "options": {"hides_patient": True}},
    )  # fmt: skip
    patient = cases["healthy"].study.patient_id
    reviewer, manager = client_of(cast.reviewer), client_of(cast.manager)
    assert {row["patient_id"] for row in listed(reviewer, dataset)} == {""}
    assert reviewer.get(items_url(dataset, cases["healthy"])).json()["patient_id"] == ""
    assert found(reviewer, dataset, cases, search=patient) == set()
    assert found(manager, dataset, cases, search=patient) == {"healthy"}
    assert manager.get(items_url(dataset, cases["healthy"])).json()["patient_id"] == patient


def test_nobody_of_another_project_sees_an_item(dataset, cases, cast, client_of):
    set_member(
        actor=cast.outsider, project=cast.foreign_project, user=cast.annotator, role=Role.REVIEWER
    )
    paths = [
        f"/api/v1/datasets/{dataset.pk}", items_url(dataset), items_url(dataset, cases["nodule"]),
        items_url(dataset, cases["nodule"], "/instances"), f"/api/v1/datasets/{dataset.pk}/uses",
    ]  # fmt: skip
    for person in (cast.outsider, cast.annotator):  # supervisors elsewhere
        assert [client_of(person).get(path).status_code for path in paths] == [404] * len(paths)
    assert [client_of(cast.reviewer).get(path).status_code for path in paths] == [200] * len(paths)


def test_a_case_is_no_item_of_a_dataset_that_does_not_hold_it(dataset, cast, client_of):
    [later] = factories.make_cases(cast.project, 1)
    read(cast.annotator, later, nodule="no")
    client = client_of(cast.manager)
    for part in ("", "/instances"):
        assert client.get(items_url(dataset, later, part)).status_code == 404


def test_pages_hold_every_item_once(dataset, cases, cast, client_of):
    client, pages = client_of(cast.manager), []
    for page in ("1", "2"):
        pages += listed(client, dataset, page=page, page_size="3")
    assert [row["case_id"] for row in pages] == sorted(str(case.pk) for case in cases.values())
    assert client.get(items_url(dataset), {"page_size": "3"}).json()["count"] == 4
    assert client.get(items_url(dataset), {"page": "3", "page_size": "3"}).status_code == 404


def freeze_many(cast, count):
    """A dataset of so many items without images, without reading each of them."""
    first = Dataset.objects.get(project=cast.project)
    large = Dataset.objects.create(
        project=cast.project, number=2, name="large", schema=first.schema, sha256="0" * 64
    )
    item = first.items.first()
    DatasetItem.objects.bulk_create(
        DatasetItem(
            dataset=large, case=case, patient_key=item.patient_key, split=Split.TRAIN,
            answers={"nodule": "yes", "also": []}, revision_ids=item.revision_ids,
            contents_sha256=item.contents_sha256, images_sha256=item.images_sha256,
        )
        for case in factories.make_empty_cases(cast.project, count)
    )  # fmt: skip
    return large


@pytest.mark.parametrize("query", [{}, {"answer": "nodule:yes", "split": "train", "search": "."}])
def test_a_page_costs_as_many_queries_whatever_the_dataset_holds(
    dataset, cast, client_of, django_assert_num_queries, query
):
    large, client = freeze_many(cast, 60), client_of(cast.reviewer)
    for one, size in ((dataset, 4), (large, 50)):
        with django_assert_num_queries(8):
            rows = listed(client, one, **query)
        assert query or len(rows) == size


def test_an_item_names_its_reads_and_they_are_unchanged(dataset, cases, cast, client_of):
    body = client_of(cast.reviewer).get(items_url(dataset, cases["disputed"])).json()
    revisions = Revision.objects.filter(annotation__case=cases["disputed"]).order_by("created_at")
    assert [one["revision_id"] for one in body["reads"]] == [str(r.pk) for r in revisions]
    first = body["reads"][0]
    assert (first["reader"], first["number"], first["schema_version"]) == ("annotator", 1, 2)
    assert first["annotation_id"] == str(revisions[0].annotation_id)
    assert first["sha256"] == revisions[0].sha256
    assert {(one["is_unchanged"], one["has_newer"]) for one in body["reads"]} == {(True, False)}
    assert body["images"] == {
        "count": 1, "is_unchanged": True,
        "sha256": dataset.items.get(case=cases["disputed"]).images_sha256,
    }  # fmt: skip


def test_a_read_that_was_handed_in_again_since_is_told(dataset, cases, cast, client_of):
    read(cast.annotator, cases["healthy"], nodule="yes", also=["effusion"])
    body = client_of(cast.manager).get(items_url(dataset, cases["healthy"])).json()
    [frozen] = body["reads"]
    assert (frozen["number"], frozen["has_newer"], frozen["is_unchanged"]) == (1, True, True)
    assert body["answers"] == {"nodule": "no", "also": []}


def test_a_read_that_somebody_changed_behind_the_triggers_is_told(dataset, cases, cast, client_of):
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")  # no table with checks to come is altered
        cursor.execute("alter table labeling_revision disable trigger user")
    Revision.objects.filter(annotation__case=cases["healthy"]).update(content={"answers": {}})
    [changed] = client_of(cast.manager).get(items_url(dataset, cases["healthy"])).json()["reads"]
    assert changed["is_unchanged"] is False


def test_of_the_first_datasets_nobody_can_say_whether_a_read_is_unchanged(
    dataset, cases, cast, client_of
):
    early = freeze_many(cast, 0)
    item = dataset.items.get(case=cases["nodule"])
    item.pk, item.dataset, item.contents_sha256, item._state.adding = None, early, [], True
    item.save()
    [frozen] = client_of(cast.manager).get(items_url(early, cases["nodule"])).json()["reads"]
    assert (frozen["sha256"], frozen["is_unchanged"]) == (None, None)


def test_images_that_came_after_freezing_are_told(dataset, cases, cast, client_of):
    case, client = cases["nodule"], client_of(cast.manager)
    another = pydicom.dcmread(io.BytesIO(factories.make_dicom("another")))
    another.StudyInstanceUID = case.study.study_instance_uid
    another.PatientID = case.study.patient_id
    another.save_as(file := io.BytesIO())
    ingest(collection=cast.project.collection, chunks=[file.getvalue()])
    images = client.get(items_url(dataset, case)).json()["images"]
    assert (images["count"], images["is_unchanged"]) == (2, False)
    [row] = [r for r in listed(client, dataset) if r["case_id"] == str(case.pk)]
    assert row["instance_count"] == 2


def test_images_that_are_gone_are_told(dataset, cases, cast, client_of):
    Instance.objects.filter(series__study=cases["nodule"].study).delete()
    images = client_of(cast.manager).get(items_url(dataset, cases["nodule"])).json()["images"]
    assert (images["count"], images["is_unchanged"]) == (0, False)


def test_the_images_of_an_item_are_named_with_their_hash(
    cast, client_of, django_assert_num_queries
):
    files = factories.make_ct("slices", slices=5)
    studies = {ingest(collection=cast.project.collection, chunks=[one]).study for one in files}
    [study] = studies
    add_cases(project=cast.project, studies=[study])
    case = study.cases.get()
    read(cast.annotator, case, nodule="no")
    dataset = services.freeze(project=cast.project, name="", actor=None)
    client = client_of(cast.reviewer)
    with django_assert_num_queries(7):
        body = client.get(items_url(dataset, case, "/instances"), {"page_size": "3"}).json()
    headers = [factories.read(one) for one in files]
    assert (body["count"], len(body["results"])) == (5, 3)
    first = body["results"][0]
    assert first["sop_instance_uid"] == headers[0].SOPInstanceUID
    assert first["sha256"] == hashlib.sha256(files[0]).hexdigest()
    assert (first["modality"], first["series_number"]) == ("CT", headers[0].SeriesNumber)


def test_a_dataset_brings_the_questions_of_its_answers(dataset, cast, client_of):
    publish_schema(actor=cast.manager, project=cast.project, definition=factories.QUESTIONS)
    body = client_of(cast.reviewer).get(f"/api/v1/datasets/{dataset.pk}").json()
    assert (body["project"], body["item_count"], body["number"]) == (str(cast.project.pk), 4, 1)
    assert body["schema"]["version"] == 2
    assert body["schema"]["definition"]["questions"][0]["allows_cannot_assess"] is True


def test_a_dataset_leads_to_its_rounds_their_models_and_its_cross_validations(
    dataset, cast, client_of, django_assert_num_queries
):
    target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
    url, client = f"/api/v1/datasets/{dataset.pk}/uses", client_of(cast.reviewer)
    assert client.get(url).json() == {"rounds": [], "cross_validations": []}
    for _ in range(2):
        round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL)
        Round.objects.filter(pk=round_.pk).update(dataset=dataset, state=JobState.COMPLETED)
        cross = cross_validations.request_cross_validation(actor=cast.manager, target=target)
        CrossValidation.objects.filter(pk=cross.pk).update(state=JobState.COMPLETED)
    version = ModelVersion.objects.create(
        target=target, round=round_, number=1, weights_sha256="0" * 64, classes=["no", "yes"]
    )
    with django_assert_num_queries(6):
        body = client.get(url).json()
    assert [(use["number"], use["model_version"]) for use in body["rounds"]] == [
        (1, None), (2, {"id": str(version.pk), "number": 1, "state": "candidate"}),
    ]  # fmt: skip
    assert {tuple(use["target_labels"]) for use in body["rounds"]} == {("Nodule?",)}
    assert len(body["cross_validations"]) == 2
