"""Sources and transfers: who defines them, what a manager may do, and what never leaks."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from annotation.archive.remote import Credentials
from annotation.core import jobs
from annotation.core.errors import Conflict
from annotation.core.jobs import JobState
from annotation.core.models import AuditEvent
from annotation.labeling.models import Case, Source, Transfer
from annotation.labeling.services import pulls, sources, transfers
from tests import factories
from tests import peer as peers

STUDY = {
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "00100020": {"vr": "LO", "Value": ["P1"]},
    "00080020": {"vr": "DA", "Value": ["20240131"]},
    "00080061": {"vr": "CS", "Value": ["CT", "SR"]},
    "00081030": {"vr": "LO", "Value": ["Chest"]},
    "00201206": {"vr": "IS", "Value": [2]},
    "00201208": {"vr": "IS", "Value": ["120"]},
}


@pytest.fixture
def peer():
    with peers.listening() as listening:
        yield listening


@pytest.fixture
def source(cast, peer):
    return factories.make_source(cast.project, url=peer.url)


def url_of(project, rest):
    return f"/api/v1/projects/{project.pk}/{rest}"


def listed(*uids, study="1.2.3"):
    return json.dumps([
        {"0020000D": {"Value": [study]}, "0020000E": {"Value": ["1.3"]}, "00080018": {"Value": [uid]}}
        for uid in uids
    ]).encode()  # fmt: skip


def request_pull(cast, source, *uids):
    return transfers.request_pull(
        actor=cast.manager, project=cast.project, source=source, study_uids=uids or ["1.2.3"]
    )


def run(transfer):
    jobs.execute(Transfer, transfer.pk, transfers.run)
    transfer.refresh_from_db()
    return transfer


def test_managers_see_granted_sources_by_name_only(cast, source, client_of):
    factories.make_source(cast.foreign_project, name="Elsewhere")
    answer = client_of(cast.manager).get(url_of(cast.project, "sources"))
    assert answer.json() == [{"id": str(source.pk), "name": "PACS"}]


def test_a_search_answers_typed_rows_and_says_when_there_is_more(cast, source, peer, client_of):
    other = {"0020000D": {"Value": ["1.2.4"]}}
    peer.answer(body=json.dumps([STUDY, other]).encode())
    answer = client_of(cast.manager).get(
        url_of(cast.project, f"sources/{source.pk}/studies"), {"PatientName": "doe", "limit": 1}
    )
    assert answer.json() == {
        "results": [
            {
                "study_instance_uid": "1.2.3", "patient_id": "P1", "patient_name": "Doe^Jane",
                "patient_birth_date": "", "patient_sex": "", "study_date": "20240131",
                "study_description": "Chest", "accession_number": "", "modalities": ["CT", "SR"],
                "series_count": 2, "instance_count": 120, "is_in_project": False,
            }
        ],
        "has_more": True,
    }  # fmt: skip
    assert "PatientName=doe*" in peer.asked[0][1]
    assert "limit=2" in peer.asked[0][1]


@pytest.mark.parametrize(
    "query",
    [{"url": "http://127.0.0.1:5432"}, {"source__url": "x"}, {"StudyDate": "today"},
     {"limit": 5000}, {"offset": -1}, {"ModalitiesInStudy": "CT&x=1"}],
)  # fmt: skip
def test_a_query_outside_the_form_asks_nobody(cast, source, peer, client_of, query):
    peer.answer()
    url = url_of(cast.project, f"sources/{source.pk}/studies")
    assert client_of(cast.manager).get(url, query).status_code == 400
    assert peer.asked == []


@pytest.mark.parametrize(
    "place", ["studies/1..2/series", "studies/x/series", "studies/1.2/series/x/preview"]
)
def test_a_malformed_uid_asks_nobody(cast, source, peer, client_of, place):
    url = url_of(cast.project, f"sources/{source.pk}/{place}")
    assert client_of(cast.manager).get(url).status_code == 404
    assert peer.asked == []


def test_a_source_of_another_project_does_not_exist(cast, client_of):
    foreign = factories.make_source(cast.foreign_project, name="Elsewhere")
    client = client_of(cast.manager)
    assert client.get(url_of(cast.project, f"sources/{foreign.pk}/studies")).status_code == 404
    body = {"source_id": str(foreign.pk), "direction": "pull", "studies": ["1.2.3"]}
    assert client.post(url_of(cast.project, "transfers"), body).status_code == 400


def test_a_failing_source_answers_with_a_problem_that_names_it(cast, source, peer, client_of):
    peer.answer(401, b"hidden-word")
    answer = client_of(cast.manager).get(url_of(cast.project, f"sources/{source.pk}/studies"))
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "remote_refused"
    assert "PACS" in answer.json()["detail"]
    assert "hidden-word" not in answer.content.decode()
    assert peer.url not in answer.content.decode()


@pytest.mark.parametrize(
    ("data", "shown"), [(b"\xff\xd8\xff\xe0 picture", 200), (b"<script>", 404), (b"<svg>", 404)]
)
def test_only_a_real_picture_is_passed_on(cast, source, peer, client_of, data, shown):
    peer.answer(body=listed("1.4"))
    peer.answer(body=b"[]")
    peer.answer(body=data, content_type="text/html")
    url = url_of(cast.project, f"sources/{source.pk}/studies/1.2.3/series/1.3/preview")
    answer = client_of(cast.manager).get(url)
    assert answer.status_code == shown
    assert "html" not in answer.headers["Content-Type"]


def test_a_pull_is_asked_for_shown_and_cancelled(cast, source, client_of):
    client = client_of(cast.manager)
    body = {
        "source_id": str(source.pk),
        "direction": "pull",
        "studies": ["1.2.3", "1.2.3", "1.2.4"],
    }
    made = client.post(url_of(cast.project, "transfers"), body)
    assert made.status_code == 202
    url = url_of(cast.project, f"transfers/{made.json()['id']}")
    shown = client.get(url).json()
    assert (shown["state"], shown["study_uids"]) == ("pending", ["1.2.3", "1.2.4"])
    [row] = client.get(url_of(cast.project, "transfers")).json()["results"]
    assert (row["source_name"], row["study_count"]) == ("PACS", 2)
    assert client.post(f"{url}/cancellation").status_code == 202
    assert client.get(url).json()["state"] == "cancelled"
    assert client.post(f"{url}/cancellation").status_code == 409
    assert client.post(f"{url}/resumption").json()["state"] == "pending"
    actions = list(
        AuditEvent.objects.filter(action__startswith="pull_").values_list("action", flat=True)
    )
    assert sorted(actions) == ["pull_cancelled", "pull_requested", "pull_resumed"]


@pytest.mark.parametrize("studies", [[], ["../x"], ["1.2"] * 501, "1.2.3", [None]])
def test_a_pull_of_no_or_malformed_studies_is_refused(cast, source, client_of, studies):
    body = {"source_id": str(source.pk), "direction": "pull", "studies": studies}
    assert client_of(cast.manager).post(url_of(cast.project, "transfers"), body).status_code == 400


def test_only_studies_of_the_project_are_pushed(cast, source, client_of):
    foreign = factories.make_cases(cast.foreign_project, 1)[0]
    body = {
        "source_id": str(source.pk), "direction": "push",
        "studies": [foreign.study.study_instance_uid],
    }  # fmt: skip
    assert client_of(cast.manager).post(url_of(cast.project, "transfers"), body).status_code == 400


def test_a_project_cannot_queue_without_end(cast, source, monkeypatch):
    monkeypatch.setattr(transfers, "MAX_UNFINISHED", 2)
    for _ in range(2):
        request_pull(cast, source)
    with pytest.raises(Conflict, match="waiting already"):
        request_pull(cast, source)


def test_a_refused_instance_is_listed_and_the_others_arrive(cast, source, peer):
    good = factories.make_dicom("good")
    uid = str(factories.read(good).SOPInstanceUID)
    study_uid = str(factories.read(good).StudyInstanceUID)
    peer.answer(body=b"[]")
    peer.answer(body=listed("1.9.1", "1.9.2", uid, study=study_uid))
    peer.answer(body=b"[]")
    peer.answer(body=b"no DICOM", content_type="application/dicom")
    peer.answer(404, b"")
    peer.answer(body=good, content_type="application/dicom")
    transfer = run(request_pull(cast, source, study_uid))
    assert transfer.state == JobState.COMPLETED, transfer.error
    assert (transfer.new_count, transfer.failed_count) == (1, 2)
    assert [f["instance"] for f in transfer.failures] == ["1.9.1", "1.9.2"]
    assert "HTTP 404" in transfer.failures[1]["reason"]
    assert Case.objects.filter(project=cast.project).count() == 1
    event = AuditEvent.objects.get(action="pull_completed")
    assert event.detail == {"new": 1, "known": 0, "failed": 2}


def test_another_instance_than_asked_for_is_a_failure(cast, source, peer):
    peer.answer(body=b"[]")
    peer.answer(body=listed("1.9.1"))
    peer.answer(body=b"[]")
    peer.answer(body=factories.make_dicom("other"), content_type="application/dicom")
    transfer = run(request_pull(cast, source))
    assert transfer.failures[0]["reason"].startswith("the source sent another instance")


def test_an_instance_on_which_the_source_always_breaks_off_does_not_stop_the_rest(
    cast, source, peer, monkeypatch
):
    monkeypatch.setattr(pulls, "PAUSES_S", (0,))
    cut = {"Content-Length": "500"}
    peer.answer(body=b"[]")
    peer.answer(body=listed("1.9.1"))
    peer.answer(body=b"[]")
    peer.answer(body=b"x", content_type="application/dicom", **cut)
    peer.answer(body=b"x", content_type="application/dicom", **cut)
    peer.answer(body=b"[]")
    transfer = run(request_pull(cast, source))
    assert (transfer.state, transfer.failed_count) == (JobState.COMPLETED, 1)
    assert "broke off" in transfer.failures[0]["reason"]


def test_a_finished_transfer_without_failures_has_nothing_to_resume(cast, source):
    transfer = request_pull(cast, source)
    Transfer.objects.filter(pk=transfer.pk).update(state=JobState.COMPLETED)
    with pytest.raises(Conflict, match="nothing to resume"):
        transfers.resume(actor=cast.manager, transfer=transfer)


def test_a_revoked_or_removed_source_ends_its_transfers_and_keeps_their_history(
    cast, source, client_of
):
    first, second = request_pull(cast, source), request_pull(cast, source)
    sources.revoke_source(source=source, project=cast.project)
    assert "may not use the source PACS" in run(first).error
    sources.remove_source(source=source)
    assert "may not use the source PACS" in run(second).error
    rows = client_of(cast.manager).get(url_of(cast.project, "transfers")).json()["results"]
    assert {row["source_name"] for row in rows} == {"PACS"}


def test_no_more_transfers_run_at_once_than_leave_room_for_short_tasks(cast, source, monkeypatch):
    monkeypatch.setattr(transfers, "MAX_RUNNING", 1)
    first, second = request_pull(cast, source), request_pull(cast, source)
    assert jobs.claim(Transfer, first.pk) is not None
    transfers.run_if_free(second.pk)
    second.refresh_from_db()
    assert second.state == JobState.PENDING


def test_the_password_lies_encrypted_in_the_database(cast, source):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM labeling_source")
        assert "hidden-word" not in str(cursor.fetchall())
        cursor.execute("SELECT encode(sealed_secret, 'escape') FROM labeling_source")
        assert "hidden-word" not in cursor.fetchone()[0]
    assert "hidden-word" not in str(list(AuditEvent.objects.values_list("detail", flat=True)))


def test_a_changed_key_is_named(cast, source, settings, client_of):
    settings.CREDENTIALS_KEY = "another key of at least thirty-two characters"
    answer = client_of(cast.manager).get(url_of(cast.project, f"sources/{source.pk}/studies"))
    assert (answer.status_code, answer.json()["code"]) == (409, "secret_unreadable")
    assert "CREDENTIALS_KEY" in run(request_pull(cast, source)).error


def test_two_sources_of_one_name_are_refused(cast, source):
    with pytest.raises(Conflict, match="name exists"):
        sources.add_source(name="pacs", url="https://x.example", credentials=Credentials())


def command(*arguments):
    output = io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_an_operator_adds_grants_lists_replaces_and_removes(cast, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden-word\n")
    url = "https://pacs.example/dicom-web"
    command("add_source", "Main", "--url", url, "--user", "me", "--password-file", str(secret),
            "--project", "chest")  # fmt: skip
    assert command("list_sources") == f"Main: {url} (basic); projects: Chest\n"
    command("grant_source", "main", "--project", "Elsewhere")
    command("grant_source", "main", "--project", "Chest", "--revoke")
    command("add_source", "Main", "--replace", "--url", url, "--token-file", str(secret))
    assert command("list_sources") == f"Main: {url} (bearer); projects: Elsewhere\n"
    assert sources.open_server(Source.objects.get()).url == url
    command("remove_source", "Main")
    assert command("list_sources") == ""
    actions = AuditEvent.objects.filter(action__startswith="source_").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        "source_added", "source_granted", "source_granted", "source_revoked", "source_replaced",
        "source_removed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["add_source", "X", "--url", "http://8.8.8.8/d"],
        ["add_source", "X", "--url", "https://pacs.example", "--user", "me"],
        ["add_source", "X", "--url", "https://pacs.example", "--token-file", "/absent"],
        ["add_source", "X", "--url", "https://pacs.example", "--project", "absent"],
        ["add_source", "X", "--url", "https://pacs.example", "--ca-file", "/etc/hostname"],
        ["add_source", "X", "--url", "https://pacs.example", "--replace"],
        ["grant_source", "X", "--project", "Chest"],
        ["remove_source", "X"],
    ],
)
def test_a_wrong_command_changes_nothing(cast, arguments):
    with pytest.raises(CommandError):
        command(*arguments)
    assert Source.objects.count() == 0


def test_a_list_of_transfers_takes_as_many_queries_for_one_as_for_ten(
    cast, source, client_of, django_assert_max_num_queries
):
    for _ in range(10):
        request_pull(cast, source)
    client = client_of(cast.manager)
    client.get(url_of(cast.project, "transfers"))
    with django_assert_max_num_queries(7):
        client.get(url_of(cast.project, "transfers"))
