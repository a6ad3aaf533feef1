"""QIDO-RS against studies that are known: keys, wildcards, ranges, names, paging, levels, XML."""

import io
from xml.etree import ElementTree as Xml

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from annotation.imaging import conversion, synthesis
from annotation.labeling.services.projects import add_cases
from tests import factories
from tests.dicomweb.wire import Root, content, parts_of, read

NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
STUDIES = {  # key: what its study says of itself
    "mueller": {
        "PatientName": "Müller^Hans", "PatientID": "P-1", "PatientBirthDate": "19500102",
        "PatientSex": "M", "StudyDate": "20240115", "StudyTime": "083000", "StudyID": "S1",
        "AccessionNumber": "A100", "StudyDescription": "Thorax ap", "Modality": "CT",
        "ReferringPhysicianName": "House^Gregory", "SpecificCharacterSet": "ISO_IR 192",
    },
    "yamada": {
        "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう", "PatientID": "P-2",
        "PatientBirthDate": "19991231", "PatientSex": "F", "StudyDate": "20240229",
        "StudyTime": "171530.25", "StudyID": "S2", "AccessionNumber": "A101",
        "StudyDescription": "Head", "Modality": "MR", "ReferringPhysicianName": "Wilson^James",
        "SpecificCharacterSet": "ISO_IR 192",
    },
    "buc": {
        "PatientName": "Buc^Jérôme", "PatientID": "Q*3", "PatientBirthDate": "",
        "PatientSex": "", "StudyDate": "20250301", "StudyTime": "", "StudyID": "",
        "AccessionNumber": "", "StudyDescription": "100% [x]", "Modality": "CT",
        "ReferringPhysicianName": "", "SpecificCharacterSet": "ISO_IR 100",
    },
}  # fmt: skip
STUDY_RETURN = {"00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020",
                "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208", "00081190",
                "00080056"}  # fmt: skip
SERIES_RETURN = {"00080060", "0020000E", "00200011", "00201209", "00081190", "0020000D"}
INSTANCE_RETURN = {"00080016", "00080018", "00200013", "00081190", "00280010", "00280011", "00280100",
                   "00080056", "0020000D", "0020000E"}  # fmt: skip


def made(key, values):
    """Two slices of one series that say what STUDIES says."""
    voxels = synthesis.ct_phantom(np.random.default_rng(1), lesion_count=1, slices=2, side=32)[0]
    subject = conversion.Subject(patient_id=key)
    for data in conversion.volume_series(voxels, np.eye(4), subject, key, "CT"):
        dataset = read(data)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        request = Dataset()
        request.ScheduledProcedureStepID = f"step {key}"
        request.RequestedProcedureID = f"procedure {key}"
        dataset.RequestAttributesSequence = Sequence([request])
        dataset.PerformedProcedureStepStartDate = values["StudyDate"]
        dataset.PerformedProcedureStepStartTime = values["StudyTime"]
        dataset.SeriesNumber, dataset.SeriesDescription = 7, f"series of {key}"
        out = io.BytesIO()
        dataset.save_as(out)
        yield out.getvalue()


@pytest.fixture
def known(here):
    """The three studies, stored; datasets by key."""
    datasets = {}
    for key, values in STUDIES.items():
        files = list(made(key, values))
        answer = here.store(*files)
        assert answer.status_code == 200, content(answer)
        datasets[key] = [pydicom.dcmread(io.BytesIO(data)) for data in files]
    return datasets


def keys_of(found, known):
    """The names of the studies that were found, in the order of STUDIES."""
    uids = {item["0020000D"]["Value"][0] for item in found}
    return "".join(key[0] for key in STUDIES if known[key][0].StudyInstanceUID in uids)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("StudyDate", "20240115", "m"), ("StudyDate", "20240116-", "yb"),
        ("StudyDate", "-20240229", "my"), ("StudyDate", "20240101-20241231", "my"),
        ("00080020", "20250301", "b"), ("StudyDate", "2024.01.15", "m"),
        ("StudyTime", "083000", "m"), ("StudyTime", "0800-0900", "m"), ("StudyTime", "17-", "y"),
        ("StudyTime", "-0830", "m"), ("StudyTime", "171530.25", "y"),
        ("AccessionNumber", "A100", "m"), ("AccessionNumber", "A10?", "my"),
        ("AccessionNumber", "a100", ""), ("AccessionNumber", "*", "myb"),
        ("ModalitiesInStudy", "CT", "mb"), ("ModalitiesInStudy", "MR", "y"),
        ("ModalitiesInStudy", "C*", "mb"), ("00080061", "US", ""),
        ("ReferringPhysicianName", "house*", "m"), ("ReferringPhysicianName", "*james", "y"),
        ("PatientName", "M*", "m"), ("PatientName", "müller^hans", "m"),
        ("PatientName", "MÜLLER*", "m"), ("PatientName", "山田*", "y"),
        ("PatientName", "やまだ^たろう", "y"), ("PatientName", "Yamada^Tarou", "y"),
        ("PatientName", "*érôme", "b"), ("PatientName", "?uc^*", "b"),
        ("PatientID", "P-1", "m"), ("PatientID", "P-?", "my"), ("PatientID", "p-1", ""),
        ("PatientID", "Q*3", "b"), ("PatientID", "", "myb"), ("PatientID", "P-1\\P-2", ""),
        ("PatientBirthDate", "19500102", "m"), ("PatientSex", "F", "y"),
        ("StudyID", "S*", "my"), ("StudyDescription", "100% [*", "b"),
        ("StudyDescription", "Thorax ap", "m"), ("StudyDescription", "thorax*", ""),
        ("NumberOfStudyRelatedInstances", "2", "myb"), ("NumberOfStudyRelatedSeries", "2", ""),
    ],
)  # fmt: skip
def test_studies_match(here, known, name, value, expected):
    assert keys_of(here.search("studies", **{name: value}), known) == expected


