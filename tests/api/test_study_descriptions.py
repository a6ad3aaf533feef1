"""What a reading tells of the study, of older ones, and of the patient."""

from datetime import date

import pytest

from annotation.archive.models import Series, Study
from annotation.archive.services.ingest import ingest
from annotation.labeling.models import Assignment, Case
from annotation.labeling.services import claiming
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories

PATIENT = ("patient_id", "patient_sex", "patient_age")


@pytest.fixture
def studies(cast):
    """Eight studies of one patient, a month apart, the newest first; all are cases."""
    made = [factories.make_study(cast.project, patient="P1") for _ in range(8)]
    for month, study in enumerate(reversed(made), start=1):
        Study.objects.filter(pk=study.pk).update(study_date=date(2026, month, 1))
    add_cases(project=cast.project, studies=made)
    Case.objects.filter(study=made[0]).update(priority=1)
    return made


def claim(client, cast):
    answer = client.post(f"/api/v1/projects/{cast.project.pk}/claim")
    assert answer.status_code == 200
    return answer.json()


def uids(studies):
    return [study.study_instance_uid for study in studies]


def hide_patients(cast):
    definition = {**factories.QUESTIONS, "options": {"hides_patient": True}}
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)


def test_a_reading_brings_the_five_newest_older_studies_of_the_patient(studies, cast, client_of):
    body = claim(client_of(cast.annotator), cast)
    assert body["study"]["study_instance_uid"] == studies[0].study_instance_uid
    assert [p["study_instance_uid"] for p in body["priors"]] == uids(studies[1:6])
    assert len(body["priors"][0]["series"][0]["instances"]) == 1
    again = client_of(cast.annotator).get(f"/api/v1/cases/{body['case_id']}").json()
    assert again["priors"] == body["priors"]


def test_priors_are_of_this_patient_and_this_project_and_have_a_date(studies, cast, client_of):
    Study.objects.filter(pk=studies[1].pk).update(patient_id="P2")
    Case.objects.filter(study=studies[2]).delete()
    Study.objects.filter(pk=studies[3].pk).update(study_date=None)
    Study.objects.filter(pk=studies[4].pk).update(study_date=date(2026, 12, 1))
    elsewhere = factories.make_study(cast.foreign_project, patient="P1")
    Study.objects.filter(pk=elsewhere.pk).update(study_date=date(2020, 1, 1))
    add_cases(project=cast.foreign_project, studies=[elsewhere])
    body = claim(client_of(cast.annotator), cast)
    assert [p["study_instance_uid"] for p in body["priors"]] == uids(studies[5:])


@pytest.mark.parametrize("change", [{"patient_id": ""}, {"study_date": None}])
def test_a_study_without_patient_or_date_has_no_priors(studies, cast, client_of, change):
    Study.objects.update(**change)
    assert claim(client_of(cast.annotator), cast)["priors"] == []


def test_of_two_studies_on_one_day_the_earlier_is_the_prior(studies, cast, client_of):
    Study.objects.update(study_date=date(2026, 1, 1))
    for study, time in zip(studies[:3], ("1200", "0800", "1300"), strict=True):
        Study.objects.filter(pk=study.pk).update(study_time=time)
    body = claim(client_of(cast.annotator), cast)
    assert [p["study_instance_uid"] for p in body["priors"]] == uids(studies[1:2])


def test_priors_cost_no_query_each(studies, cast, client_of, django_assert_num_queries):
    client = client_of(cast.annotator)
    url = f"/api/v1/cases/{claim(client, cast)['case_id']}"
    with django_assert_num_queries(QUERIES_OF_A_READING):
        assert len(client.get(url).json()["priors"]) == 5
    Study.objects.exclude(pk=studies[0].pk).update(patient_id="P2")
    with django_assert_num_queries(QUERIES_OF_A_READING):
        assert client.get(url).json()["priors"] == []


