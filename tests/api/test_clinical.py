"""The table of clinical values over HTTP: counts for managers, nothing for anybody else."""

import io

import pytest
from django.core.management import CommandError, call_command

from annotation.core.models import AuditEvent
from annotation.datasets import services as datasets
from annotation.labeling.models import ClinicalRow, ClinicalTable
from annotation.labeling.selectors import find_clinical_values
from annotation.labeling.services.clinical import replace_table
from annotation.labeling.services.projects import add_cases
from tests import factories

TABLE = "PatientID,crp [mg/l],smoker\n{}"


@pytest.fixture
def address(cast):
    return f"/api/v1/projects/{cast.project.pk}/clinical-table"


@pytest.fixture
def cases(cast):
    return factories.make_cases(cast.project, 3)


def lines(*values):
    return TABLE.format("".join(f"{line}\n" for line in values)).encode()


def put(client, address, data):
    return client.put(address, data, content_type="text/csv")


def test_a_manager_uploads_a_table_and_sees_how_far_it_reaches(cast, cases, address, client_of):
    client = client_of(cast.manager)
    assert client.get(address).json() == {"table": None}
    one, two, _ = [case.study.patient_id for case in cases]
    answer = put(client, address, lines(f"{one},3.5,yes", f"{two},,no", "somebody else,1,no"))
    assert answer.status_code == 200, answer.json()
    table = answer.json()["table"]
    assert (table["identifier"], table["uploaded_by"]) == ("PatientID", "manager")
    assert [table[f"{n}_count"] for n in ("line", "unmatched_line", "case")] == [3, 1, 2]
    assert table["columns"] == [
        {"key": "crp [mg/l]", "name": "crp", "unit": "mg/l", "type": "number", "categories": [],
         "case_count": 1},
        {"key": "smoker", "name": "smoker", "unit": "", "type": "category",
         "categories": ["no", "yes"], "case_count": 2},
    ]  # fmt: skip
    assert client.get(address).json() == answer.json()
    assert find_clinical_values(cast.project, [case.pk for case in cases]) == {
        cases[0].pk: {"crp [mg/l]": 3.5, "smoker": "yes"}, cases[1].pk: {"smoker": "no"},
    }  # fmt: skip


def test_no_answer_and_no_record_names_a_patient(cast, cases, address, client_of):
    client = client_of(cast.manager)
    names = [case.study.patient_id for case in cases]
    good = put(client, address, lines(*(f"{name},1,yes" for name in names)))
    bad = put(client, address, lines(*(f"{name},{name},yes" for name in names)))
    assert (good.status_code, bad.status_code) == (200, 400)
    assert bad.json()["detail"].startswith("Line 2, crp [mg/l]: this is no number.")
    said = good.content + bad.content + client.get(address).content
    said += str(list(AuditEvent.objects.values_list("detail", flat=True))).encode()
    assert not [name for name in names if name.encode() in said]


def test_a_refused_table_leaves_the_former_one(cast, cases, address, client_of):
    client = client_of(cast.manager)
    put(client, address, lines(f"{cases[0].study.patient_id},1,yes"))
    before = client.get(address).json()
    for wrong in (lines("p,1"), b"\xff", b""):
        assert put(client, address, wrong).status_code == 400
    assert client.put(address, "{}", content_type="application/json").status_code == 415
    assert client.get(address).json() == before
    put(client, address, b"PatientID,other\np,1\n")
    assert (ClinicalTable.objects.count(), ClinicalRow.objects.count()) == (1, 1)
    trail = AuditEvent.objects.filter(action="clinical_table_replaced").order_by("sequence")
    assert [one.detail["columns"] for one in trail] == [2, 1]


@pytest.mark.parametrize("field", ["study_instance_uid", "accession_number"])
def test_lines_go_by_other_identifiers_too(cast, cases, field):
    study = cases[1].study
    study.accession_number = "A17"
    study.save()
    heading = {"study_instance_uid": "StudyInstanceUID", "accession_number": "AccessionNumber"}
    data = f"{heading[field]},a\n{getattr(study, field)},7\n".encode()
    replace_table(actor=None, project=cast.project, data=data)
    found = find_clinical_values(cast.project, [case.pk for case in cases])
    assert found == {cases[1].pk: {"a": 7.0}}


def test_a_study_that_arrives_later_finds_its_line(cast):
    replace_table(actor=None, project=cast.project, data=lines("late,4,no"))
    study = factories.make_study(cast.project, patient="late")
    add_cases(project=cast.project, studies=[study])
    [case] = cast.project.cases.all()
    assert find_clinical_values(cast.project, [case.pk])[case.pk]["crp [mg/l]"] == 4


def test_another_project_knows_nothing_of_the_table(cast, address, client_of):
    """Not even of the same patient: a table belongs to one project."""
    for project in (cast.project, cast.foreign_project):
        add_cases(project=project, studies=[factories.make_study(project, patient="shared")])
    replace_table(actor=None, project=cast.project, data=lines("shared,4,no"))
    outsider = client_of(cast.outsider)
    assert outsider.get(address).status_code == 404
    own = f"/api/v1/projects/{cast.foreign_project.pk}/clinical-table"
    assert outsider.get(own).json() == {"table": None}
    [foreign] = cast.foreign_project.cases.all()
    assert find_clinical_values(cast.foreign_project, [foreign.pk]) == {}
    assert find_clinical_values(cast.project, [foreign.pk]) == {}


def test_readers_and_reviewers_see_no_table(cast, address, client_of):
    for person in (cast.reviewer, cast.annotator):
        client = client_of(person)
        assert client.get(address).status_code == 403
        assert put(client, address, lines("p,1,no")).status_code == 403
        assert client.delete(address).status_code == 403
    assert not ClinicalTable.objects.exists()


def test_a_dataset_keeps_what_the_table_said(cast, address, client_of):
    [case] = factories.make_labeled_cases(cast.project, cast.annotator, 1)
    replace_table(actor=None, project=cast.project, data=lines(f"{case.study.patient_id},3.5,yes"))
    first = datasets.freeze(
        project=cast.project, name="a", actor=None, keywords=["PatientAge", "PatientWeight"]
    )
    assert client_of(cast.manager).delete(address).status_code == 204
    assert client_of(cast.manager).delete(address).status_code == 404
    second = datasets.freeze(project=cast.project, name="b", actor=None)
    assert first.items.get().clinical == {
        "table": {"crp [mg/l]": 3.5, "smoker": "yes"},
        "dicom": {"PatientAge": 50.0, "PatientWeight": None},
    }
    assert datasets.items_sha256(first.items.all()) == first.sha256 != second.sha256
    assert second.items.get().clinical == {}


def test_a_command_imports_a_table(cast, cases, tmp_path):
    path = tmp_path / "values.csv"
    path.write_bytes(lines(f"{cases[0].study.patient_id},3,yes", "nobody,1,no"))
    out = io.StringIO()
    call_command("import_clinical", str(path), project=cast.project.name, stdout=out)
    assert out.getvalue() == (
        "crp [mg/l] (number): 1 cases with a value\nsmoker (category): 1 cases with a value\n"
        f"2 lines, 1 of them for no case of {cast.project.name}\n"
    )
    path.write_bytes(lines("p,much,yes"))
    with pytest.raises(CommandError, match=r"values.csv: Line 2, crp \[mg/l\]: this is no number"):
        call_command("import_clinical", str(path), project=cast.project.name)
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_clinical", str(tmp_path / "none.csv"), project=cast.project.name)
