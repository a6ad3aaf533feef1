"""Hostile files and requests: 2xx or 4xx with a reason, and the good instances are stored."""

import numpy as np
import pytest
from pydicom.uid import RLELossless

from annotation.archive import storage
from annotation.archive.models import Instance
from tests import factories
from tests.dicomweb import hostile, wire
from tests.dicomweb.wire import content, place_of, read, reasons, stored_uids

RARE = "".join(map(chr, np.random.default_rng(7).integers(0x4E00, 0x9C00, 1000)))

REFUSED = {
    "500 sequences deep": lambda: hostile.nested(500, is_defined=True),
    "500 open sequences deep": lambda: hostile.nested(500, is_defined=False),
    "200,000 sequences deep": lambda: hostile.nested(200_000, is_defined=True),
    "200,000 open sequences deep": lambda: hostile.nested(200_000, is_defined=False),
    "more rows than pixels": lambda: hostile.with_values("r", Rows=65_535, Columns=65_535),
    "no rows": lambda: hostile.with_values("0", Rows=0),
    "rows of UL": lambda: hostile.with_raw_value("ul", "Rows", "UL", b"\x40\0\0\0"),
    "negative bits": lambda: hostile.with_raw_value("-", "BitsAllocated", "SS", b"\xf0\xff"),
    "negative bits and samples": lambda: hostile.with_raw_value("s", "SamplesPerPixel", "SS", b"\xff\xff"),
    "99,999 frames": lambda: hostile.with_values("f", NumberOfFrames=99_999),
    "frames beyond counting": lambda: hostile.with_raw_value("n", "NumberOfFrames", "IS", b"9" * 5000),
    "a path as UID": lambda: hostile.with_raw_value("p", "SOPInstanceUID", "UI", b"../../etc/passwd"),
    "markup as UID": lambda: hostile.with_raw_value("x", "StudyInstanceUID", "UI", b"<script>"),
    "NUL inside a UID": lambda: hostile.with_raw_value("z", "SeriesInstanceUID", "UI", b"1.2\x003.4\0"),
    "a UID too long": lambda: hostile.with_raw_value("l", "SOPInstanceUID", "UI", b"1." * 40),
    "a deflate bomb": lambda: hostile.deflate_bomb("bomb", 2**30),
    "a deflate bomb behind an odd element": lambda: hostile.with_odd_meta(
        hostile.deflate_bomb("bomb", 2**30), vr=b"ZZ", length=6),
    "a deflate bomb behind a long element": lambda: hostile.with_odd_meta(
        hostile.deflate_bomb("bomb", 2**30), vr=b"LO", length=9_000),
    "an empty part": lambda: b"",
    "text": lambda: b"<html><script>alert(1)</script></html>" * 100,
}  # fmt: skip
STORED = {
    "names with markup": lambda: hostile.with_values("xss", PatientName="<script>alert(1)</script>"),
    "names with quotes": lambda: hostile.with_values("sql", StudyDescription="'; drop table x; --\""),
    "a path as patient": lambda: hostile.with_raw_value("path", "PatientID", "LO", b"../../etc/x\0\0"),
    "text that no index holds": lambda: hostile.with_values("long", PatientID=RARE, AccessionNumber=RARE,
                                                            SpecificCharacterSet="ISO_IR 192"),
    "an infinite slope": lambda: hostile.with_raw_value("inf", "RescaleSlope", "DS", b"1e999 "),
    "a slope that is none": lambda: hostile.with_raw_value("nan", "RescaleSlope", "DS", b"nan "),
    "numbers beyond counting": lambda: hostile.with_raw_value("i", "InstanceNumber", "IS", b"9" * 4000),
    "palette out of range": lambda: hostile.with_palette_index_out_of_range("palette"),
    "90 sequences deep": lambda: hostile.nested(90, is_defined=False),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_lies_is_refused_alone_with_a_reason(here, name):
    good = factories.make_dicom("good")
    answer = here.store(REFUSED[name](), good)
    assert answer.status_code == 202, content(answer)[:300]
    assert stored_uids(answer) == [str(read(good).SOPInstanceUID)]
    assert len(reasons(answer)[0]) > 8
    assert Instance.objects.count() == 1


@pytest.mark.parametrize("name", STORED)
def test_what_is_odd_is_stored_and_every_answer_about_it_is_sound(here, name):
    data = STORED[name]()
    good = factories.make_dicom("good", patient="someone else")
    answer = here.store(data, good)
    assert answer.status_code in (200, 202), content(answer)[:300]
    assert len(stored_uids(answer)) == 2, reasons(answer)
    place = place_of(read(data))
    statuses = {path: here.get(f"{place}{path}").status_code
                for path in ("/metadata", "/rendered", "/thumbnail", "/frames/1")}  # fmt: skip
    assert statuses["/metadata"] == statuses["/frames/1"] == 200
    assert {statuses["/rendered"], statuses["/thumbnail"]} <= {200, 406}
    assert content(here.get(place, "application/dicom; transfer-syntax=*")) == data
    assert len(here.search("studies", includefield="all")) == 2
    assert here.get("studies").headers["X-Content-Type-Options"] == "nosniff"


def test_unusable_slopes_are_named_when_a_picture_is_asked_for(here):
    for name in ("an infinite slope", "a slope that is none"):
        data = STORED[name]()
        here.store(data)
        answer = here.get(f"{place_of(read(data))}/rendered", "image/png")
        assert answer.status_code == 406
        assert "RescaleSlope" in answer.json()["detail"]


@pytest.mark.parametrize("syntax", [hostile.IMPLICIT, hostile.DEFLATED, RLELossless])
def test_a_file_cut_at_every_512_bytes_is_refused_and_the_whole_one_stored(here, syntax):
    whole = hostile.in_syntax("cut", syntax)
    cuts = [whole[:size] for size in range(0, len(whole) - 1, 512)]
    answer = here.store(*cuts, whole)
    assert answer.status_code == 202
    assert len(reasons(answer)) == len(cuts)
    assert all(reasons(answer))
    assert stored_uids(answer) == [str(read(whole).SOPInstanceUID)]
    assert content(here.get(place_of(read(whole)), "application/dicom; transfer-syntax=*")) == whole


def test_one_object_beyond_the_limit_leaves_the_others_alone(here, monkeypatch):
    monkeypatch.setattr(storage, "MAX_INSTANCE_BYTES", 20_000)
    small, large = factories.make_dicom("small"), factories.make_dicom("large", side=256)
    answer = here.store(small, large, factories.make_dicom("last", patient="P2"))
    assert answer.status_code == 202
    assert len(stored_uids(answer)) == 2
    assert "may not exceed" in reasons(answer)[0]


def test_too_many_parts_and_too_long_headers_end_the_body_and_keep_what_came_before(here):
    good = wire.body_of(factories.make_dicom("good")).removesuffix(
        f"--{wire.BOUNDARY}--\r\n".encode()
    )
    many = good + wire.body_of(*[b""] * 20_001, part_type="text/plain")
    long = good + f"--{wire.BOUNDARY}\r\nX: {'x' * 20_000}\r\n\r\n".encode()
    for body, reason in ((many, "more than 20000 parts"), (long, "header")):
        answer = here.post(body)
        assert answer.status_code == 202
        assert reason in reasons(answer)[-1]
        assert len(stored_uids(answer)) == 1


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("multipart/related", 400), ('multipart/related; type="application/dicom"', 400),
     (f"multipart/related; boundary={'x' * 300}", 400), ("multipart/form-data; boundary=x", 415),
     ('multipart/related; type="text/html"; boundary=x', 415), ("", 415), ("\x01;;;=", 415)],
)  # fmt: skip
def test_a_body_that_says_nothing_useful_of_itself_is_refused(here, content_type, status):
    assert here.post(wire.body_of(b"x"), content_type).status_code == status


