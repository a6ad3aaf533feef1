"""What we accept from another DICOMweb server, and what we say when it misbehaves."""

import gzip
import json
import logging

import pytest

from annotation.archive import remote
from annotation.archive.answers import RemoteInstance, instance_of, outcome_of, study_of
from annotation.archive.multipart import BrokenAnswer, StoreBody, StoredFile, single_object
from annotation.archive.remote import Credentials, RemoteServer, Timeouts, plain_value
from annotation.core import secretbox
from annotation.core.errors import (
    Conflict,
    InvalidInput,
    RemoteFailure,
    RemoteRefused,
    RemoteUnavailable,
    SecretUnreadable,
)
from annotation.labeling.services.sources import checked_address
from tests import peer as peers

QUICK = Timeouts(connect_s=2, read_s=2, answer_s=3, retries=2, backoff_s=0.01)
INSTANCE = RemoteInstance("1.2", "1.2.3", "1.2.3.4")
ONE_PART = b"--b\r\nContent-Type: application/dicom\r\n\r\nDICOM\r\n--b--\r\n"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'


@pytest.fixture
def peer():
    with peers.listening() as listening:
        yield listening


@pytest.fixture
def server(peer):
    return RemoteServer(
        name="PACS",
        url=peer.url,
        credentials=Credentials(user="me", password="hidden-word"),
        timeouts=QUICK,
    )


def search(server, **filters):
    return server.search_studies(filters, limit=10)


def fetch(server, instance=INSTANCE):
    return b"".join(server.instance_chunks(instance))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pacs/dicom-web",
        "file:///etc/passwd",
        "pacs/dicom-web",
        "https://",
        "https://user:word@pacs/dicom-web",
        "https://pacs/dicom-web?x=1",
        "https://pacs/dicom-web#x",
        "https://pacs:nope/dicom-web",
        "http://8.8.8.8/dicom-web",
        "http://169.254.169.254/latest",
        "http://[::ffff:8.8.8.8]/",
    ],
)
def test_an_address_that_is_no_safe_root_is_refused(url):
    with pytest.raises(InvalidInput):
        checked_address(url, allow_plain_http=False)


@pytest.mark.parametrize(
    "url",
    ["https://pacs.example/dicom-web", "http://127.0.0.1:8042/dicom-web", "http://10.1.2.3/d"],
)
def test_https_and_private_http_are_accepted(url):
    assert checked_address(f" {url}/ ", allow_plain_http=False) == url


def test_an_operator_may_insist_on_plain_http():
    assert checked_address("http://8.8.8.8/d", allow_plain_http=True) == "http://8.8.8.8/d"


def test_wildcards_travel_literally_and_what_cannot_becomes_one(server, peer):
    """Orthanc decodes no %2A, so nothing may need percent-encoding."""
    peer.answer()
    search(server, PatientName="Doe^J*", PatientID="A 1", StudyDate="20200101-20200131")
    _, path, _ = peer.asked[0]
    assert "PatientName=Doe?J*" in path
    assert "PatientID=A?1" in path
    assert "StudyDate=20200101-20200131" in path
    assert "%" not in path
    assert plain_value(" Müller&limit=1 ") == "M*ller?limit?1"


def test_the_host_header_names_the_port_and_basic_credentials_are_sent(server, peer):
    peer.answer()
    search(server)
    headers = peer.asked[0][2]
    assert headers["Host"] == peer.url.split("/")[2]
    assert headers["Authorization"].startswith("Basic ")


def test_a_bearer_token_is_sent(peer):
    peer.answer()
    search(RemoteServer(name="P", url=peer.url, credentials=Credentials(token="abc")))
    assert peer.asked[0][2]["Authorization"] == "Bearer abc"


