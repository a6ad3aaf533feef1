"""What STOW-RS answers part by part, and that hostile files never break it."""

from pathlib import Path

import pytest
from django.db import transaction

from annotation.archive.models import Instance
from annotation.archive.services import indexing
from annotation.archive.services import ingest as ingest_module
from annotation.dicomweb import multipart
from annotation.imaging.plain import HEAD_BYTES
from annotation.labeling.models import Case
from tests import factories

SHARED = Path(__file__).parents[3] / "shared" / "data"
TYPE = multipart.content_type("application/dicom")


def store(client, cast, *bodies, url="studies"):
    parts = (multipart.Part("application/dicom", body) for body in bodies)
    return client.generic(
        "POST", f"/dicomweb/projects/{cast.project.pk}/{url}", b"".join(multipart.encode(parts)),
        content_type=TYPE,
    )  # fmt: skip


def test_good_parts_are_stored_and_bad_ones_reported(cast, client_of):
    answer = store(client_of(cast.manager), cast, factories.make_dicom("a"), b"garbage")
    body = answer.json()
    assert answer.status_code == 202
    assert len(body["00081199"]["Value"]) == 1
    assert body["0008119A"]["Value"][0]["00081197"]["Value"] == [0xC000]
    assert Instance.objects.count() == Case.objects.count() == 1


def test_what_is_parsed_while_it_arrives_is_stored_like_the_rest_or_refused_like_it(
    cast, client_of
):
    """Radiographs of 2 MiB are read when their beginning is there; one that is cut off must not pass."""
    client = client_of(cast.manager)
    whole, cut = factories.make_dicom("a", side=1024), factories.make_dicom("b", side=1024)[:-2]
    assert len(whole) > 2 * HEAD_BYTES
    answer = store(client, cast, whole, cut, factories.make_dicom("c"))
    assert answer.status_code == 202
    reason = answer.json()["0008119A"]["Value"][0]["00000902"]["Value"][0]
    assert reason.startswith("PixelData declares 2097152 bytes")
    assert {i.path.read_bytes() for i in Instance.objects.all()} == {
        whole,
        factories.make_dicom("c"),
    }


def test_nothing_readable_is_409_and_nothing_at_all_400(cast, client_of):
    client = client_of(cast.manager)
    assert store(client, cast, b"garbage").status_code == 409
    assert store(client, cast).status_code == 400


def test_other_bytes_under_a_known_uid_are_refused_and_the_first_kept(cast, client_of):
    client = client_of(cast.manager)
    first = factories.make_dicom("a")
    store(client, cast, first)
    changed = first.replace(b"P1", b"P1"[::-1])
    answer = store(client, cast, changed)
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0x0111]
    assert Instance.objects.get().path.read_bytes() == first


def test_a_repeat_is_200_and_another_study_in_the_url_is_refused(cast, client_of):
    client = client_of(cast.manager)
    data = factories.make_dicom("a")
    assert store(client, cast, data).status_code == 200
    assert store(client, cast, data).status_code == 200
    other = factories.make_dicom("other", patient="P2")
    assert store(client, cast, other, url="studies/1.2.3").status_code == 409
    assert Instance.objects.count() == 1


def test_a_wrong_content_type_is_415_and_a_broken_body_400(cast, client_of):
    client = client_of(cast.manager)
    url = f"/dicomweb/projects/{cast.project.pk}/studies"
    assert client.generic("POST", url, b"{}", content_type="application/json").status_code == 415
    assert client.generic("POST", url, b"nonsense", content_type=TYPE).status_code == 400
    zipped = client.generic(
        "POST", url, b"x", content_type=TYPE, headers={"Content-Encoding": "gzip"}
    )
    assert zipped.status_code == 415


def test_a_part_of_another_type_fails_alone(cast, client_of):
    client = client_of(cast.manager)
    parts = [
        multipart.Part("application/dicom", factories.make_dicom("a")),
        multipart.Part("text/plain", b"hello"),
    ]
    url = f"/dicomweb/projects/{cast.project.pk}/studies"
    body = b"".join(multipart.encode(parts))
    answer = client.generic("POST", url, body, content_type=TYPE)
    assert answer.status_code == 202
    assert "text/plain" in answer.json()["0008119A"]["Value"][0]["00000902"]["Value"][0]
    assert Instance.objects.count() == Case.objects.count() == 1


def test_pixel_bytes_that_look_like_a_boundary_survive(cast, client_of):
    data = bytearray(factories.make_dicom("a"))
    inside = f"--{multipart.BOUNDARY}".encode()
    data[2000 : 2000 + len(inside)] = inside
    assert store(client_of(cast.manager), cast, bytes(data)).status_code == 200
    assert Instance.objects.get().path.read_bytes() == bytes(data)


@pytest.mark.parametrize("cut", range(0, 9000, 512))
def test_a_file_cut_anywhere_is_refused_with_a_reason(cast, client_of, cut):
    answer = store(client_of(cast.manager), cast, factories.make_dicom("a")[:cut])
    assert answer.status_code == 409
    reason = answer.json()["0008119A"]["Value"][0]["00000902"]["Value"][0]
    assert reason
    assert Instance.objects.count() == 0


def broken_files():
    folder = SHARED / "dicom-broken"
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else []


def test_no_broken_file_ever_gives_a_server_error(cast, client_of):
    """Everything in dicom-broken (where present) and our own: stored or refused, read or 4xx."""
    client = client_of(cast.manager)
    own = [b"", b"DICM", bytes(128) + b"DICM", bytes(200), factories.make_dicom("a")[:-1]]
    files = [p.read_bytes() for p in broken_files()] + own
    for data in files:
        answer = store(client, cast, data)
        assert answer.status_code in (200, 202, 409), answer.content[:200]
    root = f"/dicomweb/projects/{cast.project.pk}"
    for instance in Instance.objects.select_related("series__study"):
        series = instance.series
        base = (
            f"{root}/studies/{series.study.study_instance_uid}"
            f"/series/{series.series_instance_uid}/instances/{instance.sop_instance_uid}"
        )
        for path in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/frames/999"):
            answer = client.get(base + path)
            assert answer.status_code in (200, 404, 406), (path, answer.status_code)
    assert client.get(f"{root}/studies").status_code in (200, 204)
    assert client.get(f"/api/v1/projects/{cast.project.pk}/cases").status_code == 200


def test_a_crash_between_file_and_row_leaves_no_row_and_a_retry_works(cast, monkeypatch):
    class Crash(Exception):
        pass

    def crash(*_):
        raise Crash

    data = factories.make_dicom("a")
    with monkeypatch.context() as patch:
        patch.setattr(indexing.Places, "count", crash)
        with pytest.raises(Crash), transaction.atomic():
            ingest_module.ingest(collection=cast.project.collection, chunks=[data])
    assert Instance.objects.count() == 0
    made = ingest_module.ingest(collection=cast.project.collection, chunks=[data])
    assert made.instance.path.read_bytes() == data


def test_orphaned_files_are_collected_and_referenced_ones_kept(cast, settings):
    import hashlib

    from annotation.archive import storage
    from annotation.archive.services.garbage import collect_garbage

    kept = factories.make_study(cast.project).series.get().instances.get()
    orphan = storage.blob_path(storage.keep_bytes(b"left by a crash"))
    assert orphan.name == hashlib.sha256(b"left by a crash").hexdigest()
    collect_garbage(also_referenced=[], min_age_s=-1)
    assert not orphan.exists()
    assert kept.path.exists()
