"""A real HTTP server and the field's own client against it."""

import io
from urllib.parse import urlsplit

import imagecodecs
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from requests.exceptions import HTTPError  # noqa: TID251  what the client raises

from annotation.archive.models import Instance, Study
from annotation.labeling.models import Case
from tests import factories


@pytest.fixture
def web(root):
    """dicomweb-client signed in as the manager, on the project's root."""
    return DICOMwebClient(url=root.url, session=root.client)


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


def test_addresses_can_be_followed_although_the_client_sends_no_port(web, series):
    """dicomweb-client sends Host without the port, and follows RetrieveURL and BulkDataURI."""
    [study] = web.search_for_studies()
    assert study["00081190"]["Value"] == [f"{web.base_url}/studies/{series[0].StudyInstanceUID}"]
    [found] = web.search_for_series(series[0].StudyInstanceUID)
    [address] = found["00081190"]["Value"]
    assert urlsplit(address).port == web.port
    assert len(web._http_get(f"{address}/metadata").json()) == 5


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


def test_searches_at_every_level_with_filters_pages_and_fields(web, series):
    study, one, _ = uids(series[0])
    assert len(web.search_for_series()) == len(web.search_for_series(study)) == 1
    assert len(web.search_for_instances()) == len(web.search_for_instances(study)) == 5
    assert len(web.search_for_instances(study, one, limit=2, offset=4)) == 1
    found = web.search_for_instances(study, one, search_filters={"InstanceNumber": "2"},
                                     fields=["ImagePositionPatient", "00280030"])  # fmt: skip
    assert found[0]["00200032"]["vr"] == found[0]["00280030"]["vr"] == "DS"
    assert len(web.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "p"})) <= 1
    assert web.search_for_series(study, search_filters={"Modality": "MR"}) == []
    assert len(list(web.search_for_studies(get_remaining=True, limit=1))) == 1


def test_metadata_of_study_series_and_instance(web, series):
    study, one, instance = uids(series[0])
    assert len(web.retrieve_study_metadata(study)) == 5
    assert len(web.retrieve_series_metadata(study, one)) == 5
    found = web.retrieve_instance_metadata(study, one, instance)
    assert found["00080018"]["Value"] == [instance]


@pytest.mark.parametrize("media_types", [None, ("application/dicom",),
                                         (("application/dicom", "1.2.840.10008.1.2.1"),),
                                         (("application/dicom", "*"),)])  # fmt: skip
def test_studies_series_and_instances_come_whole(web, series, media_types):
    study, one, instance = uids(series[0])
    expected = {d.SOPInstanceUID: d.PixelData for d in series}
    for found in (
        web.retrieve_study(study, media_types=media_types),
        web.retrieve_series(study, one, media_types=media_types),
        list(web.iter_study(study, media_types=media_types)),
    ):
        assert {d.SOPInstanceUID: d.PixelData for d in found} == expected
    back = web.retrieve_instance(study, one, instance, media_types=media_types)
    assert back == series[0]


@pytest.mark.parametrize(
    "media_types",
    [None, ("application/octet-stream",), (("application/octet-stream", "1.2.840.10008.1.2.1"),),
     (("application/octet-stream", "*"),)],
)  # fmt: skip
def test_frames_come_in_every_form_of_the_request(web, series, media_types):
    place = uids(series[0])
    [frame] = web.retrieve_instance_frames(*place, [1], media_types=media_types)
    assert frame == series[0].PixelData
    [again] = list(web.iter_instance_frames(*place, [1], media_types=media_types))
    assert again == frame


@pytest.mark.parametrize(
    ("media_type", "syntax", "decode"),
    [("image/jp2", "1.2.840.10008.1.2.4.90", imagecodecs.jpeg2k_decode),
     ("image/jls", "1.2.840.10008.1.2.4.80", imagecodecs.jpegls_decode)],
)  # fmt: skip
def test_frames_come_compressed_where_that_is_asked_for(web, series, media_type, syntax, decode):
    [frame] = web.retrieve_instance_frames(
        *uids(series[0]), [1], media_types=((media_type, syntax),)
    )
    np.testing.assert_array_equal(
        decode(frame).view("<u2"), series[0].pixel_array.view("<u2").reshape(32, 32)
    )


def test_bulk_data_named_by_the_metadata_is_retrieved(web):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("bulk")))
    dataset.add_new(0x00091010, "OB", bytes(range(256)) * 40)
    web.store_instances([dataset])
    found = web.retrieve_instance_metadata(*uids(dataset))
    [data] = web.retrieve_bulkdata(found["00091010"]["BulkDataURI"])
    assert data == dataset[0x00091010].value


def test_pictures_of_instances_and_frames_with_parameters(web, series):
    place = uids(series[0])
    params = {"window": "40,400,linear", "viewport": "16,16"}
    png = web.retrieve_instance_rendered(*place, media_types=("image/png",), params=params)
    assert Image.open(io.BytesIO(png)).size == (16, 16)
    jpeg = web.retrieve_instance_frames_rendered(*place, [1], media_types=("image/jpeg",))
    assert Image.open(io.BytesIO(jpeg)).size == (32, 32)


def test_a_store_to_its_study_is_taken_and_to_another_refused(web):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("one")))
    web.store_instances([dataset], study_instance_uid=dataset.StudyInstanceUID)
    other = pydicom.dcmread(io.BytesIO(factories.make_dicom("two", patient="P2")))
    with pytest.raises(HTTPError, match="409"):
        web.store_instances([other], study_instance_uid=dataset.StudyInstanceUID)


def test_instances_series_and_studies_are_deleted(web, series):
    study, one, instance = uids(series[0])
    web.delete_instance(study, one, instance)
    assert len(web.search_for_instances(study)) == 4
    web.delete_series(study, one)
    assert web.search_for_studies() == []
    web.store_instances(series)
    web.delete_study(study)
    with pytest.raises(HTTPError, match="404"):
        web.retrieve_study_metadata(study)
