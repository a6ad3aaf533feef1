"""Orthanc as the real peer: we pull from it and push to it, and its own client works against us."""

import io
import signal

import pydicom
import pytest

from annotation.accounts.services import create_token
from annotation.archive.models import Instance, Study
from annotation.archive.remote import Credentials, Timeouts
from annotation.core import jobs
from annotation.core.errors import RemoteRefused
from annotation.core.jobs import JobState
from annotation.core.models import AuditEvent
from annotation.labeling.models import Case, Transfer
from annotation.labeling.services import pulls, sources, transfers
from learning.tasks import sweep_jobs
from tests import factories, orthanc, servers

LEASE = "3"


@pytest.fixture(scope="module")
def peer():
    with orthanc.running() as started:
        yield started


@pytest.fixture
def empty_peer(peer):
    """The peer without any study; stopped ones run again."""
    peer.stop()
    peer.start()
    for study in peer.get("/studies").json():
        peer.post("/tools/bulk-delete", json={"Resources": [study]})
    assert peer.get("/studies").json() == []
    return peer


@pytest.fixture
def source(empty_peer, live_cast):
    return make_source(empty_peer, live_cast.project)


def make_source(peer, project, password=None):
    credentials = Credentials(user=orthanc.USER, password=password or peer.password)
    source = sources.add_source(name="PACS", url=peer.url, credentials=credentials)
    sources.grant_source(source=source, project=project)
    return source


def uid_of(data, keyword="StudyInstanceUID"):
    return str(pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)[keyword].value)


def compressed(key):
    """A radiograph in RLE Lossless."""
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom(key)))
    dataset.compress(pydicom.uid.RLELossless)
    data = io.BytesIO()
    dataset.save_as(data)
    return data.getvalue()


def by_uid(*files):
    return {uid_of(data, "SOPInstanceUID"): data for data in files}


def stored_files(project):
    return {i.sop_instance_uid: i.path.read_bytes()
            for i in Instance.objects.filter(collection=project.collection)}  # fmt: skip


def ask_pull(cast, source, *uids):
    return transfers.request_pull(
        actor=cast.manager, project=cast.project, source=source, study_uids=uids
    )


def ask_push(cast, source, *uids):
    return transfers.request_push(
        actor=cast.manager, project=cast.project, source=source, study_uids=uids
    )


def run(transfer):
    """What the worker does, in this process."""
    jobs.execute(Transfer, transfer.pk, transfers.run)
    transfer.refresh_from_db()
    return transfer


def counts(transfer):
    return transfer.new_count, transfer.known_count, transfer.failed_count


def test_two_studies_are_pulled_by_a_worker_byte_for_byte(empty_peer, source, live_cast):
    ct, xray = factories.make_ct("ct"), factories.make_dicom("dx", patient="P2")
    empty_peer.add(*ct, xray)
    transfer = ask_pull(live_cast, source, uid_of(ct[0]), uid_of(xray))
    with servers.worker("default"):
        servers.eventually(lambda: _swept(transfer), "the transfer has ended")
    transfer.refresh_from_db()
    assert (transfer.state, counts(transfer)) == (JobState.COMPLETED, (6, 0, 0)), transfer.error
    assert transfer.progress == {"step": "pull", "done": 6, "total": 6}
    assert stored_files(live_cast.project) == by_uid(*ct, xray) == empty_peer.files()
    assert Case.objects.filter(project=live_cast.project).count() == 2


def _swept(transfer):
    sweep_jobs()
    return Transfer.objects.get(pk=transfer.pk).is_finished


def test_compressed_pixels_arrive_as_they_are_stored_there(empty_peer, source, live_cast):
    data = compressed("rle")
    empty_peer.add(data)
    transfer = run(ask_pull(live_cast, source, uid_of(data)))
    assert counts(transfer) == (1, 0, 0), transfer.failures
    assert stored_files(live_cast.project) == by_uid(data)


def test_pulling_again_fetches_nothing(empty_peer, source, live_cast):
    xray = factories.make_dicom("dx")
    empty_peer.add(xray)
    run(ask_pull(live_cast, source, uid_of(xray)))
    again = run(ask_pull(live_cast, source, uid_of(xray)))
    assert counts(again) == (0, 1, 0)
    assert Case.objects.count() == 1


