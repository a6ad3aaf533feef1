"""Where a project hides the patient, DICOMweb tells managers alone who it is."""

import gzip
import io
import json

import pydicom
import pytest
from pydicom.dataset import Dataset

from annotation.accounts.services import create_token
from annotation.archive.models import SeriesPreparation
from annotation.archive.services import preparation
from annotation.archive.services.ingest import ingest
from annotation.dicomweb.blinding import without_patient
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.labeling.models import Role
from annotation.labeling.services.projects import add_cases, publish_schema, set_member
from tests import factories
from tests.dicomweb.wire import Root, content, parts_of, read

XML = 'multipart/related; type="application/dicom+xml"'
SECRETS = ("Doe^Jane", "MRN-4711", "19500817", "OTHER-ID", "ACC-0815", "ORDER-9", "Private^Secret",
           "House^Gregory", "STUDY-ID-3", "WARD-7")  # fmt: skip
HIDDEN = "00100010", "00100020", "00100030", "00100040", "00080050", "00200010"


def named_object(key="blinded") -> bytes:
    """A radiograph that names its patient wherever real ones do."""
    dataset = read(factories.make_dicom(key))
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = SECRETS[:3]
    dataset.OtherPatientIDs, dataset.AccessionNumber, dataset.StudyID = (
        "OTHER-ID",
        "ACC-0815",
        SECRETS[8],
    )
    dataset.OperatorsName, dataset.CurrentPatientLocation = "House^Gregory", "WARD-7"
    dataset.PatientWeight = 70
    other = Dataset()
    other.PatientID, other.PatientName = "OTHER-ID", "Doe^Jane"
    dataset.OtherPatientIDsSequence = [other]
    request = Dataset()
    request.AccessionNumber, request.RequestedProcedureID = "ACC-0815", "ORDER-9"
    request.ScheduledProcedureStepID = "STEP"
    dataset.RequestAttributesSequence = [request]
    block = dataset.private_block(0x0029, "FIRSTREAD TEST", create=True)
    block.add_new(0x01, "LO", "Private^Secret")
    block.add_new(0x02, "OB", b"Private^Secret" * 1000)
    dataset.add_new(0x00191234, "UN", b"MRN-4711" * 1000)
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def hide_patients(manager, project):
    definition = {**factories.QUESTIONS, "options": {"hides_patient": True}}
    publish_schema(actor=manager, project=project, definition=definition)


@pytest.fixture
def study(cast):
    """One study that names its patient, a case of the project that hides patients."""
    found = ingest(collection=cast.project.collection, chunks=[named_object()]).study
    add_cases(project=cast.project, studies=[found])
    hide_patients(cast.manager, cast.project)
    return found


@pytest.fixture
def root_of(cast, client_of):
    """`root_of(user)`: the project's root by session; `root_of(user, by="token")` by token."""

    def make(user, by="session", project=True):
        url = f"/dicomweb/projects/{cast.project.pk}" if project else "/dicomweb"
        client = client_of(user) if by == "session" else client_of(None)
        if by == "token":
            _, secret = create_token(user=user, lifetime_days=1)
            client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
        return Root(url, client)

    return make


def place(study):
    series = study.series.get()
    instance = series.instances.get()
    return (
        f"studies/{study.study_instance_uid}/series/{series.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )


def levels(study):
    instance = place(study)
    return instance.partition("/series")[0], instance.partition("/instances")[0], instance


def searches(study):
    of_study, of_series, _ = levels(study)
    return ("studies", "series", "instances", f"{of_study}/series", f"{of_study}/instances",
            f"{of_series}/instances")  # fmt: skip


def leaks(body: bytes) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in body]


@pytest.mark.parametrize("by", ["session", "token"])
@pytest.mark.parametrize("is_project", [True, False])
@pytest.mark.parametrize("name", ["annotator", "reviewer"])
def test_no_metadata_and_no_search_names_the_patient(cast, study, root_of, name, is_project, by):
    root = root_of(getattr(cast, name), by, is_project)
    for level in levels(study):
        for accept in ("application/dicom+json", XML):
            answer = root.get(f"{level}/metadata", accept)
            assert answer.status_code == 200
            assert leaks(content(answer)) == [], (level, accept)
    for path in searches(study):
        for accept in ("application/dicom+json", XML):
            answer = root.get(f"{path}?includefield=all", accept)
            assert answer.status_code == 200
            assert leaks(content(answer)) == [], (path, accept)
        named = root.get(f"{path}?includefield=OtherPatientIDs,00291001,OperatorsName")
        assert leaks(content(named)) == [], path


