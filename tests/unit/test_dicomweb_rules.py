"""Negotiation, multipart and matching: pure rules of the DICOMweb face."""

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.downloads import parse_range
from annotation.dicomweb import multipart
from annotation.dicomweb.matching import BadQuery, parse_query
from annotation.dicomweb.negotiation import (
    NotAcceptable,
    choose_frames,
    choose_instances,
    choose_type,
    parse_accept,
)

J2K, LE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"
HTJ2K, RPCL = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"


PARTS = "multipart/related; type="
BROWSER = "image/jphc; transfer-syntax=*, application/octet-stream; transfer-syntax=*; q=0.9"


@pytest.mark.parametrize(
    ("accept", "stored", "source", "syntax", "is_multipart"),
    [
        (f"{PARTS}application/octet-stream; transfer-syntax=*", J2K, "stored", J2K, True),
        (f'{PARTS}"application/octet-stream"', J2K, "decoded", LE, True),
        (f'{PARTS}"*/*"', LE, "stored", LE, True),
        (f'{PARTS}"*/*"', J2K, "decoded", LE, True),
        (f'{PARTS}"image/jphc"', J2K, "encoded", HTJ2K, True),
        (f'{PARTS}"image/jphc"; transfer-syntax={RPCL}', LE, "encoded", RPCL, True),
        ("image/jp2", J2K, "stored", J2K, False),
        ("image/jp2", LE, "encoded", J2K, False),
        ("application/octet-stream; transfer-syntax=*", "1.2.840.10008.1.2", "stored", LE, False),
        ("", LE, "stored", LE, True),
        (f"image/jls;q=0.1, application/octet-stream; transfer-syntax={LE}", J2K, "decoded", LE, False),
        (BROWSER, J2K, "stored", J2K, False),
    ],
)  # fmt: skip
def test_frames_are_negotiated(accept, stored, source, syntax, is_multipart):
    choice = choose_frames(parse_accept(accept), stored)
    assert (choice.source, choice.transfer_syntax, choice.is_multipart) == (
        source, syntax, is_multipart,
    )  # fmt: skip


def test_a_browser_gets_prepared_frames_and_never_those_it_misreads():
    accept = parse_accept(BROWSER)
    assert choose_frames(accept, J2K, prepared=RPCL).source == "prepared"
    assert choose_frames(accept, J2K, is_misread=True).source == "decoded"
    assert choose_frames(accept, J2K, is_misread=True, prepared=RPCL).source == "prepared"
    archive = parse_accept("application/octet-stream; transfer-syntax=*")
    assert choose_frames(archive, J2K, is_misread=True, prepared=RPCL).source == "stored"


def test_instances_come_as_stored_or_in_the_syntax_that_everyone_reads():
    def choose(accept):
        return choose_instances(parse_accept(accept))

    assert choose(f'{PARTS}"application/dicom"; transfer-syntax=*') == ("*", True)
    assert choose(f'{PARTS}"application/dicom"') == (LE, True)
    assert choose("application/dicom; transfer-syntax=*") == ("*", False)
    assert choose("") == ("*", True)
    with pytest.raises(NotAcceptable):
        choose(f"application/dicom; transfer-syntax={J2K}")


def test_what_cannot_be_served_is_not_acceptable():
    with pytest.raises(NotAcceptable):
        choose_frames(parse_accept("image/jxl"), J2K)
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


def test_multipart_is_read_the_same_wherever_two_pieces_meet():
    """Also with data that looks like a delimiter, and with none at all."""
    bodies = [b"\r\n--" + multipart.BOUNDARY.encode()[:20], b"", b"--\r\n\r\n--"]
    message = b"".join(multipart.encode(multipart.Part("application/dicom", b) for b in bodies))
    for cut in range(len(message) + 1):
        found: list[bytearray] = []
        reader = multipart.Reader(
            multipart.BOUNDARY.encode(), on_part=lambda _, found=found: found.append(bytearray()),
            on_data=lambda data, found=found: found[-1].extend(data), on_end=lambda: None,
        )  # fmt: skip
        reader.feed(message[:cut])
        reader.feed(message[cut:])
        reader.finish()
        assert [bytes(f) for f in found] == bodies, cut


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


def only(name, value, **more):
    [condition] = parse_query([(name, value), *more.items()]).conditions
    return condition


def test_queries_become_typed_conditions():
    query = parse_query(
        [("00080020", "20240101-"), ("StudyInstanceUID", "1.2,3.4"), ("PatientID", "*"),
         ("limit", "5"), ("includefield", "00081030,all"), ("nonsense", "1")]
    )  # fmt: skip
    day, uid = query.conditions
    assert (day.tag, day.kind, day.start, day.end) == ("00080020", "range", "20240101", "")
    assert uid.values == ("1.2", "3.4")
    assert (query.limit, query.include, query.include_all) == (5, ("00081030",), True)


def test_sequence_keys_are_paths_by_keyword_or_tag():
    by_keyword = only("RequestAttributesSequence.ScheduledProcedureStepID", "7")
    by_tag = only("00400275.00400009", "7")
    assert by_keyword == by_tag
    assert by_tag.path == ("00400275", "00400009")


@pytest.mark.parametrize(
    ("pattern", "name", "is_match"),
    [
        ("M*ller^J?", "Müller^Jo", True), ("müller^jo", "Müller^Jo", True),
        ("Müller", "Müller^Jo", False), ("Yamada^Tarou", "Yamada^Tarou=山田^太郎=やまだ", True),
        ("山田*", "Yamada^Tarou=山田^太郎=やまだ", True), ("Doe^Jane", "Doe^Jane^^Dr", False),
        ("Doe^Jane", "Doe^Jane^^", True), ("a.c", "abc", False), ("a(*", "a(b", True),
    ],
)  # fmt: skip
def test_names_match_in_any_group_and_case(pattern, name, is_match):
    regex = only("PatientName", pattern).regex
    assert bool(re.search(regex, name, re.IGNORECASE)) is is_match


@pytest.mark.parametrize(
    ("words", "name", "is_match"),
    [("muller", "Müller^Hans", True), ("hans mul", "Müller^Hans", True),
     ("ller", "Müller^Hans", False), ("José", "Garcia^Jose", True)],
)  # fmt: skip
def test_fuzzy_names_match_the_beginnings_of_words_without_accents(words, name, is_match):
    regex = only("PatientName", words, fuzzymatching="true").regex
    assert bool(re.search(regex, name, re.IGNORECASE)) is is_match


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(blacklist_characters="*?\x00"), min_size=1, max_size=40))
def test_a_value_without_wildcards_matches_itself(value):
    condition = only("StudyDescription", value + "*")
    assert re.search(condition.regex, value, re.DOTALL)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=60))
def test_no_query_breaks_the_parser(name, value):
    with contextlib.suppress(BadQuery):
        parse_query([(name, value), ("StudyDate", value), ("PatientName", value)])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_accept_header_breaks_negotiation(header):
    with contextlib.suppress(NotAcceptable):
        choose_frames(parse_accept(header), J2K)


@pytest.mark.parametrize(
    "parameter",
    [("limit", "-1"), ("offset", "x"), ("StudyDate", "yesterday"), ("StudyDate", "20240231"),
     ("StudyTime", "2500"), ("StudyDate", "-")],
)  # fmt: skip
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