def test_uids_match_alone_and_in_lists(here, known):
    first, second, third = (known[key][0].StudyInstanceUID for key in STUDIES)
    assert keys_of(here.search("studies", StudyInstanceUID=first), known) == "m"
    assert keys_of(here.search("studies", StudyInstanceUID=f"{first},{third}"), known) == "mb"
    assert keys_of(here.search("studies", StudyInstanceUID=f"{second}\\{third}"), known) == "yb"
    assert here.search("studies", StudyInstanceUID=first[:-2] + "*") == []


def test_several_keys_must_all_match(here, known):
    found = here.search(
        "studies", ModalitiesInStudy="CT", StudyDate="2024".ljust(8, "0")[:4] + "0101-"
    )
    assert keys_of(found, known) == "mb"
    assert here.search("studies", ModalitiesInStudy="MR", PatientSex="M") == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Modality", "MR", "y"), ("SeriesNumber", "7", "myb"), ("SeriesNumber", "8", ""),
        ("SeriesDescription", "series of m*", "m"), ("PerformedProcedureStepStartDate", "20240229", "y"),
        ("PerformedProcedureStepStartDate", "20240201-20250101", "y"),
        ("PerformedProcedureStepStartTime", "08-09", "m"),
        ("RequestAttributesSequence.ScheduledProcedureStepID", "step buc", "b"),
        ("00400275.00401001", "procedure y*", "y"),
        ("RequestAttributesSequence.RequestedProcedureID", "none", ""), ("PatientID", "P-2", "y"),
    ],
)  # fmt: skip
def test_series_match(here, known, name, value, expected):
    assert keys_of(here.search("series", **{name: value}), known) == expected


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [("InstanceNumber", "1", 3), ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2", 6), ("Rows", "32", 6),
     ("SOPClassUID", "1.2.3", 0), ("Rows", "33", 0), ("Modality", "MR", 2), ("PatientID", "P-1", 2),
     ("SliceLocation", "1e9", 0), ("BitsAllocated", "16", 6), ("Rows", "x", 0)],
)  # fmt: skip
def test_instances_match(here, known, name, value, count):
    assert len(here.search("instances", **{name: value})) == count


def test_one_instance_is_found_at_every_level(here, known):
    dataset = known["mueller"][1]
    study, series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID
    for path in (
        "instances",
        f"studies/{study}/instances",
        f"studies/{study}/series/{series}/instances",
    ):
        [found] = here.search(path, SOPInstanceUID=dataset.SOPInstanceUID)
        assert found["00080018"]["Value"] == [dataset.SOPInstanceUID]
        assert found.keys() >= INSTANCE_RETURN


def test_every_level_returns_what_it_must_and_the_broad_ones_what_is_above(here, known):
    study = known["mueller"][0].StudyInstanceUID
    assert all(found.keys() >= STUDY_RETURN for found in here.search("studies"))
    [series] = here.search(f"studies/{study}/series")
    assert series.keys() >= SERIES_RETURN | {"00400275", "00400244", "0008103E"}
    assert all(s.keys() >= SERIES_RETURN | STUDY_RETURN for s in here.search("series"))
    for found in here.search("instances"):
        assert found.keys() >= INSTANCE_RETURN | SERIES_RETURN | STUDY_RETURN


def test_values_are_those_of_the_file(here, known):
    [found] = here.search("studies", PatientID="P-2")
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["00201206"]["Value"] == [1]
    assert found["00201208"]["Value"] == [2]
    assert found["00080061"]["Value"] == ["MR"]
    assert "Value" not in here.search("studies", PatientID="Q*3")[0]["00080050"]
    assert here.search("studies", PatientID="Q*3")[0]["00100010"]["Value"][0] == {
        "Alphabetic": "Buc^Jérôme"
    }


