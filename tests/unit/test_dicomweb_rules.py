"""Negotiation, multipart and matching: pure rules of the DICOMweb face."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.downloads import parse_range
from annotation.dicomweb import multipart
from annotation.dicomweb.matching import BadQuery, parse_query
from annotation.dicomweb.negotiation import NotAcceptable, choose_frames, choose_type, parse_accept

J2K, LE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    ("accept", "stored", "media_type", "syntax", "is_multipart", "is_stored"),
    [
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", J2K, "image/jp2", J2K, True, True),
        ('multipart/related; type="application/octet-stream"', J2K, "application/octet-stream", LE, True, False),
        ('multipart/related; type="*/*"', LE, "application/octet-stream", LE, True, True),
        ("image/jp2", J2K, "image/jp2", J2K, False, True),
        ("application/octet-stream; transfer-syntax=*", "1.2.840.10008.1.2", "application/octet-stream", LE, False, True),
        ("", LE, "application/octet-stream", LE, True, True),
        (f"image/jpeg;q=0.1, application/octet-stream; transfer-syntax={LE}", J2K, "application/octet-stream", LE, False, False),
    ],
)  # fmt: skip
def test_frames_are_negotiated(accept, stored, media_type, syntax, is_multipart, is_stored):
    choice = choose_frames(parse_accept(accept), stored, can_serve_stored=True)
    found = (choice.media_type, choice.transfer_syntax, choice.is_multipart, choice.is_stored)
    assert found == (media_type, syntax, is_multipart, is_stored)


def test_what_cannot_be_served_is_not_acceptable():
    with pytest.raises(NotAcceptable):
        choose_frames(parse_accept("image/jls"), J2K, can_serve_stored=True)
    with pytest.raises(NotAcceptable):
        choose_type(parse_accept("text/html"), ["application/dicom+json"])
    with pytest.raises(NotAcceptable):
        choose_type(parse_accept("application/dicom+json;q=0"), ["application/dicom+json"])


def test_quality_decides_the_order_and_quotes_hold_commas():
    ranges = parse_accept('image/png;q=0.2, multipart/related; type="a,b";q=0.9')
    assert [r.media_type for r in ranges] == ["a,b", "image/png"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(1, 64))
def test_multipart_round_trips_whatever_the_chunks(bodies, size):
    message = b"".join(multipart.encode(multipart.Part("application/dicom", b) for b in bodies))
    found: list[bytearray] = []
    types: list[str] = []

    def begin(headers):
        types.append(headers.media_type)
        found.append(bytearray())

    reader = multipart.Reader(
        multipart.BOUNDARY.encode(),
        on_part=begin,
        on_data=lambda data: found[-1].extend(data),
        on_end=lambda: None,
    )
    for start in range(0, len(message), size):
        reader.feed(message[start : start + size])
    reader.finish()
    assert [bytes(f) for f in found] == bodies
    assert set(types) == {"application/dicom"}


def test_a_message_without_its_end_is_broken():
    message = b"".join(multipart.encode([multipart.Part("application/dicom", b"abc")]))
    reader = multipart.Reader(
        multipart.BOUNDARY.encode(), on_part=lambda _: None, on_data=lambda _: None,
        on_end=lambda: None,
    )  # fmt: skip
    reader.feed(message[:-10])
    with pytest.raises(multipart.BrokenMultipart, match="closing"):
        reader.finish()


def test_content_type_must_be_multipart_with_a_boundary():
    good = 'multipart/related; type="application/dicom"; boundary="a b"'
    types = ("application/dicom", "application/dicom+json")
    assert multipart.boundary_of(good, types) == ("application/dicom", b"a b")
    with pytest.raises(LookupError):
        multipart.boundary_of("application/json", types)
    with pytest.raises(multipart.BrokenMultipart):
        multipart.boundary_of("multipart/related", types)


def test_queries_become_typed_conditions():
    query = parse_query(
        [("PatientName", "M*ller^J?"), ("00080020", "20240101-"), ("StudyInstanceUID", "1.2,3.4"),
         ("PatientID", "*"), ("limit", "5"), ("includefield", "00081030"), ("nonsense", "1")]
    )  # fmt: skip
    name, day, uid = query.conditions
    assert (name.kind, name.regex) == ("pattern", r"^M.*ller\^J.$")
    assert (day.keyword, day.start, day.end) == ("StudyDate", date(2024, 1, 1), None)
    assert uid.values == ("1.2", "3.4")
    assert (query.limit, query.include, query.unknown) == (5, ("StudyDescription",), ("nonsense",))


@pytest.mark.parametrize(
    "parameter", [("limit", "-1"), ("offset", "x"), ("StudyDate", "yesterday")]
)
def test_malformed_parameters_are_named(parameter):
    with pytest.raises(BadQuery, match=parameter[0]):
        parse_query([parameter])


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, None), ("bytes=0-4", (0, 4)), ("bytes=5-", (5, 9)), ("bytes=-3", (7, 9)),
     ("bytes=0-99", (0, 9)), ("items=1-2", None)],
)  # fmt: skip
def test_byte_ranges(header, expected):
    assert parse_range(header, 10) == expected


def test_a_range_outside_the_file_is_refused():
    with pytest.raises(ValueError, match="bytes=10-"):
        parse_range("bytes=10-", 10)
