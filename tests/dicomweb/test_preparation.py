"""What a worker makes ahead: frames for the browser, compressed metadata, thumbnails."""

import gzip
import io
import json
from datetime import timedelta

import imagecodecs
import numpy as np
import pydicom
import pytest
from django.utils import timezone

from annotation.archive import storage
from annotation.archive.models import PreparedFrames, SeriesPreparation
from annotation.archive.services import preparation
from annotation.archive.services.garbage import collect_garbage
from annotation.archive.services.ingest import ingest
from annotation.core.jobs import JobState
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.imaging.frames import FrameIndex, read_frame
from annotation.labeling.services.projects import add_cases
from tests import factories

BROWSER = "image/jphc; transfer-syntax=*, application/octet-stream; transfer-syntax=*; q=0.9"


@pytest.fixture
def study(cast):
    """A CT series that is a case of the project."""
    for data in factories.make_ct("prepared"):
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    return study


def prepare():
    SeriesPreparation.objects.update(changed_at="2020-01-01T00:00:00Z")
    return preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)


def series_url(cast, study):
    uid = study.series.get().series_instance_uid
    root = f"/dicomweb/projects/{cast.project.pk}"
    return f"{root}/studies/{study.study_instance_uid}/series/{uid}"


def metadata(client, cast, study, **headers):
    return client.get(f"{series_url(cast, study)}/metadata", headers=headers)


def test_a_series_that_is_still_arriving_is_left_alone(study, monkeypatch):
    monkeypatch.setattr(preparation, "QUIET_S", 600)
    assert preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60) == 0
    assert prepare() == 1
    assert prepare() == 0


@pytest.mark.parametrize(("waited_s", "prepared"), [(10, 0), (100, 1)])
def test_what_has_arrived_gives_way_to_what_arrives_for_a_while(cast, study, waited_s, prepared):
    ago = timezone.now() - timedelta(seconds=waited_s)
    SeriesPreparation.objects.update(changed_at=ago)
    ingest(collection=cast.project.collection, chunks=[factories.make_dicom("arrives")])
    assert preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60) == prepared


def test_prepared_frames_hold_the_same_pixels_and_leave_the_file_alone(cast, study, client_of):
    prepare()
    client = client_of(cast.annotator)
    for instance in study.series.get().instances.all():
        dataset = pydicom.dcmread(instance.path)
        url = f"{series_url(cast, study)}/instances/{instance.sop_instance_uid}/frames/1"
        answer = client.get(url, headers={"Accept": BROWSER})
        assert answer["Content-Type"] == "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202"
        np.testing.assert_array_equal(imagecodecs.htj2k_decode(answer.content), dataset.pixel_array)
        stored = client.get(url, headers={"Accept": "application/octet-stream; transfer-syntax=*"})
        assert stored.content == dataset.PixelData


def test_before_it_is_prepared_a_browser_gets_the_stored_frame(cast, study, client_of):
    instance = study.series.get().instances.first()
    url = f"{series_url(cast, study)}/instances/{instance.sop_instance_uid}/frames/1"
    answer = client_of(cast.annotator).get(url, headers={"Accept": BROWSER})
    assert answer["Content-Type"].startswith("application/octet-stream")


def test_prepared_metadata_is_what_the_rows_give(cast, study, client_of):
    client = client_of(cast.annotator)
    before = metadata(client, cast, study).json()
    prepare()
    after = metadata(client, cast, study, **{"Accept-Encoding": "gzip"})
    assert after["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(after.content)) == before
    again = metadata(
        client, cast, study, **{"Accept-Encoding": "gzip", "If-None-Match": after["ETag"]}
    )
    assert again.status_code == 304


def test_bulk_data_in_prepared_metadata_has_the_address_of_this_request(cast, client_of):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("bulk")))
    dataset.add_new(0x00091010, "OB", bytes(10_000))
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    study = ingest(collection=cast.project.collection, chunks=[buffer.getvalue()]).study
    add_cases(project=cast.project, studies=[study])
    prepare()
    client = client_of(cast.annotator)
    [body] = metadata(client, cast, study).json()
    uri = body["00091010"]["BulkDataURI"]
    assert uri.startswith(f"http://testserver/dicomweb/projects/{cast.project.pk}/studies/")
    assert client.get(uri).getvalue() == bytes(10_000)