def test_a_search_finds_names_with_a_caret_and_spaces(empty_peer, source, live_cast):
    for name in ("Doe^Jane", "Doe^John", "Müller^Ann"):
        dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom(name, patient=f"id {name[:5]}")))
        dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", name
        dataset.StudyDescription, dataset.AccessionNumber = "Chest routine", "A/1"
        data = io.BytesIO()
        dataset.save_as(data)
        empty_peer.add(data.getvalue())

    def names(**filters):
        found = sources.search_studies(
            actor=live_cast.manager, project=live_cast.project, source=source,
            filters=filters, limit=10, offset=0,
        )  # fmt: skip
        return sorted(f.study.patient_name for f in found)

    assert names(PatientName="Doe^Jane") == ["Doe^Jane"]
    assert names(PatientName="doe") == ["Doe^Jane", "Doe^John"]
    assert names(PatientName="Müller^Ann") == ["Müller^Ann"]
    assert names(PatientID="id Mülle") == ["Müller^Ann"]
    assert len(names(AccessionNumber="A/1", ModalitiesInStudy="DX")) == 3
    assert names(StudyDate="19000101-19010101") == []
    event = AuditEvent.objects.filter(action="source_searched").first()
    assert event.detail == {"filters": ["PatientName"], "studies": 1}


def test_a_study_is_previewed_and_marked_once_it_is_here(empty_peer, source, live_cast, client_of):
    ct = factories.make_ct("ct")
    empty_peer.add(*ct)
    client = client_of(live_cast.manager)
    url = f"/api/v1/projects/{live_cast.project.pk}/sources/{source.pk}/studies"
    [row] = client.get(url, {"ModalitiesInStudy": "CT"}).json()["results"]
    assert (row["series_count"], row["instance_count"], row["is_in_project"]) == (1, 5, False)
    [series] = client.get(f"{url}/{uid_of(ct[0])}/series").json()
    assert (series["modality"], series["instance_count"]) == ("CT", 5)
    picture = client.get(f"{url}/{uid_of(ct[0])}/series/{series['series_instance_uid']}/preview")
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    run(ask_pull(live_cast, source, uid_of(ct[0])))
    assert client.get(url).json()["results"][0]["is_in_project"] is True


def test_a_cancelled_pull_resumes_with_what_is_missing(
    empty_peer, source, live_cast, client_of, monkeypatch
):
    ct = factories.make_ct("ct")
    empty_peer.add(*ct)
    transfer = ask_pull(live_cast, source, uid_of(ct[0]))
    fetched = count_fetches(monkeypatch, then=lambda n: n == 2 and _cancel(live_cast, transfer))
    run(transfer)
    assert (transfer.state, transfer.new_count) == (JobState.CANCELLED, 2)
    client = client_of(live_cast.manager)
    url = f"/api/v1/projects/{live_cast.project.pk}/transfers/{transfer.pk}/resumption"
    assert client.post(url).status_code == 202
    run(transfer)
    assert (transfer.state, counts(transfer)) == (JobState.COMPLETED, (3, 2, 0))
    assert len(fetched) == len(set(fetched)) == 5
    assert stored_files(live_cast.project) == by_uid(*ct)


def _cancel(cast, transfer):
    transfers.cancel(actor=cast.manager, transfer=Transfer.objects.get(pk=transfer.pk))


def count_fetches(monkeypatch, then):
    """Records every instance that is asked for; `then(n)` runs after the n-th has arrived."""
    fetched = []
    ingest, report = pulls._ingest, "annotation.labeling.services.transfer_report.REPORT_SECONDS"
    monkeypatch.setattr(report, 0)

    def counted(project, server, instance):
        fetched.append(instance.sop_instance_uid)
        stored = ingest(project, server, instance)
        then(len(fetched))
        return stored

    monkeypatch.setattr(pulls, "_ingest", counted)
    return fetched


def impatient(source):
    return sources.open_server(source, Timeouts(retries=0))


