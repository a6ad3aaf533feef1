"""Stores of JSON metadata with bulk data in parts of their own (PS3.18 §10.5.1.2)."""

import json

import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import RLELossless

from annotation.archive.models import Instance
from annotation.dicomweb import incoming
from tests import factories
from tests.dicomweb import hostile
from tests.dicomweb.wire import BOUNDARY, content, place_of, read, reasons, stored_uids

JSON, OCTETS = "application/dicom+json", "application/octet-stream"
TYPE = f'multipart/related; type="{JSON}"; boundary={BOUNDARY}'


def part(content_type, data, location=""):
    named = f"Content-Location: {location}\r\n" if location else ""
    head = f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\n{named}\r\n"
    return head.encode() + data + b"\r\n"


def send(root, *parts):
    return root.post(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), TYPE)


def metadata_of(dataset, location="pixels"):
    body = dataset.to_json_dict()
    body["7FE00010"] = {"vr": "OW", "BulkDataURI": location}
    return body


@pytest.fixture
def dataset():
    return read(factories.make_dicom("composed"))


def test_metadata_and_pixels_make_the_object(here, dataset):
    answer = send(
        here, part(JSON, json.dumps([metadata_of(dataset)]).encode()),
        part(OCTETS, dataset.PixelData, "pixels"),
    )  # fmt: skip
    assert answer.status_code == 200, content(answer)
    back = read(content(here.get(place_of(dataset), "application/dicom; transfer-syntax=*")))
    assert back.PixelData == dataset.PixelData
    assert back.to_json_dict() == dataset.to_json_dict()


def test_compressed_pixels_stay_compressed(here):
    compressed = read(hostile.in_syntax("rle", RLELossless))
    [frame] = generate_frames(compressed.PixelData, number_of_frames=1)
    answer = send(
        here, part(JSON, json.dumps([metadata_of(compressed)]).encode()),
        part(f"image/dicom-rle; transfer-syntax={RLELossless}", frame, "pixels"),
    )  # fmt: skip
    assert answer.status_code == 200, content(answer)
    stored = here.get(f"{place_of(compressed)}/frames/1", "image/dicom-rle")
    assert content(stored).rstrip(b"\0") == frame.rstrip(b"\0")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body: body.update({"7FE00010": {"vr": "OW", "BulkDataURI": "nowhere"}}), "nowhere"),
        (lambda body: body.update({"7FE00010": {"vr": "OW", "BulkDataURI": "../../etc/passwd"}}), "passwd"),
        (lambda body: body.update({"7FE00010": []}), ""),
        (lambda body: body.pop("00080018"), "SOPInstanceUID"),
        (lambda body: body.update({"00080018": {"vr": "UI", "Value": ["<script>"]}}), "SOPInstanceUID"),
        (lambda body: body.update({"00280010": {"vr": "US", "Value": [65_535]}}), "declared"),
        (lambda body: body.update({"00280010": {"vr": "US", "Value": ["x"]}}), "dataset"),
        (lambda body: body.update({"0009": 1}), ""),
    ],
)  # fmt: skip
def test_a_bad_dataset_is_refused_and_the_good_one_beside_it_stored(here, dataset, change, reason):
    good = read(factories.make_dicom("good", patient="P2"))
    bad = metadata_of(dataset)
    change(bad)
    answer = send(
        here, part(JSON, json.dumps([bad, metadata_of(good)]).encode()),
        part(OCTETS, good.PixelData, "pixels"),
    )  # fmt: skip
    assert answer.status_code == 202, content(answer)[:300]
    assert stored_uids(answer) == [good.SOPInstanceUID]
    assert reason in reasons(answer)[0]
    assert Instance.objects.count() == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[1]", b"[" * 200_000, b'["a"]',
                                  b"[" + b"{}," * 6000 + b"{}]"])  # fmt: skip
def test_metadata_that_is_none_is_400(here, body):
    answer = send(here, part(JSON, body))
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_metadata_beyond_the_limit_and_in_two_parts_is_400(here, monkeypatch):
    assert send(here, part(JSON, b"[]"), part(JSON, b"[]")).status_code == 400
    assert send(here, part(OCTETS, b"x", "pixels")).status_code == 400
    monkeypatch.setattr(incoming, "MAX_METADATA_BYTES", 1000)
    assert send(here, part(JSON, b"[" + b" " * 5000 + b"]")).status_code == 400