@pytest.mark.parametrize(
    "field", ["StudyDescription", "00081030", "PatientAge,StudyDescription", "all"]
)
def test_included_fields_come_with_studies(here, known, field):
    [found] = here.search("studies", PatientID="P-1", includefield=field)
    assert found["00081030"]["Value"] == ["Thorax ap"]


def test_included_fields_come_with_series_and_instances_and_those_below_are_ignored(here, known):
    [series] = here.search("series", PatientID="P-1", includefield=["SeriesDate", "PatientSex"])
    assert series["00100040"]["Value"] == ["M"]
    [found] = here.search(
        "instances", PatientID="P-1", InstanceNumber="1", includefield="ImagePositionPatient"
    )
    assert found["00200032"]["vr"] == "DS"
    assert "00200032" not in here.search("studies", includefield="ImagePositionPatient")[0]
    everything = here.search("instances", PatientID="P-1", includefield="all")[0]
    assert everything.keys() >= {"00200032", "00280030", "00081030", "00400275"}
    assert not any("BulkDataURI" in value for value in everything.values())


@pytest.mark.parametrize(
    ("words", "expected"),
    [("muller", "m"), ("hans mul", "m"), ("jerome", "b"), ("yama", "y"), ("ller", ""), ("tarou yamada", "y")],
)  # fmt: skip
def test_fuzzy_names(here, known, words, expected):
    found = here.search("studies", PatientName=words, fuzzymatching="true")
    assert keys_of(found, known) == expected


def test_pages_are_stable_and_say_that_more_is_there(here, known):
    whole = [s["0020000D"]["Value"][0] for s in here.search("studies")]
    assert len(whole) == 3
    paged, offset = [], 0
    while page := here.search("studies", limit=2, offset=offset):
        paged += [s["0020000D"]["Value"][0] for s in page]
        offset += 2
    assert paged == whole
    assert here.get("studies?limit=2").headers["Warning"].startswith("299 ")
    assert "Warning" not in here.get("studies?limit=3").headers
    instances = [i["00080018"]["Value"][0] for i in here.search("instances")]
    one_by_one = [
        here.search("instances", limit=1, offset=n)[0]["00080018"]["Value"][0] for n in range(6)
    ]
    assert one_by_one == instances
    assert len(set(instances)) == 6


def test_declined_parameters_say_so(here, known):
    answer = here.get("studies?emptyvaluematching=true&multiplevaluematching=true")
    assert answer.headers["Warning"].count("299 ") == 2


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_no_match_is_204_and_nonsense_400(here, known, level):
    assert here.get(f"{level}?PatientID=nobody").status_code == 204
    for query in ("limit=-1", "limit=x", "offset=-1", "StudyDate=yesterday", "StudyDate=20240231",
                  "StudyTime=25", "PatientName=" + "x*" * 300, "&".join(["PatientID=1"] * 60)):  # fmt: skip
        assert here.get(f"{level}?{query}").status_code == 400, query
    assert here.get(f"{level}?unknown=1&{'x' * 100}=2&a.b.c=3").status_code == 200


def test_the_levels_of_an_absent_study_are_404(here, known):
    assert here.get("studies/1.2.3/series").status_code == 404
    assert here.get("studies/1.2.3/instances").status_code == 404


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_xml_carries_the_values_of_the_json(here, known, level):
    answer = here.get(level, 'multipart/related; type="application/dicom+xml"')
    documents = [Xml.fromstring(data) for _, data in parts_of(answer)]  # noqa: S314  our own answer
    expected = here.search(level)
    assert len(documents) == len(expected)
    for document, dataset in zip(documents, expected, strict=True):
        assert document.tag == f"{NATIVE}NativeDicomModel"
        attributes = {a.get("tag"): a for a in document}
        assert attributes.keys() == dataset.keys()
        for tag, element in dataset.items():
            assert attributes[tag].get("vr") == element["vr"]
            if element["vr"] not in ("SQ", "PN"):
                texts = [v.text or "" for v in attributes[tag].findall(f"{NATIVE}Value")]
                assert texts == [str(v) for v in element.get("Value", [])]
    names = [n.text for d in documents for n in d.iter(f"{NATIVE}FamilyName")]
    assert level == "studies" or "Müller" in names


def test_nothing_of_another_project_is_found_or_counted(here, known, cast, client_of):
    hers = factories.make_study(cast.foreign_project, "secret", patient="Hidden")
    add_cases(project=cast.foreign_project, studies=[hers])
    assert keys_of(here.search("studies"), known) == "myb"
    assert here.search("studies", PatientID="Hidden") == []
    own = Root(f"/dicomweb/projects/{cast.foreign_project.pk}", client_of(cast.outsider))
    [found] = own.search("studies")
    assert found["0020000D"]["Value"] == [hers.study_instance_uid]
    everywhere = Root("/dicomweb", client_of(cast.outsider))
    for level in ("studies", "series", "instances"):
        assert len(everywhere.search(level)) == 1
        assert everywhere.search(level, **{"PatientName": "M*"}) == []