def test_neither_proxy_nor_netrc_of_the_environment_is_used(server, peer, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    peer.answer()
    search(RemoteServer(name="P", url=peer.url, credentials=Credentials()))
    assert "Authorization" not in peer.asked[0][2]


def over_tls(peer, ca_certificate=""):
    return RemoteServer(
        name="PACS",
        url=peer.url,
        credentials=Credentials(),
        timeouts=QUICK,
        ca_certificate=ca_certificate,
    )


def test_a_certificate_must_be_trusted_and_fit_the_host(tmp_path):
    context, pem = peers.certified(tmp_path)
    with peers.listening(context) as peer:
        peer.answer()
        with pytest.raises(RemoteUnavailable, match="certificate is not trusted"):
            search(over_tls(peer))
        assert peer.asked == []
        assert search(over_tls(peer, pem)) == []
    context, pem = peers.certified(tmp_path, address="10.1.2.3")
    with peers.listening(context) as peer:
        with pytest.raises(RemoteUnavailable, match="certificate is not trusted"):
            search(over_tls(peer, pem))
        assert peer.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(server, peer, status):
    with peers.listening() as elsewhere:
        elsewhere.answer()
        peer.answer(status, b"", Location=f"{elsewhere.url}/studies")
        for ask in (search, fetch):
            with pytest.raises(RemoteFailure, match="redirects"):
                ask(server)
        assert elsewhere.asked == []


def test_a_busy_server_is_asked_again(server, peer):
    peer.answer(503, b"busy")
    peer.answer()
    assert search(server) == []
    assert len(peer.asked) == 2


def test_retries_are_bounded(server, peer):
    peer.answer(503, b"busy", **{"Retry-After": "3600"})
    with pytest.raises(RemoteUnavailable, match="HTTP 503"):
        search(server)
    assert len(peer.asked) == 1 + QUICK.retries


@pytest.mark.parametrize(
    ("status", "kind"), [(401, RemoteRefused), (403, RemoteRefused), (404, RemoteFailure),
                         (500, RemoteFailure), (504, RemoteUnavailable)],
)  # fmt: skip
def test_every_status_has_its_error_without_secrets(server, peer, status, kind, caplog):
    caplog.set_level(logging.WARNING)
    peer.answer(status, b"hidden-word")
    for ask in (search, fetch):
        with pytest.raises(kind, match="PACS: ") as caught:
            ask(server)
        assert str(status) in caught.value.detail
        assert caught.value.status == 502
    assert "hidden-word" not in str(caught.value) + caplog.text


@pytest.mark.parametrize(
    "body", [b"<html>", b"{", b"7", b'"x"', b"[1, null, {}]", b'[{"0020000D": 3}]']
)
def test_an_answer_that_is_no_dicom_json_is_no_crash(server, peer, body):
    peer.answer(body=body)
    try:
        assert search(server) == []
    except RemoteFailure as failure:
        assert failure.detail.startswith("PACS: The search failed")


def test_a_large_or_inflated_answer_is_cut_off(server, peer, monkeypatch):
    monkeypatch.setattr(remote, "MAX_ANSWER_BYTES", 100_000)
    peer.answer(body=gzip.compress(b" " * 10_000_000), **{"Content-Encoding": "gzip"})
    with pytest.raises(RemoteFailure, match="too large"):
        search(server)


def test_an_answer_that_breaks_off_is_unavailable(server, peer):
    peer.answer(body=b"[", **{"Content-Length": "500"})
    with pytest.raises(RemoteUnavailable, match="broke off"):
        search(server)


def test_nobody_listening_is_unavailable(peer):
    server = RemoteServer(
        name="PACS", url="http://127.0.0.1:1/x", credentials=Credentials(), timeouts=QUICK
    )
    with pytest.raises(RemoteUnavailable, match="cannot be reached"):
        search(server)
    assert not server.is_answering()


def test_an_instance_comes_as_one_part_or_alone(server, peer):
    peer.answer(body=ONE_PART, content_type=MULTIPART)
    peer.answer(body=b"DICOM", content_type="application/dicom")
    assert fetch(server) == fetch(server) == b"DICOM"
    assert peer.asked[0][2]["Accept"].endswith("transfer-syntax=*")


@pytest.mark.parametrize("status", [400, 406])
def test_a_server_without_transfer_syntax_wildcard_is_asked_for_its_default_once(
    server, peer, status
):
    peer.answer(status, b"")
    peer.answer(body=ONE_PART, content_type=MULTIPART)
    assert fetch(server) == fetch(server) == b"DICOM"
    assert ["transfer-syntax" in asked[2]["Accept"] for asked in peer.asked] == [True, False, False]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html>"),
        (MULTIPART, ONE_PART[:-8]),
        (MULTIPART, b"--b--\r\n"),
        (MULTIPART, ONE_PART[:-7] + ONE_PART),
        (MULTIPART, b"no multipart at all"),
        ("multipart/related", ONE_PART),
    ],
)
def test_anything_but_one_whole_object_is_refused(content_type, body):
    with pytest.raises(BrokenAnswer):
        b"".join(single_object(content_type, [body]))


def test_an_object_survives_any_cut_of_the_stream():
    pieces = [bytes([byte]) for byte in ONE_PART]
    assert b"".join(single_object(MULTIPART, pieces)) == b"DICOM"


def test_an_object_over_the_limit_is_cut_off(server, peer, monkeypatch):
    monkeypatch.setattr(remote.storage, "MAX_INSTANCE_BYTES", 100)
    peer.answer(body=b"x" * 200, content_type="application/dicom")
    with pytest.raises(RemoteFailure, match="larger"):
        fetch(server)


@pytest.mark.parametrize("uid", ["../../etc", "1.2/3", "", "1..2", "1" * 65, "1.2?x", "a"])
def test_a_malformed_uid_never_becomes_part_of_an_address(server, peer, uid):
    peer.answer()
    with pytest.raises(RemoteFailure, match="malformed"):
        fetch(server, RemoteInstance("1.2", "1.2.3", uid))
    assert peer.asked == []
    record = {"0020000E": {"Value": ["1"]}, "00080018": {"Value": [uid]}}
    assert instance_of(record, "1.2") is None


