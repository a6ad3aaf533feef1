"""A read teaches nothing once more images of its study have come, until somebody has read those too."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.archive.models import Series, SeriesPreparation
from annotation.core.errors import Conflict
from annotation.core.models import AuditEvent
from annotation.datasets import services
from annotation.datasets.selectors import outgrown_cases
from annotation.labeling.accepted import find_accepted_answers
from annotation.labeling.models import Annotation, AnnotationState, Case, Review, Revision
from annotation.labeling.selectors import count_accepted_since, progress_of
from annotation.labeling.services.projects import change_settings
from tests import factories


@pytest.fixture
def cases(cast):
    """One that will grow, and one that stays."""
    factories.make_cases(cast.project, 2)
    return [factories.submit_next(cast.annotator, cast.project).case for _ in range(2)]


def more_comes(case, modality="DX"):
    """Another series of the study, later than its reads: the database's clock stands still in a test."""
    series = Series.objects.create(
        study=case.study, series_instance_uid=f"1.2.{modality}", modality=modality, dicom_json={}
    )
    SeriesPreparation.objects.create(series=series)
    SeriesPreparation.objects.filter(series=series).update(
        changed_at=timezone.now() + timedelta(seconds=1)
    )


def a_while_passes():
    """What has come is no longer arriving."""
    SeriesPreparation.objects.update(changed_at=timezone.now() - timedelta(hours=1))


def freeze(cast):
    return services.freeze(project=cast.project, name="", actor=cast.manager)


def frozen(dataset):
    return set(dataset.items.values_list("case_id", flat=True))


def test_what_has_outgrown_its_read_is_in_no_new_dataset_and_teaches_no_light_head(cast, cases):
    grown, whole = cases
    assert frozen(freeze(cast)) == {grown.pk, whole.pk}
    more_comes(grown)
    assert frozen(freeze(cast)) == {whole.pk}
    assert find_accepted_answers(cast.project, "nodule").keys() == {whole.pk}
    assert count_accepted_since(cast.project, None) == 1


def test_a_read_that_its_study_has_outgrown_takes_the_whole_case_along(cast, cases):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    grown, whole = cases
    factories.import_answer(cast.annotator2, whole, "no")
    more_comes(grown)
    factories.import_answer(cast.annotator2, grown, "no")
    late = timezone.now() + timedelta(seconds=2)
    Annotation.objects.filter(reader=cast.annotator2).update(submitted_at=late)
    assert frozen(freeze(cast)) == {whole.pk}


def test_a_report_that_comes_later_changes_nothing(cast, cases):
    more_comes(cases[0], "SR")
    assert frozen(freeze(cast)) == {case.pk for case in cases}


def test_a_dataset_that_was_frozen_before_tells_which_of_its_cases_have_grown(cast, cases):
    dataset = freeze(cast)
    assert outgrown_cases(dataset.items.all()) == set()
    more_comes(cases[0])
    with CaptureQueriesContext(connection) as asked:
        assert outgrown_cases(dataset.items.order_by("pk")) == {cases[0].pk}
    assert len(asked) == 1


def return_them(client, cast):
    return client.post(f"/api/v1/projects/{cast.project.pk}/outgrown-reads/return").json()


def test_the_manager_is_told_and_gives_the_reads_back_to_their_readers(cast, cases, client_of):
    factories.make_cases(cast.project, 1)
    grown, whole = cases
    more_comes(grown)
    assert progress_of(cast.project).outgrown == 1
    assert return_them(client_of(cast.manager), cast) == {"returned": 1}
    assert progress_of(cast.project).outgrown == 0
    read = Annotation.objects.get(case=grown)
    assert (read.state, read.draft) == (AnnotationState.DRAFT, {"answers": {"nodule": "no"}})
    a_while_passes()
    assert factories.claim(cast.annotator, cast.project).case_id == grown.pk
    factories.submit_next(cast.annotator, cast.project, "yes")
    assert frozen(freeze(cast)) == {grown.pk, whole.pk}
    assert find_accepted_answers(cast.project, "nodule")[grown.pk].value == "yes"
    assert list(Case.objects.filter(pk=grown.pk).values_list("free_slots", flat=True)) == [0]


def test_what_a_reviewer_has_approved_is_given_back_too(cast, cases, client_of):
    grown, _ = cases
    Review.objects.create(
        revision=Revision.objects.get(annotation__case=grown), reviewer=cast.reviewer,
        verdict="approve", comment="well seen",
    )  # fmt: skip
    more_comes(grown)
    assert return_them(client_of(cast.manager), cast) == {"returned": 1}
    a_while_passes()
    body = client_of(cast.annotator).post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    assert body["case_id"] == str(grown.pk)
    assert (body["is_returned"], body["review_comment"]) == (False, "")  # by no reviewer
    assert AuditEvent.objects.filter(action="outgrown_reads_returned").count() == 1
    assert return_them(client_of(cast.manager), cast) == {"returned": 0}


def test_a_read_that_was_returned_once_and_approved_since_keeps_no_slot(cast, cases, client_of):
    grown, _ = cases
    read = Annotation.objects.get(case=grown)
    [first] = read.revisions.all()
    second = Revision.objects.create(
        annotation=read, number=2, schema=first.schema, content=first.content, active_seconds=0
    )
    for revision, verdict in ((first, "return"), (second, "approve")):
        Review.objects.create(revision=revision, reviewer=cast.reviewer, verdict=verdict)
    more_comes(grown)
    return_them(client_of(cast.manager), cast)
    a_while_passes()
    assert factories.claim(cast.annotator2, cast.project).case_id == grown.pk


def test_another_reader_who_is_faster_reads_the_case(cast, cases, client_of):
    grown, _ = cases
    more_comes(grown)
    return_them(client_of(cast.manager), cast)
    a_while_passes()
    assert factories.claim(cast.annotator2, cast.project).case_id == grown.pk


def test_a_project_whose_only_reads_are_outgrown_cannot_be_frozen(cast, cases):
    for case in cases:
        more_comes(case)
    with pytest.raises(Conflict, match="No case is finished"):
        freeze(cast)