@pytest.mark.parametrize(
    "query",
    ["window=nan,nan", "window=1", "window=1,0", "window=1,1,cubic", "viewport=0,0",
     "viewport=99999999,99999999", "viewport=nan,1", "viewport=1", "viewport=10,10,-1e9,0",
     "quality=0", "quality=101", "quality=x", f"quality={'0' * 3}{'9' * 5000}", "quality=-1"],
)  # fmt: skip
def test_nonsense_about_a_picture_is_400(here, query):
    here.store(factories.make_dicom("a"))
    url = f"{place_of(read(factories.make_dicom('a')))}/rendered?{query}"
    answer = here.get(url, "image/jpeg")
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_region_outside_the_image_is_named(here):
    here.store(factories.make_dicom("a"))
    place = place_of(read(factories.make_dicom("a")))
    answer = here.get(f"{place}/rendered?viewport=10,10,60,60,60,60", "image/jpeg")
    assert answer.status_code == 406
    assert "outside" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("numbers", "status"),
    [("1", 200), ("1,1,1", 200), ("1-1", 200), ("2", 404), ("0", 404), ("9" * 20, 404),
     ("9" * 30, 400), ("x", 400), ("-1", 400), ("1-", 400), ("1,", 400), ("²", 400),
     (",".join(["1"] * 1001), 400), ("1-999999999", 404)],
)  # fmt: skip
def test_frame_lists(here, numbers, status):
    here.store(factories.make_dicom("a"))
    place = place_of(read(factories.make_dicom("a")))
    assert here.get(f"{place}/frames/{numbers}").status_code == status


@pytest.mark.parametrize("accept", ["nonsense", ";;;,,,=\"", "*/*;q=x", "image/x", "q=1", ",", "a" * 9000])  # fmt: skip
def test_no_accept_header_breaks_an_answer(here, accept):
    here.store(factories.make_dicom("a"))
    place = place_of(read(factories.make_dicom("a")))
    for path in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail"):
        assert here.get(f"{place}{path}", accept).status_code in (200, 406)


def test_names_that_point_elsewhere_find_nothing(here):
    here.store(factories.make_dicom("a"))
    place = place_of(read(factories.make_dicom("a")))
    for tag in ("../../x", "7FE00010.x", "-1", "0" * 5000, "00080018", "%00"):
        assert here.get(f"{place}/bulkdata/{tag}").status_code == 404
    for uid in ("1%00", "x", "1" * 70, "../1"):
        query = f"wado?requestType=WADO&studyUID={uid}&seriesUID=1&objectUID=1"
        assert here.get(query).status_code == 404
