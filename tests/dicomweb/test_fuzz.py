"""Requests that nobody would think of, to every route: 2xx, 3xx or 4xx, never an error of ours."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import composite
from schemathesis.checks import not_a_server_error

from annotation.dicomweb.urls import resources
from tests import factories
from tests.dicomweb.wire import content, place_of, read

# A bundle of a model arrives as bytes: what is generated is no ZIP, and must be refused as that.
schemathesis.serializer.alias("application/zip", "application/octet-stream")

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.yaml"
QUICK = settings(
    max_examples=1000, deadline=None, database=None, derandomize=True,
    phases=[Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
PER_ROUTE = settings(QUICK, max_examples=16)
NAMES = ["PatientName", "StudyDate", "StudyTime", "00080061", "limit", "offset", "includefield",
         "fuzzymatching", "accept", "window", "viewport", "quality", "requestType", "studyUID",
         "seriesUID", "objectUID", "contentType", "frameNumber", "rows", "columns", "Rows",
         "RequestAttributesSequence.ScheduledProcedureStepID", "StudyInstanceUID", "PixelSpacing",
         "transferSyntax", "windowCenter", "windowWidth", "NumberOfFrames", "00091010"]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(["", "*", "?", "-", "1-", "nan", "1e999", "all", "true", "WADO", "20240101-",
                     "1,2", "\\", "40,400,sigmoid", "10,10,1,1,-5,5", "(?=x)", "[[:alpha:]]",
                     "*/*", "image/png", "application/dicom", "9" * 400, "\x00", "%", "{}", "$.x"]),
    st.text(max_size=30),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
)  # fmt: skip
ACCEPTS = st.one_of(
    st.sampled_from(["", "*/*", "image/*", "image/jphc", "application/dicom+json", "image/gif",
                     'multipart/related; type="application/dicom+xml"', "image/dicom-rle",
                     'multipart/related; type="*/*"; transfer-syntax=*', "image/jls", "image/jpeg",
                     'multipart/related; type="application/dicom"; transfer-syntax=1.2.3']),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
)  # fmt: skip
UIDS = st.from_regex(r"[0-9.]{1,64}", fullmatch=True)
NUMBERS = st.one_of(
    st.sampled_from(["1", "2", "1,2", "1-2", "0", "x", "1-", "9" * 21]), st.text(max_size=5)
)
TAGS = st.one_of(
    st.sampled_from(["7FE00010", "00091010", "00080018", "00081140.0.00081150"]),
    st.text(max_size=9),
)
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "PATCH"])


@composite
def requests_to(draw, place):
    """(method, path, query, headers) for one of our routes, about what is stored or is not."""
    route = str(draw(st.sampled_from(resources)).pattern)
    known = place.split("/")[1::2]
    for name, value in zip(("study_uid", "series_uid", "instance_uid"), known, strict=True):
        uid = draw(UIDS) if draw(st.integers(0, 5)) == 0 else value
        route = route.replace(f"<uid:{name}>", uid)
    route = route.replace("<str:numbers>", draw(NUMBERS)).replace("<str:tag>", draw(TAGS))
    query = draw(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=3))
    headers = {"Accept": draw(ACCEPTS)}
    if draw(st.booleans()):
        headers["Range"] = draw(
            st.sampled_from(["bytes=0-", "bytes=-1", "bytes=9-1", "x", "bytes=,"])
        )
    return draw(METHODS), route, query, headers


@pytest.mark.timeout(300)
def test_no_request_to_a_dicomweb_route_is_our_error(here):
    data = factories.make_dicom("fuzz")
    here.store(data)
    here.client.raise_request_exception = False
    asked = []

    @QUICK
    @given(requests_to(place_of(read(data))))
    def ask(request):
        method, path, query, headers = request
        answer = here.client.generic(
            method, f"{here.url}/{path}", query_params=query, headers=headers
        )
        asked.append(answer.status_code)
        assert answer.status_code < 500, (request, content(answer)[:300])

    ask()
    assert {200, 400, 404, 406} <= set(asked)


@pytest.mark.timeout(300)
def test_no_body_or_content_type_of_a_store_is_our_error(here):
    here.client.raise_request_exception = False
    good = factories.make_dicom("good")

    @settings(QUICK, max_examples=150)
    @given(
        st.sampled_from(["application/dicom", "application/dicom+json", "text/plain", '"']),
        st.one_of(st.binary(max_size=300), st.just(good), st.integers(0, 4000).map(lambda n: good[:n]),
                  st.sampled_from([b"[]", b"[{}]", b'[{"00080018":{"vr":"UI","Value":["1"]}}]',
                                   b"[" * 100_000, b'[{"7FE00010":[]}]', b"{}", b"null"])),
        st.sampled_from(["\r\n", "\n", ""]),
    )  # fmt: skip
    def send(part_type, data, line):
        head = f"--b{line}Content-Type: {part_type}{line}{line}".encode()
        body = head + data + f"{line}--b--{line}".encode()
        answer = here.post(body, f'multipart/related; type="{part_type}"; boundary=b')
        assert answer.status_code < 500, (part_type, data[:50], content(answer)[:300])

    send()


@pytest.mark.timeout(300)
def test_no_request_made_of_the_openapi_file_is_our_error(root, server, live_cast, session_of):
    [case_row] = factories.make_cases(live_cast.project, 1)
    known = {"project_id": str(live_cast.project.pk), "case_id": str(case_row.pk)}
    schema = schemathesis.openapi.from_path(OPENAPI)
    session = session_of(live_cast.manager)
    seen = set()
    for operation in schema.get_all_operations():
        api = operation.ok()

        @PER_ROUTE
        @given(api.as_strategy(), st.booleans())
        def ask(case, is_known):
            named = known.keys() & case.path_parameters.keys() if is_known else ()
            case.path_parameters.update({name: known[name] for name in named})
            answer = case.call(base_url=server, session=session)
            seen.add(answer.status_code)
            case.validate_response(answer, checks=[not_a_server_error])

        ask()
    assert seen >= {200, 400, 404}