def test_no_url_of_an_answer_is_read(server, peer):
    """RetrieveURL and BulkDataURI may name any host; nothing is fetched from there."""
    with peers.listening() as elsewhere:
        record = {
            "0020000D": {"vr": "UI", "Value": ["1.2"]},
            "00081190": {"vr": "UR", "Value": [elsewhere.url]},
            "00100010": {"vr": "PN", "BulkDataURI": elsewhere.url},
        }
        peer.answer(body=json.dumps([record]).encode())
        [study] = search(server)
        assert (study.study_instance_uid, study.patient_name) == ("1.2", "")
        assert elsewhere.asked == []


def test_instances_are_listed_to_the_end_whatever_the_page_size(server, peer):
    def page(*numbers):
        return json.dumps([
            {"0020000E": {"Value": ["1.3"]}, "00080018": {"Value": [f"1.4.{n}"]}} for n in numbers
        ]).encode()  # fmt: skip

    for body in (page(1, 2), page(3), page(3)):
        peer.answer(body=body)
    assert list(server.list_instances("1.2")) == ["1.4.1", "1.4.2", "1.4.3"]


def test_values_of_a_study_are_text_of_limited_length():
    record = {
        "0020000D": {"Value": ["1.2"]},
        "00100010": {"Value": [{"Alphabetic": "x" * 5000}]},
        "00080061": {"Value": ["CT", "CT", {"no": "text"}, None]},
        "00201208": {"Value": ["many"]},
    }
    study = study_of(record)
    assert (len(study.patient_name), study.modalities, study.instance_count) == (
        1000,
        ("CT",),
        None,
    )


def files_of(tmp_path, *uids):
    made = []
    for uid in uids:
        path = tmp_path / uid
        path.write_bytes(f"content of {uid}".encode())
        made.append(StoredFile(path, uid, path.stat().st_size))
    return made


def test_a_store_body_is_as_long_as_it_says(tmp_path):
    body = StoreBody(files_of(tmp_path, "1.1", "1.2"))
    sent = b"".join(body)
    assert len(sent) == len(body)
    assert sent.count(b"\r\n\r\ncontent of") == 2


def test_what_a_server_does_not_confirm_is_a_failure(server, peer, tmp_path):
    said = {
        "00081199": {"Value": [{"00081155": {"Value": ["1.1"]}}]},
        "00081198": {"Value": [{"00081155": {"Value": ["1.2"]}, "00081197": {"Value": [0xA701]}}]},
    }
    peer.answer(202, json.dumps(said).encode())
    outcome = server.store(files_of(tmp_path, "1.1", "1.2", "1.3"))
    assert outcome.stored == {"1.1"}
    assert outcome.failed == {
        "1.2": "out of resources (A701H)",
        "1.3": "not confirmed by the server",
    }


def test_a_batch_that_is_refused_as_a_whole_is_sent_one_by_one(server, peer, tmp_path):
    good = {"00081199": {"Value": [{"00081155": {"Value": ["1.1"]}}]}}
    peer.answer(400, b"")
    peer.answer(200, json.dumps(good).encode())
    peer.answer(400, b"")
    outcome = server.store(files_of(tmp_path, "1.1", "1.2"))
    assert (outcome.stored, outcome.failed) == ({"1.1"}, {"1.2": "the server answered HTTP 400"})


def test_an_unknown_failure_reason_is_shown_as_its_code():
    def item(code):
        return {
            "00081198": {"Value": [{"00081155": {"Value": ["1"]}, "00081197": {"Value": [code]}}]}
        }

    assert outcome_of(item(0x9999)).failed == {"1": "failure reason 9999H"}
    assert outcome_of(item(0xC123)).failed == {"1": "cannot be understood (C123H)"}
    assert outcome_of(item("x")).failed == {"1": "no reason given"}


def test_credentials_do_not_show_in_a_repr():
    assert "hidden" not in repr(Credentials(user="hidden-user", password="hidden", token="hidden"))


def test_a_sealed_secret_opens_in_its_place_only(settings):
    sealed = secretbox.seal("hidden-word", context="source 1")
    assert b"hidden" not in sealed
    assert sealed != secretbox.seal("hidden-word", context="source 1")
    assert secretbox.unseal(sealed, context="source 1") == "hidden-word"
    for broken in (sealed[:-1], b"", b"\x02" + sealed[1:]):
        with pytest.raises(SecretUnreadable):
            secretbox.unseal(broken, context="source 1")
    with pytest.raises(SecretUnreadable):
        secretbox.unseal(sealed, context="source 2")
    settings.CREDENTIALS_KEY = "another key of at least thirty-two characters"
    with pytest.raises(SecretUnreadable, match="CREDENTIALS_KEY"):
        secretbox.unseal(sealed, context="source 1")


@pytest.mark.parametrize("key", ["insecure-no-secret-key-yet-but-of-some-length", "short"])
def test_nothing_is_sealed_with_a_known_or_short_key(settings, key):
    settings.CREDENTIALS_KEY = key
    with pytest.raises(Conflict, match="CREDENTIALS_KEY"):
        secretbox.seal("hidden-word", context="source 1")
