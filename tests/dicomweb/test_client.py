"""A real HTTP server and the field's own client against it."""

import io

import numpy as np
import pydicom
import pytest
import requests  # noqa: TID251  the far end of the wire: what clients really send
from dicomweb_client.api import DICOMwebClient

from annotation.accounts.services import create_token
from annotation.archive.models import Instance, Study
from annotation.labeling.models import Case
from tests import factories, servers


@pytest.fixture
def web(live_cast):
    """dicomweb-client signed in as the manager, on the project's root."""
    _, secret = create_token(user=live_cast.manager, lifetime_days=1)
    session = requests.Session()
    session.headers["Authorization"] = f"Token {secret}"
    with servers.web_server() as address:
        url = f"{address}/dicomweb/projects/{live_cast.project.pk}"
        yield DICOMwebClient(url=url, session=session)


@pytest.fixture
def series(web):
    """A CT series, stored over the wire."""
    datasets = [pydicom.dcmread(io.BytesIO(data)) for data in factories.make_ct("series")]
    web.store_instances(datasets)
    return datasets


def uids(dataset):
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def test_stored_instances_become_a_case_and_are_found_again(web, series, live_cast):
    assert Case.objects.filter(project=live_cast.project).count() == 1
    [study] = web.search_for_studies(search_filters={"PatientID": "P1"})
    assert study["00201208"]["Value"] == [5]
    assert study["00080061"]["Value"] == ["CT"]
    [found] = web.search_for_series(series[0].StudyInstanceUID)
    assert found["00201209"]["Value"] == [5]
    assert len(web.search_for_instances(*uids(series[0])[:2])) == 5
    assert web.search_for_studies(search_filters={"PatientID": "nobody"}) == []


def test_metadata_equals_pydicoms_json_model(web, series):
    found = web.retrieve_series_metadata(*uids(series[0])[:2])
    by_uid = {d["00080018"]["Value"][0]: d for d in found}
    for dataset in series:
        expected = dataset.to_json_dict()
        expected.pop("7FE00010")
        assert by_uid[dataset.SOPInstanceUID] == expected


def test_frames_and_instances_come_back_pixel_for_pixel(web, series):
    for dataset in series[:2]:
        [frame] = web.retrieve_instance_frames(*uids(dataset), [1])
        np.testing.assert_array_equal(
            np.frombuffer(frame, "<i2").reshape(32, 32), dataset.pixel_array
        )
        back = web.retrieve_instance(*uids(dataset))
        np.testing.assert_array_equal(back.pixel_array, dataset.pixel_array)
    assert len(list(web.iter_series(*uids(series[0])[:2]))) == 5


def test_the_stored_file_comes_back_byte_for_byte(web, series):
    stored = Instance.objects.get(sop_instance_uid=series[0].SOPInstanceUID)
    study, one, instance = uids(series[0])
    url = f"{web.base_url}/studies/{study}/series/{one}/instances/{instance}"
    answer = web._http_get(url, headers={"Accept": "application/dicom"})
    assert answer.content == stored.path.read_bytes()


def test_rendered_pictures_and_thumbnails(web, series):
    picture = web.retrieve_instance_frames_rendered(
        *uids(series[0]), [1], media_types=("image/png",)
    )
    assert picture.startswith(b"\x89PNG")
    thumb = web._http_get(
        f"{web.base_url}/studies/{uids(series[0])[0]}/series/{uids(series[0])[1]}/thumbnail",
        headers={"Accept": "image/jpeg"},
    )
    assert thumb.content.startswith(b"\xff\xd8")


def test_storing_again_changes_nothing(web, series):
    web.store_instances(series)
    assert Instance.objects.count() == 5


def test_a_large_chunked_store_arrives(web):
    """dicomweb-client sends chunked above 1 MB; Django alone would see an empty body."""
    big = pydicom.dcmread(io.BytesIO(factories.make_dicom("big", side=1024)))
    assert len(big.PixelData) > 1_000_000
    web.store_instances([big])
    assert Study.objects.filter(study_instance_uid=big.StudyInstanceUID).exists()


def test_another_collection_may_hold_the_same_uid_with_other_content(web, series, live_cast):
    """What one project stored neither blocks nor reveals itself to another."""
    other = factories.make_study(live_cast.foreign_project, "x")
    assert other.collection_id != live_cast.project.collection_id
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("x")))
    dataset.PatientName = "Changed"
    dataset.PatientID = "someone else"
    web.store_instances([dataset])
    assert Study.objects.filter(study_instance_uid=dataset.StudyInstanceUID).count() == 2