QUERIES_OF_A_READING = 14  # one asks how the case was served, one what has come of its study


def test_series_say_what_they_show_and_in_which_plane(cast, client_of):
    for data in factories.make_ct("plane", slices=3):
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    Series.objects.update(body_part_examined="KNEE", laterality="L")
    add_cases(project=cast.project, studies=[study])
    [series] = claim(client_of(cast.annotator), cast)["study"]["series"]
    shown = {k: series[k] for k in ("body_part_examined", "laterality", "orientation")}
    assert shown == {"body_part_examined": "KNEE", "laterality": "L", "orientation": "axial"}


def test_a_radiograph_has_no_plane(studies, cast, client_of):
    [series] = claim(client_of(cast.annotator), cast)["study"]["series"]
    assert series["orientation"] == ""


def test_only_managers_learn_who_the_patient_is_where_that_is_hidden(studies, cast, client_of):
    Study.objects.update(patient_age="050Y")
    seen = claim(client_of(cast.annotator), cast)
    assert [seen["study"][name] for name in PATIENT] == ["P1", "F", "050Y"]
    hide_patients(cast)
    upcoming = f"/api/v1/projects/{cast.project.pk}/upcoming"
    for name, expected in (("annotator", ["", "", ""]), ("reviewer", ["", "", ""]),
                           ("manager", ["P1", "F", "050Y"])):  # fmt: skip
        client = client_of(getattr(cast, name))
        body = claim(client, cast)
        assert body["options"]["hides_patient"] is True
        for study in (body["study"], *body["priors"], client.get(upcoming).json()[0]["study"]):
            assert [study[field] for field in PATIENT] == expected


def test_upcoming_tells_of_the_priors_that_the_case_comes_with(studies, cast, client_of):
    client = client_of(cast.annotator)
    [first, _] = client.get(f"/api/v1/projects/{cast.project.pk}/upcoming").json()
    body = claim(client, cast)
    assert len(body["priors"]) > 0
    assert (first["study"], first["priors"]) == (body["study"], body["priors"])


def test_upcoming_says_what_a_case_will_be_hung_by(cast, client_of):
    [case] = factories.make_cases(cast.project, 1)
    client, rule = client_of(cast.annotator), {"name": "one", "panes": [{"as": "axial"}]}
    publish_schema(
        actor=cast.manager, project=cast.project,
        definition={**factories.QUESTIONS, "hanging": [rule]},
    )  # fmt: skip
    coming = f"/api/v1/projects/{cast.project.pk}/upcoming"
    [before] = client.get(coming).json()
    body = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()
    assert before["case_id"] == str(case.pk)
    assert before["hanging"] == body["annotation"]["schema"]["definition"]["hanging"]
    assert [pane["as"] for pane in before["hanging"][0]["panes"]] == ["axial"]
    publish_schema(actor=cast.manager, project=cast.project, definition=factories.QUESTIONS)
    claiming.release(assignment=Assignment.objects.get())
    [begun] = client.get(coming).json()
    assert begun["hanging"] == before["hanging"]


def test_the_list_of_cases_hides_the_patient_from_reviewers_too(studies, cast, client_of):
    hide_patients(cast)
    url = f"/api/v1/projects/{cast.project.pk}/cases"
    reviewer, manager = client_of(cast.reviewer), client_of(cast.manager)
    assert {row["patient_id"] for row in reviewer.get(url).json()["results"]} == {""}
    assert reviewer.get(url, {"patient_id": "P1"}).status_code == 403
    assert manager.get(url, {"patient_id": "P1"}).json()["count"] == 8


def test_options_are_those_of_the_newest_schema(studies, cast, client_of):
    client = client_of(cast.annotator)
    assert claim(client, cast)["options"] == {
        "hides_patient": False, "suggestions": "off", "shows_explanations": False,
    }  # fmt: skip
    hide_patients(cast)
    assert claim(client, cast)["options"]["hides_patient"] is True