def test_an_arrival_makes_the_series_due_again(cast, study, client_of):
    prepare()
    late = factories.make_ct("prepared", slices=6)[5]
    ingest(collection=cast.project.collection, chunks=[late])
    client = client_of(cast.annotator)
    assert len(metadata(client, cast, study).json()) == 6
    assert SeriesPreparation.objects.get().state == JobState.PENDING
    prepare()
    ready = SeriesPreparation.objects.get()
    assert (ready.state, ready.metadata_revision) == (JobState.COMPLETED, ready.revision)
    assert PreparedFrames.objects.count() == 6


def test_an_arrival_while_the_metadata_is_read_makes_the_series_due_again(cast, study):
    late = factories.make_ct("prepared", slices=6)[5]

    def join(series):
        joined = join_for_preparation(series)
        ingest(collection=cast.project.collection, chunks=[late])
        return joined

    SeriesPreparation.objects.update(changed_at="2020-01-01T00:00:00Z")
    preparation.prepare_due(join_metadata=join, budget_s=60)
    assert SeriesPreparation.objects.get().state == JobState.PENDING
    prepare()
    assert SeriesPreparation.objects.get().state == JobState.COMPLETED
    assert PreparedFrames.objects.count() == 6


def test_a_series_that_kills_its_worker_three_times_is_given_up_until_it_changes(cast, study):
    SeriesPreparation.objects.update(
        state=JobState.RUNNING, attempt=3, lease_expires_at="2020-01-01T00:00:00Z"
    )
    assert prepare() == 0
    assert SeriesPreparation.objects.get().state == JobState.FAILED
    late = factories.make_ct("prepared", slices=6)[5]
    ingest(collection=cast.project.collection, chunks=[late])
    assert prepare() == 1
    assert SeriesPreparation.objects.get().state == JobState.COMPLETED


def test_thumbnails_are_made_ahead(cast, study, client_of):
    prepare()
    answer = client_of(cast.annotator).get(f"{series_url(cast, study)}/thumbnail")
    address = SeriesPreparation.objects.get().thumbnail_sha256
    assert answer.content == storage.blob_path(address).read_bytes()


def test_what_cannot_be_prepared_says_why_and_is_not_tried_again(cast):
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("deep")))
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 32, 32, 31
    dataset.PixelData = bytes(64 * 64 * 4)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    ingest(collection=cast.project.collection, chunks=[buffer.getvalue()])
    prepare()
    made = PreparedFrames.objects.get()
    assert (made.sha256, made.reason) == ("", "only pixels of 8 and 16 bits are encoded")
    assert SeriesPreparation.objects.get().state == JobState.COMPLETED


def test_the_garbage_collector_keeps_what_was_prepared(study):
    prepare()
    ready = SeriesPreparation.objects.get()
    collect_garbage(also_referenced=[], min_age_s=-1)
    for address in (ready.metadata_sha256, ready.thumbnail_sha256):
        assert storage.blob_path(address).exists()
    for prepared in PreparedFrames.objects.all():
        index = FrameIndex.from_json(prepared.frame_index)
        assert read_frame(storage.blob_path(prepared.sha256), index, 1)


def test_behind_nginx_whole_files_leave_by_redirect(cast, study, client_of, settings):
    prepare()
    settings.ACCEL_REDIRECT = True
    instance = study.series.get().instances.first()
    url = f"{series_url(cast, study)}/instances/{instance.sop_instance_uid}"
    client = client_of(cast.annotator)
    frame = client.get(f"{url}/frames/1", headers={"Accept": BROWSER})
    prepared = instance.prepared.sha256
    assert frame["X-Accel-Redirect"] == f"/_blobs/{prepared[:2]}/{prepared}"
    whole = client.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert whole["X-Accel-Redirect"] == f"/_blobs/{instance.sha256[:2]}/{instance.sha256}"
    assert client_of(cast.outsider).get(url).status_code == 404
