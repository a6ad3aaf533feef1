"""Another DICOMweb server: search, retrieve, store. The only module that speaks HTTP outwards.

Where to connect comes from an operator, never from a request or from an answer: redirects are
refused, proxies and .netrc of the environment are ignored, and no URL in an answer is followed.
Certificates are verified. Every failure is a RemoteFailure that names the source and what failed,
without credentials, addresses or query values.
"""

import contextlib
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests  # noqa: TID251  this module is the wrapper
from dicomweb_client.web import DICOMwebClient
from requests.adapters import HTTPAdapter  # noqa: TID251
from urllib3.util import Retry

from annotation.archive import storage
from annotation.archive.answers import (
    RemoteInstance,
    RemoteSeries,
    RemoteStudy,
    StoreOutcome,
    instance_of,
    is_uid,
    outcome_of,
    series_of,
    study_of,
)
from annotation.archive.multipart import BrokenAnswer, StoreBody, StoredFile, single_object
from annotation.core.errors import RemoteFailure, RemoteRefused, RemoteUnavailable

MAX_ANSWER_BYTES = 64 * 2**20
MAX_PICTURE_BYTES = 16 * 2**20
MAX_OBJECT_SECONDS = 3600
INSTANCE_PAGE = 1000
MAX_INSTANCES_PER_STUDY = 100_000
DICOM_JSON = "application/dicom+json"
AWAY = (502, 503, 504)
NOT_THIS_WAY = (400, 406, 415)  # how servers say that they do not offer the wanted type
ACCEPTED = (  # as stored where the server can, else in its default transfer syntax
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
    "application/dicom",
)
STUDY_FIELDS = ("StudyDescription", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
SERIES_FIELDS = ("SeriesDescription", "BodyPartExamined", "NumberOfSeriesRelatedInstances")
PICTURE_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png"}


@dataclass(frozen=True)
class Timeouts:
    """Seconds to connect, to wait for a piece, and for a whole answer; and how often to retry."""

    connect_s: float = 10
    read_s: float = 60
    answer_s: float = 120
    retries: int = 4
    backoff_s: float = 0.5


INTERACTIVE = Timeouts(connect_s=5, read_s=15, answer_s=25, retries=1)
BACKGROUND = Timeouts()


@dataclass(frozen=True)
class Credentials:
    """How to sign in: nothing, user and password, or a token; a repr shows none of it."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class RemoteServer:
    """One DICOMweb server. Every method raises RemoteFailure or one of its two subclasses."""

    def __init__(
        self,
        *,
        name: str,
        url: str,
        credentials: Credentials,
        timeouts: Timeouts = BACKGROUND,
        ca_certificate: str = "",
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._timeouts = timeouts
        self._session = _Session(timeouts, ca_certificate)
        if credentials.token:
            self._session.headers["Authorization"] = f"Bearer {credentials.token}"
        elif credentials.user:
            self._session.auth = (credentials.user, credentials.password)
        self._client = DICOMwebClient(self.url, session=self._session, timeout=self._timeout)
        self._client.set_http_retry_params(retry=False)  # the session retries
        self._accepted = list(ACCEPTED)

    @property
    def _timeout(self) -> tuple[float, float]:
        return self._timeouts.connect_s, self._timeouts.read_s

    def search_studies(
        self, filters: Mapping[str, str], *, limit: int, offset: int = 0
    ) -> list[RemoteStudy]:
        """One page of the studies that match; wildcards `*` and `?` as in PS3.4 C.2.2.2.4."""
        with self._named("The search"):
            records = self._client.search_for_studies(
                limit=limit,
                offset=offset,
                fields=list(STUDY_FIELDS),
                search_filters={name: plain_value(value) for name, value in filters.items()},
            )
        return [study for study in map(study_of, _as_list(records)) if study is not None]

    def is_answering(self) -> bool:
        """Whether the server answers a small search now."""
        try:
            self.search_studies({}, limit=1)
        except RemoteUnavailable:
            return False
        return True

    def list_series(self, study_uid: str) -> list[RemoteSeries]:
        with self._named("Listing the series"):
            records = self._client.search_for_series(study_uid, fields=list(SERIES_FIELDS))
        found = [series for series in map(series_of, _as_list(records)) if series is not None]
        return sorted(found, key=lambda s: (s.series_number or 0, s.series_instance_uid))

    def list_instances(
        self, study_uid: str, series_uid: str | None = None
    ) -> dict[str, RemoteInstance]:
        """The study's instances by SOP Instance UID, however many the server lists at once."""
        found: dict[str, RemoteInstance] = {}
        while len(found) < MAX_INSTANCES_PER_STUDY:
            with self._named("Listing the instances"):
                records = self._client.search_for_instances(
                    study_uid, series_uid, limit=INSTANCE_PAGE, offset=len(found)
                )
            page = (instance_of(record, study_uid) for record in _as_list(records))
            new = {i.sop_instance_uid: i for i in page if i and i.sop_instance_uid not in found}
            if not new:
                return found
            found |= new
        raise RemoteFailure(f"{self.name}: a study has over {MAX_INSTANCES_PER_STUDY} instances.")

    def instance_chunks(self, instance: RemoteInstance) -> Iterator[bytes]:
        """The part-10 file piece by piece, byte for byte as the server sends it."""
        with self._named("Retrieving an instance"), self._instance_answer(instance) as response:
            pieces = self._capped(response, storage.MAX_INSTANCE_BYTES, MAX_OBJECT_SECONDS)
            yield from single_object(response.headers.get("Content-Type", ""), pieces)

    def picture(self, instance: RemoteInstance) -> tuple[bytes, str] | None:
        """The instance as (bytes, media type); None where the server draws no JPEG or PNG."""
        headers = {"Accept": "image/jpeg"}  # Orthanc takes no list
        url = f"{self._address(instance)}/rendered"
        with self._named("Drawing a preview"), self._get(url, headers) as response:
            if response.status_code in (404, 500, 501, *NOT_THIS_WAY):
                return None
            response.raise_for_status()
            data = b"".join(self._capped(response, MAX_PICTURE_BYTES, self._timeouts.answer_s))
        kinds = [kind for magic, kind in PICTURE_TYPES.items() if data.startswith(magic)]
        return (data, kinds[0]) if kinds else None

    def store(self, files: Sequence[StoredFile]) -> StoreOutcome:
        """Send the files in one request; what a server refuses as a whole is sent one by one."""
        with self._named("Storing"):
            body = StoreBody(files)
            response = self._session.post(
                f"{self.url}/studies",
                data=body,
                timeout=self._timeout,
                headers={"Content-Type": body.content_type, "Accept": DICOM_JSON},
            )
            if response.status_code in (200, 202, 409) and response.content:
                return _confirmed(files, outcome_of(response.json()))
            if response.status_code in (401, 403, *AWAY):
                response.raise_for_status()
        if len(files) > 1:
            return _together([self.store([file]) for file in files])
        reason = f"the server answered HTTP {response.status_code}"
        return StoreOutcome(frozenset(), {file.sop_instance_uid: reason for file in files})

    @contextlib.contextmanager
    def _instance_answer(self, instance: RemoteInstance) -> Iterator[requests.Response]:
        """The answer to the first Accept header that works, which is then remembered."""
        while True:
            headers = {"Accept": self._accepted[0], "Accept-Encoding": "identity"}
            with self._get(self._address(instance), headers) as response:
                if response.status_code in NOT_THIS_WAY and len(self._accepted) > 1:
                    del self._accepted[0]
                    continue
                response.raise_for_status()
                yield response
                return

    def _address(self, instance: RemoteInstance) -> str:
        uids = (
            instance.study_instance_uid,
            instance.series_instance_uid,
            instance.sop_instance_uid,
        )
        if not all(map(is_uid, uids)):
            raise RemoteFailure(f"{self.name}: a UID is malformed.")
        return "{}/studies/{}/series/{}/instances/{}".format(self.url, *uids)

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        return self._session.get(url, headers=headers, timeout=self._timeout, stream=True)

    def _capped(self, response: requests.Response, limit: int, within_s: float) -> Iterator[bytes]:
        size, deadline = 0, time.monotonic() + within_s
        for chunk in response.iter_content(storage.CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise RemoteFailure(f"{self.name}: an object is larger than {limit >> 20} MiB.")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
            yield chunk

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Turn whatever goes wrong into a RemoteFailure; nothing of the request is repeated in it."""
        try:
            yield
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            raise self._failure(what, status) from None
        except (requests.JSONDecodeError, BrokenAnswer, _BadAnswer) as error:
            why = str(error) if not isinstance(error, requests.JSONDecodeError) else "no JSON"
            raise RemoteFailure(f"{self.name}: {what} failed: {why}.") from None
        except requests.RequestException as error:
            raise RemoteUnavailable(f"{self.name}: {what} failed: {_why(error)}.") from None
        except (ValueError, TypeError, LookupError):  # what dicomweb-client makes of odd answers
            raise RemoteFailure(f"{self.name}: {what} failed: the answer is malformed.") from None

    def _failure(self, what: str, status: int) -> RemoteFailure:
        if status in (401, 403):
            return RemoteRefused(
                f"{self.name}: {what} failed: it does not accept the credentials (HTTP {status})."
            )
        kind = RemoteUnavailable if status in AWAY else RemoteFailure
        return kind(f"{self.name}: {what} failed: it answered HTTP {status}.")


class _BadAnswer(Exception):
    """An answer that is not taken: too large, too slow, or elsewhere."""


class _Session(requests.Session):
    """A session that goes nowhere else, takes no more than it asked for, and tries again."""

    def __init__(self, timeouts: Timeouts, ca_certificate: str) -> None:
        super().__init__()
        self.trust_env = False  # no proxy, .netrc or certificate bundle of the environment
        self._answer_s = timeouts.answer_s
        retry = Retry(
            total=timeouts.retries,
            redirect=False,
            status_forcelist=AWAY,
            allowed_methods={"GET"},
            backoff_factor=timeouts.backoff_s,
            backoff_max=8,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        self.mount("https://", _TrustingAdapter(ca_certificate, retry))
        self.mount("http://", HTTPAdapter(max_retries=retry))

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Literal wildcards in queries (Orthanc decodes no %2A), and headers that servers take."""
        kwargs["allow_redirects"] = False
        headers = dict(kwargs.get("headers") or {})
        headers.pop("Host", None)  # dicomweb-client's lacks the port
        if headers.get("Accept", "").startswith(DICOM_JSON):
            headers["Accept"] = DICOM_JSON  # Orthanc logs an error for a list
        head, mark, query = str(url).partition("?")
        query = query.replace("%2A", "*").replace("%3F", "?").replace("%2C", ",")
        kwargs["headers"] = headers
        return super().request(method, f"{head}{mark}{query}", *args, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: requests would read the whole answer to prepare the next request."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        is_streamed = kwargs.get("stream", False)
        response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
        if 300 <= response.status_code < 400:
            response.close()
            raise _BadAnswer("it redirects to another address, which is not followed")
        if not is_streamed:
            response._content = self._whole(response)
            response._content_consumed = True
        return response

    def _whole(self, response: requests.Response) -> bytes:
        deadline = time.monotonic() + self._answer_s
        data = bytearray()
        with response:
            for chunk in response.iter_content(2**16):
                data += chunk
                if len(data) > MAX_ANSWER_BYTES:
                    raise _BadAnswer("the answer is too large; narrow the search")
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout
        return bytes(data)


class _TrustingAdapter(HTTPAdapter):
    """Verifies certificates, also against an authority that the operator named."""

    def __init__(self, ca_certificate: str, retry: Retry) -> None:
        self._context = ssl.create_default_context()
        if ca_certificate:
            self._context.load_verify_locations(cadata=ca_certificate)
        super().__init__(max_retries=retry)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        return super().init_poolmanager(*args, **{**kwargs, "ssl_context": self._context})


def plain_value(value: str) -> str:
    """A query value that needs no percent-encoding and matches at least what was meant.

    Orthanc does not decode query values. `?` matches any one character and `*` any number, so
    they stand for what a URL cannot hold literally.
    """
    ascii_only = re.sub(r"[^\x00-\x7f]+", "*", value.strip())
    return re.sub(r"[^A-Za-z0-9*?.,_~-]", "?", ascii_only)


def _as_list(records: Any) -> list[Any]:
    return records if isinstance(records, list) else []


def _confirmed(files: Sequence[StoredFile], outcome: StoreOutcome) -> StoreOutcome:
    """What a server says nothing about was not stored: some lose objects with HTTP 200."""
    sent = {file.sop_instance_uid for file in files}
    silent = sent - outcome.stored - outcome.failed.keys()
    failed = {uid: why for uid, why in outcome.failed.items() if uid in sent}
    return StoreOutcome(
        outcome.stored & sent, {**failed, **dict.fromkeys(silent, "not confirmed by the server")}
    )


def _together(outcomes: Sequence[StoreOutcome]) -> StoreOutcome:
    stored = frozenset().union(*(outcome.stored for outcome in outcomes))
    return StoreOutcome(stored, {k: v for o in outcomes for k, v in o.failed.items()})


def _why(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "it broke off in the middle of an answer"
    return "it cannot be reached"