def test_a_peer_that_goes_away_fails_the_pull_and_a_resumed_one_finishes(
    empty_peer, source, live_cast, monkeypatch
):
    ct = factories.make_ct("ct")
    empty_peer.add(*ct)
    transfer = ask_pull(live_cast, source, uid_of(ct[0]))
    monkeypatch.setattr(pulls, "PAUSES_S", ())
    monkeypatch.setattr(transfers, "open_server", impatient)
    count_fetches(monkeypatch, then=lambda n: n == 3 and empty_peer.stop())
    run(transfer)
    assert (transfer.state, transfer.new_count) == (JobState.FAILED, 3)
    assert "PACS: Retrieving an instance failed: it cannot be reached" in transfer.error
    assert Instance.objects.count() == 3
    empty_peer.start()
    transfers.resume(actor=live_cast.manager, transfer=transfer)
    run(transfer)
    assert (transfer.state, counts(transfer)) == (JobState.COMPLETED, (2, 3, 0))
    assert stored_files(live_cast.project) == by_uid(*ct)


def test_a_worker_killed_in_mid_pull_is_replaced_and_nothing_comes_twice(
    empty_peer, source, live_cast
):
    ct = factories.make_ct("long", slices=150)
    empty_peer.add(*ct)
    transfer = ask_pull(live_cast, source, uid_of(ct[0]))
    with servers.worker("default", JOB_LEASE_SECONDS=LEASE) as first:
        servers.eventually(lambda: Instance.objects.count() >= 10, "the pull is under way")
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert Instance.objects.count() < 150
    with servers.worker("default", JOB_LEASE_SECONDS=LEASE):
        servers.eventually(lambda: _swept(transfer), "the transfer has ended")
    transfer.refresh_from_db()
    assert (transfer.state, transfer.attempt) == (JobState.COMPLETED, 2), transfer.error
    assert transfer.new_count + transfer.known_count == 150
    assert transfer.known_count >= 10
    assert stored_files(live_cast.project) == by_uid(*ct)


def test_a_wrong_password_is_named_and_never_shown(empty_peer, live_cast):
    source = make_source(empty_peer, live_cast.project, password="wrong-password")
    with pytest.raises(RemoteRefused, match="does not accept the credentials"):
        sources.search_studies(
            actor=live_cast.manager, project=live_cast.project, source=source,
            filters={}, limit=1, offset=0,
        )  # fmt: skip
    transfer = run(ask_pull(live_cast, source, "1.2.3"))
    assert transfer.state == JobState.FAILED
    assert "does not accept the credentials (HTTP 401)" in transfer.error
    assert "wrong-password" not in transfer.error


def test_a_study_that_the_source_does_not_have_is_named(source, live_cast):
    transfer = run(ask_pull(live_cast, source, "1.2.3"))
    assert (transfer.state, counts(transfer)) == (JobState.COMPLETED, (0, 0, 1))
    assert transfer.failures[0]["study"] == "1.2.3"
    assert Case.objects.count() == 0


def test_the_project_is_pushed_and_a_second_push_sends_nothing(empty_peer, source, live_cast):
    ct = factories.make_ct("ct")
    run_import(live_cast.project, *ct)
    case = factories.make_cases(live_cast.project, 1)[0]
    push = run(ask_push(live_cast, source))
    assert (push.state, counts(push)) == (JobState.COMPLETED, (6, 0, 0)), push.failures
    assert empty_peer.files() == stored_files(live_cast.project)
    assert counts(run(ask_push(live_cast, source))) == (0, 6, 0)
    one = run(ask_push(live_cast, source, case.study.study_instance_uid))
    assert counts(one) == (0, 1, 0)


def run_import(project, *files):
    from annotation.archive.services.ingest import ingest
    from annotation.labeling.services.projects import add_cases

    studies = {ingest(collection=project.collection, chunks=[data]).study.pk for data in files}
    add_cases(project=project, studies=Study.objects.filter(pk__in=studies))


