"""One frame, fast: the requests that viewers send by the thousand take one query and one read.

A WSGI wrapper around Django. It answers only what it is sure of: a GET of one frame, stored,
prepared or as a picture, with a credential that the same query confirms and a study that the caller
may see. Every other request, and everything that is refused, goes through Django and its gate.
"""

import functools
import json
import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.db import Error, connection
from django.http import QueryDict

from annotation.accounts.proofs import Proof, find_proof
from annotation.archive import storage
from annotation.core.errors import DomainError
from annotation.core.middleware import HEADERS
from annotation.core.rows import fetch_one
from annotation.dicomweb import frames, pictures
from annotation.dicomweb.frames import FrameAnswer, FrameSource
from annotation.dicomweb.negotiation import NotAcceptable, choose_type, parse_accept
from annotation.labeling import access

logger = logging.getLogger(__name__)
FRAME = re.compile(
    r"/dicomweb(?:/projects/(?P<project>[0-9a-f-]{36}))?"
    r"/studies/(?P<study>[0-9.]{1,64})/series/(?P<series>[0-9.]{1,64})"
    r"/instances/(?P<instance>[0-9.]{1,64})"
    r"(?:/frames/(?P<number>[0-9]{1,6}))?(?P<rendered>/rendered)?"
)
# Small steps by index, each of which PostgreSQL plans the same way whatever the values are.
SOURCE = """
with found as materialized (
    select instance.id, instance.sha256, instance.transfer_syntax_uid,
           instance.misread_by_browsers, instance.unrenderable_reason, instance.created_at,
           series.study_id
    from archive_instance instance
    join archive_series series on series.id = instance.series_id
    join archive_study study on study.id = series.study_id
    where instance.sop_instance_uid = %(instance)s and series.series_instance_uid = %(series)s
      and study.study_instance_uid = %(study)s and instance.frame_index is not null
)
select found.id, found.sha256, found.transfer_syntax_uid, found.misread_by_browsers,
       coalesce(prepared.sha256, ''), coalesce(prepared.transfer_syntax_uid, ''),
       found.unrenderable_reason
from found
left join archive_preparedframes prepared
    on prepared.instance_id = found.id and prepared.sha256 <> ''
where {is_visible}
order by found.created_at limit 1
"""
INDEXES = """
select found.frame_index::text, prepared.frame_index::text from archive_instance found
left join archive_preparedframes prepared on prepared.instance_id = found.id
where found.id = %(instance)s
"""
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class FrameExpress:
    """Answers single frames itself and hands everything else on."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = _frame(environ)
        if found is None:
            return self.application(environ, start_response)
        status = f"{found.status} {HTTPStatus(found.status).phrase}"
        body = found.body if isinstance(found.body, bytes) else b"".join(found.body)
        headers = {**found.headers, **HEADERS}
        if "X-Accel-Redirect" not in headers:
            headers["Content-Length"] = str(len(body))
        start_response(status, list(headers.items()))
        return [body]


def _frame(environ: Environ) -> FrameAnswer | None:
    """The answer, or None where Django has to look at the request."""
    match = FRAME.fullmatch(environ["PATH_INFO"])
    if match is None or environ["REQUEST_METHOD"] != "GET" or "HTTP_ORIGIN" in environ:
        return None
    proof = find_proof(environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_COOKIE", ""))
    answer = _picture if match["rendered"] else _stored_frame if match["number"] else None
    if proof is None or answer is None:
        return None
    try:
        found = _source(match.groupdict(), proof)
        number = int(match["number"] or 1)
        if found is None or not 1 <= number <= found[0].index.count:
            return None
        return answer(environ, *found, number)
    except (NotAcceptable, DomainError):
        return None
    except (Error, OSError):  # Django reconnects, or says what is wrong
        logger.exception("express_failed")
        connection.close()
        return None


def _stored_frame(
    environ: Environ, source: FrameSource, unrenderable: str, number: int
) -> FrameAnswer | None:
    del unrenderable
    choice = frames.choose(source, environ.get("HTTP_ACCEPT", ""))
    if choice.source not in ("stored", "prepared") or environ.get("QUERY_STRING"):
        return None
    headers = {"If-None-Match": environ.get("HTTP_IF_NONE_MATCH", "")}
    if "HTTP_RANGE" in environ:
        headers["Range"] = environ["HTTP_RANGE"]
    return frames.answer(source, choice, [number], headers)


def _picture(
    environ: Environ, source: FrameSource, unrenderable: str, number: int
) -> FrameAnswer | None:
    media_type = choose_type(parse_accept(environ.get("HTTP_ACCEPT", "")), pictures.PICTURE_TYPES)
    parameters = QueryDict(environ.get("QUERY_STRING", ""))
    if unrenderable or media_type == "image/gif" or "accept" in parameters or _is_partial(environ):
        return None
    options = pictures.parse_options(parameters)
    path = storage.blob_path(source.sha256)
    body = pictures.draw(path, [number], media_type, options)
    etag = pictures.etag_of(source.sha256, [number], media_type, options)
    headers = {**frames.IMMUTABLE, "Content-Type": media_type, "ETag": f'"{etag}"'}
    return FrameAnswer(200, headers, body)


def _is_partial(environ: Environ) -> bool:
    return "HTTP_RANGE" in environ or "HTTP_IF_NONE_MATCH" in environ


@functools.cache
def _statement(caller: str, *, has_project: bool) -> str:
    is_visible = access.study_is_visible_sql(
        study="found.study_id", caller=caller, has_project=has_project
    )
    return SOURCE.format(is_visible=is_visible)


def _source(names: dict[str, Any], proof: Proof) -> tuple[FrameSource, str] | None:
    """Where the frames are, and why they cannot be rendered; None where Django has to answer."""
    statement = _statement(proof.caller, has_project=names["project"] is not None)
    row = fetch_one(statement, {**names, **proof.parameters})
    if row is None:
        return None
    instance_id, sha256, syntax, misread, prepared_sha256, prepared_syntax, unrenderable = row
    index = frames.indexes.get(sha256)
    prepared = frames.indexes.get(prepared_sha256) if prepared_sha256 else None
    if index is None or (prepared_sha256 and prepared is None):
        stored, encoded = fetch_one(INDEXES, {"instance": instance_id}) or ("null", "null")
        index = frames.indexes.put(sha256, json.loads(stored))
        if prepared_sha256:
            prepared = frames.indexes.put(prepared_sha256, json.loads(encoded))
    source = FrameSource(sha256, syntax, misread, index, prepared_sha256, prepared_syntax, prepared)
    return source, unrenderable