def test_managers_see_whom_they_manage(cast, study, root_of):
    root = root_of(cast.manager)
    for level in levels(study):
        found = content(root.get(f"{level}/metadata"))
        assert set(leaks(found)) == set(SECRETS), level
    [found] = root.search("studies", PatientName="doe*")
    assert found["00100020"]["Value"] == ["MRN-4711"]
    assert root.get(place(study), "application/dicom").status_code == 200


def test_what_stays_is_what_the_viewer_needs(cast, study, root_of):
    root, manager = root_of(cast.annotator), root_of(cast.manager)
    [blinded] = root.get(f"{place(study)}/metadata").json()
    [whole] = manager.get(f"{place(study)}/metadata").json()
    assert all(blinded[tag] == {"vr": whole[tag]["vr"]} for tag in HIDDEN)
    assert blinded["00101030"]["Value"] == [70]
    assert blinded["00400275"]["Value"] == [
        {"00080050": {"vr": "SH"}, "00400009": {"vr": "SH", "Value": ["STEP"]}}
    ]
    unnamed = {t for t in whole if not t.startswith("0010") and int(t[:4], 16) % 2 == 0}
    assert unnamed - set(blinded) == {"00380300"}


@pytest.mark.parametrize("is_project", [True, False])
def test_no_search_by_the_patient_confirms_anything(cast, study, root_of, is_project):
    for key, value in (
        ("PatientName", "Doe^Jane"), ("PatientName", "D*"), ("PatientID", "MRN-4711"),
        ("PatientID", "MRN*"), ("PatientBirthDate", "19500817"), ("PatientBirthDate", "19000101-"),
        ("AccessionNumber", "ACC-0815"), ("PatientSex", "F"), ("00101000", "OTHER-ID"),
        ("StudyID", "STUDY-ID-3"),
    ):  # fmt: skip
        found = {}
        for name in ("annotator", "manager"):
            root = root_of(getattr(cast, name), project=is_project)
            found[name] = len(root.search("studies", **{key: value}))
            assert len(root.search("instances", **{key: value})) == found[name], key
        assert found == {"annotator": 0, "manager": 1}, key
    reader = root_of(cast.annotator, project=is_project)
    assert reader.search("studies", fuzzymatching="true", PatientName="jane") == []
    nested = {"RequestAttributesSequence.RequestedProcedureID": "ORDER-9"}
    assert reader.search("series", **nested) == []
    assert len(root_of(cast.manager).search("series", **nested)) == 1
    assert len(reader.search("studies", PatientName="*", Modality="DX")) == 1
    assert len(reader.search("studies", StudyInstanceUID=study.study_instance_uid)) == 1


def test_whole_objects_are_for_those_who_may_know_the_patient(cast, study, root_of):
    uids = place(study).split("/")[1::2]
    named = dict(zip(("studyUID", "seriesUID", "objectUID"), uids, strict=True))
    query = "&".join(f"{k}={v}" for k, v in {"requestType": "WADO", **named}.items())
    wado = f"wado?{query}&contentType=application/dicom"
    for path in (*levels(study), wado):
        accept = "" if path == wado else 'multipart/related; type="application/dicom"'
        refused = root_of(cast.annotator).get(path, accept)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), path
        assert root_of(cast.manager).get(path, accept).status_code == 200, path
    refused = root_of(cast.annotator).get(place(study), "application/dicom")
    assert refused.status_code == 403


def test_frames_and_pictures_are_for_every_reader(cast, study, root_of):
    for name in ("annotator", "manager"):
        root = root_of(getattr(cast, name))
        [(_, frame)] = parts_of(root.get(f"{place(study)}/frames/1"))
        assert len(frame) == 2 * 64 * 64
        assert root.get(f"{place(study)}/rendered", "image/png").status_code == 200
        assert root.get(f"{place(study)}/thumbnail", "image/jpeg").status_code == 200


def test_private_bulk_data_is_not_there_for_readers(cast, study, root_of):
    [metadata] = root_of(cast.manager).get(f"{place(study)}/metadata").json()
    addresses = [e["BulkDataURI"] for e in metadata.values() if "BulkDataURI" in e]
    assert len(addresses) == 2
    for address in addresses:
        path = f"{place(study)}/bulkdata/{address.rpartition('/')[2]}"
        assert root_of(cast.manager).get(path).status_code == 200
        assert root_of(cast.annotator).get(path).status_code == 404
        assert root_of(cast.annotator).get(path.lower()).status_code == 404