def test_what_the_peer_refuses_is_listed_and_the_rest_is_sent(empty_peer, source, live_cast):
    first, second = factories.make_cases(live_cast.project, 2)
    broken = Instance.objects.get(series__study=second.study)
    broken.path.write_bytes(
        b"no DICOM " * (broken.size_bytes // 9) + b"." * (broken.size_bytes % 9)
    )
    push = run(ask_push(live_cast, source))
    assert (push.state, counts(push)) == (JobState.COMPLETED, (1, 0, 1))
    assert push.failures[0]["instance"] == broken.sop_instance_uid
    assert list(empty_peer.files()) == [
        Instance.objects.get(series__study=first.study).sop_instance_uid
    ]


def test_a_push_to_a_peer_that_is_away_fails(empty_peer, source, live_cast, monkeypatch):
    factories.make_cases(live_cast.project, 1)
    monkeypatch.setattr(transfers, "open_server", impatient)
    empty_peer.stop()
    push = run(ask_push(live_cast, source))
    assert push.state == JobState.FAILED
    assert push.error_words["reason"] == {"code": "remote_away"}
    empty_peer.start()
    transfers.resume(actor=live_cast.manager, transfer=push)
    assert counts(run(push)) == (1, 0, 0)


@pytest.fixture
def orthanc_client(live_cast):
    """Our web server, and an Orthanc whose DICOMweb client knows it by the name `firstread`."""
    _, secret = create_token(user=live_cast.manager, lifetime_days=1)
    with servers.web_server() as address:
        server = {
            "Url": f"{address}/dicomweb/projects/{live_cast.project.pk}/",
            "HttpHeaders": {"Authorization": f"Token {secret}"},
        }
        with orthanc.running(DicomWeb={"Servers": {"firstread": server}}) as started:
            yield started


def ask(peer, action, body):
    answer = peer.post(f"/dicom-web/servers/firstread/{action}", json=body)
    assert answer.ok, f"{action}: {answer.status_code} {answer.text}\n{peer.log()}"
    return answer.json()


def test_orthancs_client_queries_us(orthanc_client, live_cast):
    run_import(
        live_cast.project, *factories.make_ct("ct", patient="P7"), factories.make_dicom("dx")
    )
    found = ask(orthanc_client, "qido", {"Uri": "/studies", "Arguments": {"00100020": "P7"}})
    assert [study["00100020"]["Value"] for study in found] == ["P7"]
    everything = ask(orthanc_client, "qido", {"Uri": "/studies", "Arguments": {}})
    assert len(everything) == 2
    by_name = {"Uri": "/studies", "Arguments": {"PatientID": "P*", "ModalitiesInStudy": "CT"}}
    assert len(ask(orthanc_client, "qido", by_name)) == 1
    uid = found[0]["0020000D"]["Value"]
    assert len(ask(orthanc_client, "qido", {"Uri": f"/studies/{uid}/instances"})) == 5


def test_orthancs_client_retrieves_studies_series_and_instances_from_us(orthanc_client, live_cast):
    ct, xray, rle = factories.make_ct("ct"), factories.make_dicom("dx"), compressed("rle")
    run_import(live_cast.project, *ct, xray, rle)
    wanted = [
        {"Study": uid_of(ct[0])},
        {"Study": uid_of(rle), "Series": uid_of(rle, "SeriesInstanceUID")},
        {
            "Study": uid_of(xray),
            "Series": uid_of(xray, "SeriesInstanceUID"),
            "Instance": uid_of(xray, "SOPInstanceUID"),
        },
    ]
    ask(orthanc_client, "retrieve", {"Resources": wanted, "Synchronous": True})
    assert orthanc_client.files() == by_uid(*ct, xray, rle)


def test_orthancs_client_stores_to_us(orthanc_client, live_cast):
    ct, xray = factories.make_ct("ct"), factories.make_dicom("dx", side=1024)
    orthanc_client.add(*ct, xray)
    everything = orthanc_client.get("/studies").json()
    for _ in range(2):  # sending again is harmless
        ask(orthanc_client, "stow", {"Resources": everything, "Synchronous": True})
    assert stored_files(live_cast.project) == by_uid(*ct, xray)
    assert Case.objects.filter(project=live_cast.project).count() == 2
