"""The fast lane for frames answers what Django answers, and no later than Django forgets."""

import re
import statistics
import time

import pytest
import requests  # noqa: TID251  the far end of the wire: what clients really send
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from knox.models import AuthToken

from annotation.archive.services import preparation
from annotation.dicomweb import express
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.labeling.services.projects import remove_member
from tests import factories
from tests.dicomweb.wire import Root, place_of, read

OCTETS = "application/octet-stream"
ACCEPTS = [OCTETS, f'multipart/related; type="{OCTETS}"; transfer-syntax=*', "*/*", "",
           "image/jphc; transfer-syntax=*, application/octet-stream; transfer-syntax=*; q=0.9"]  # fmt: skip
VARYING = {"date", "content-length", "transfer-encoding", "server", "connection"}


@pytest.fixture
def stored(root):
    data = factories.make_dicom("a")
    assert root.store(data).status_code == 200
    return read(data)


@pytest.fixture
def cookie_root(root, live_cast, settings):
    """The same root for a browser that is signed in."""
    user = live_cast.annotator
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    browser = requests.Session()
    browser.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return Root(root.url, browser), session


def told(answer):
    headers = {n.lower(): v for n, v in answer.headers.items() if n.lower() not in VARYING}
    if not answer.content:
        headers.pop("content-type", None)  # Django names a type for nothing
    return answer.status_code, headers, answer.content


def both_lanes(root, path, accept, **headers):
    """HEAD never takes the fast lane, and neither does a request with a query."""
    fast = root.get(path, accept, **headers)
    slow = root.get(f"{path}?x=y", accept, **headers)
    return told(fast), told(slow)


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("is_prepared", [False, True])
def test_frames_are_the_same_on_both_lanes(root, stored, accept, is_prepared, monkeypatch):
    if is_prepared:
        monkeypatch.setattr(preparation, "QUIET_S", 0)
        preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)
    path = f"{place_of(stored)}/frames/1"
    fast, slow = both_lanes(root, path, accept)
    assert fast == slow
    assert fast[0] == 200
    etag = fast[1]["etag"]
    for headers in ({"If_None_Match": etag}, {"Range": "bytes=5-99"}, {"Range": "bytes=99999999-"}):
        fast, slow = both_lanes(root, path, accept, **headers)
        assert fast == slow, headers
        assert fast[0] in (206, 304, 416)


@pytest.mark.parametrize("accept", ["image/png", "image/jpeg", "*/*", ""])
@pytest.mark.parametrize("path", ["/rendered", "/frames/1/rendered"])
def test_pictures_are_the_same_on_both_lanes(root, stored, accept, path):
    fast = root.get(f"{place_of(stored)}{path}", accept)
    slow = root.get(f"{place_of(stored)}{path}", accept, If_None_Match='"other"')
    assert told(fast)[0] == 200
    headers, others = told(fast)[1], told(slow)[1]
    assert fast.content == slow.content
    for name in ("accept-ranges", "content-disposition"):  # what a download needs, a picture not
        others.pop(name)
    assert headers == others


def test_what_is_hidden_is_what_is_absent(server, root, stored, live_cast, session_of):
    outsider = Root(root.url, session_of(live_cast.outsider))
    own = f"{server}/dicomweb/projects/{live_cast.foreign_project.pk}"
    everywhere = f"{server}/dicomweb"
    for url in (root.url, own, everywhere):
        asked = Root(url, outsider.client)
        for path in (
            "",
            "/frames/1",
            "/rendered",
            "/frames/1/rendered",
            "/metadata",
            "/bulkdata/00091010",
        ):
            hidden = told(asked.get(f"{place_of(stored)}{path}"))
            absent = told(asked.get(f"studies/1.2.3/series/4.5.6/instances/7.8.9{path}"))
            assert hidden == absent
            assert hidden[0] == 404
    anonymous = Root(root.url, requests.Session())
    assert anonymous.get(f"{place_of(stored)}/frames/1").status_code == 401


def test_what_is_hidden_takes_as_long_as_what_is_absent(root, stored, live_cast, session_of):
    """Medians of pairs asked in turns; a machine that stumbles gets another try."""
    asked = Root(root.url.split("/projects/")[0], session_of(live_cast.outsider))
    hidden = place_of(stored)
    absent = re.sub(r"\d(?=/|$)", lambda m: str((int(m[0]) + 5) % 10), hidden)
    for path in ("", "/frames/1", "/rendered", "/metadata"):
        assert any(
            abs(1 - _median_ratio(asked, f"{hidden}{path}", f"{absent}{path}")) < 0.1
            for _ in range(5)
        ), path


def _median_ratio(asked: Root, first: str, second: str) -> float:
    times: dict[str, list[float]] = {first: [], second: []}
    for path in [first, second] * 100:
        began = time.perf_counter()
        assert asked.get(path).status_code == 404
        times[path].append(time.perf_counter() - began)
    return statistics.median(times[first]) / statistics.median(times[second])


def test_a_revoked_token_ends_at_the_very_next_frame(root, stored):
    path = f"{place_of(stored)}/frames/1"
    assert root.get(path).status_code == 200
    AuthToken.objects.all().delete()
    assert root.get(path).status_code == 401


def test_a_member_who_is_removed_sees_no_next_frame(root, stored, live_cast, session_of):
    reader = Root(root.url, session_of(live_cast.annotator))
    path = f"{place_of(stored)}/frames/1"
    assert reader.get(path, OCTETS).status_code == 200
    remove_member(
        actor=live_cast.manager, project=live_cast.project, user_id=live_cast.annotator.pk
    )
    assert reader.get(path, OCTETS).status_code == 404
    assert reader.get(path.replace("/frames/1", "/rendered"), "image/jpeg").status_code == 404


def test_signing_out_a_new_password_and_a_closed_account_count_at_once(
    cookie_root, stored, live_cast
):
    browser, session = cookie_root
    path, user = f"{place_of(stored)}/frames/1", live_cast.annotator
    assert [browser.get(path, OCTETS).status_code for _ in range(3)] == [200] * 3
    user.is_active = False
    user.save()
    assert browser.get(path, OCTETS).status_code == 401
    user.is_active = True
    user.save()
    assert browser.get(path, OCTETS).status_code == 200
    session.delete()
    assert browser.get(path, OCTETS).status_code == 401


def test_a_new_password_ends_the_sessions_of_the_old_one(cookie_root, stored, live_cast):
    browser, _ = cookie_root
    path, user = f"{place_of(stored)}/frames/1", live_cast.annotator
    assert browser.get(path, OCTETS).status_code == 200
    user.set_password("another long password")
    user.save()
    assert browser.get(path, OCTETS).status_code == 401


def test_the_fast_lane_answers_itself(root, stored, live_cast, monkeypatch):
    """That the tests above compare two lanes and not one with itself."""
    token = root.client.headers["Authorization"]
    path = f"/dicomweb/projects/{live_cast.project.pk}/{place_of(stored)}/frames/1"
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": token,
               "HTTP_ACCEPT": OCTETS}  # fmt: skip
    assert express._frame(environ).status == 200
    assert express._frame({**environ, "QUERY_STRING": "x=y"}) is None
    assert express._frame({**environ, "HTTP_ORIGIN": "https://viewer.example"}) is None