def test_metadata_made_ahead_is_blinded_with_a_tag_of_its_own(cast, study, root_of):
    series = levels(study)[1]
    before = root_of(cast.annotator).get(f"{series}/metadata").json()
    SeriesPreparation.objects.update(changed_at="2020-01-01T00:00:00Z")
    preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)
    answers = {}
    for name in ("annotator", "manager"):
        answer = root_of(getattr(cast, name)).get(f"{series}/metadata", Accept_Encoding="gzip")
        answers[name] = gzip.decompress(answer.content), answer["ETag"]
    assert json.loads(answers["annotator"][0]) == before
    assert leaks(answers["annotator"][0]) == []
    assert set(leaks(answers["manager"][0])) == set(SECRETS)
    assert answers["annotator"][1] != answers["manager"][1]
    crossed = root_of(cast.annotator).get(
        f"{series}/metadata", Accept_Encoding="gzip", If_None_Match=answers["manager"][1]
    )
    assert crossed.status_code == 200
    same = root_of(cast.annotator).get(
        f"{series}/metadata", Accept_Encoding="gzip", If_None_Match=answers["annotator"][1]
    )
    assert same.status_code == 304


def test_a_reader_whose_other_project_names_the_patient_knows_it_there_alone(cast, study, root_of):
    """At the root of all projects a patient is hidden unless one of them names it."""
    elsewhere = factories.make_project(cast.manager, "Open")
    elsewhere.collection = cast.project.collection
    elsewhere.save()
    set_member(actor=cast.manager, project=elsewhere, user=cast.annotator, role=Role.ANNOTATOR)
    everything = root_of(cast.annotator, project=False)
    assert leaks(content(everything.get("studies?includefield=all"))) == []
    add_cases(project=elsewhere, studies=[study])
    [found] = everything.search("studies", PatientID="MRN-4711")
    assert found["00100020"]["Value"] == ["MRN-4711"]
    assert "MRN-4711" in leaks(content(everything.get(f"{place(study)}/metadata")))
    assert everything.get(place(study), "application/dicom").status_code == 200
    assert leaks(content(root_of(cast.annotator).get(f"{place(study)}/metadata"))) == []
    assert root_of(cast.annotator).search("studies", PatientID="MRN-4711") == []


def test_an_encapsulated_document_is_a_whole_object(cast, study, root_of):
    dataset = read(named_object("document"))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = (
        pydicom.uid.EncapsulatedPDFStorage
    )
    del dataset.PixelData, dataset.Rows, dataset.Columns
    dataset.EncapsulatedDocument, dataset.MIMETypeOfEncapsulatedDocument = (
        b"%PDF-1.4 Doe",
        "application/pdf",
    )
    out = io.BytesIO()
    dataset.save_as(out)
    found = ingest(collection=cast.project.collection, chunks=[out.getvalue()]).study
    add_cases(project=cast.project, studies=[found])
    for name, status in (("manager", 200), ("annotator", 403)):
        root = root_of(getattr(cast, name))
        answer = root.get(f"{place(found)}/rendered", "application/pdf")
        assert answer.status_code == status, name
    for spelled in ("00420011", "0x00420011", "0042_0011", "%2000420011", "+00420011", "000420011"):
        path = f"{place(found)}/bulkdata/{spelled}"
        assert root_of(cast.annotator).get(path).status_code == 404, spelled
    assert "00420011" not in root_of(cast.annotator).get(f"{place(found)}/metadata").json()[0]


def test_blinding_reaches_every_level_and_leaves_the_argument_alone():
    inner = {"00100020": {"vr": "LO", "Value": ["X"]}, "0040A123": {"vr": "PN", "Value": [{}]},
             "0040A160": {"vr": "UT", "Value": ["seen"]}}  # fmt: skip
    dataset = {"0040A730": {"vr": "SQ", "Value": [inner, None]}, "70531000": {"vr": "DS"}}
    assert without_patient(dataset) == {
        "0040A730": {
            "vr": "SQ",
            "Value": [
                {"00100020": {"vr": "LO"}, "0040A123": {"vr": "PN"}, "0040A160": inner["0040A160"]},
                {},
            ],
        },
        "70531000": {"vr": "DS"},
    }
    assert inner["00100020"]["Value"] == ["X"]
