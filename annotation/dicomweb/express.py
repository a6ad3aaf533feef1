"""One frame, fast: the request that viewers send by the thousand takes one query and one read.

A WSGI wrapper around Django. It answers only what it is sure of: a GET of one stored or prepared
frame, with a credential that the same query confirms and a study that the caller may see. Every
other request, and everything that is refused, goes through Django and its gate as it always did.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.db import connection
from psycopg import Cursor, Error

from annotation.accounts.proofs import CALLER_IS_VALID, find_proof
from annotation.core.middleware import HEADERS
from annotation.dicomweb import frames
from annotation.dicomweb.frames import FrameSource
from annotation.dicomweb.negotiation import NotAcceptable

logger = logging.getLogger(__name__)
FRAME = re.compile(
    r"/dicomweb(?:/projects/(?P<project>[0-9a-f-]{36}))?"
    r"/studies/(?P<study>[0-9.]{1,64})/series/(?P<series>[0-9.]{1,64})"
    r"/instances/(?P<instance>[0-9.]{1,64})/frames/(?P<number>[0-9]{1,6})"
)
SOURCE = f"""
select found.id, found.sha256, found.transfer_syntax_uid, found.misread_by_browsers,
       coalesce(prepared.sha256, ''), coalesce(prepared.transfer_syntax_uid, '')
from archive_instance found
join archive_series series on series.id = found.series_id
join archive_study study on study.id = series.study_id
left join archive_preparedframes prepared
    on prepared.instance_id = found.id and prepared.sha256 <> ''
where found.sop_instance_uid = %(instance)s and series.series_instance_uid = %(series)s
  and study.study_instance_uid = %(study)s and found.frame_index is not null
  and exists (select 1 from labeling_case cases
              join labeling_membership members on members.project_id = cases.project_id
              where cases.study_id = study.id
                and (%(project)s::uuid is null or cases.project_id = %(project)s::uuid)
                and {CALLER_IS_VALID})
order by found.created_at limit 1
"""  # noqa: S608  a constant of another module
INDEXES = """
select found.frame_index::text, prepared.frame_index::text from archive_instance found
left join archive_preparedframes prepared on prepared.instance_id = found.id
where found.id = %s
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
        headers = {**found.headers, **HEADERS, "Content-Length": str(len(body))}
        start_response(status, list(headers.items()))
        return [body]


def _frame(environ: Environ) -> frames.FrameAnswer | None:
    """The answer, or None where Django has to look at the request."""
    match = FRAME.fullmatch(environ["PATH_INFO"])
    is_plain = environ["REQUEST_METHOD"] == "GET" and not environ.get("QUERY_STRING")
    if match is None or not is_plain or "HTTP_ORIGIN" in environ:
        return None
    proof = find_proof(environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_COOKIE", ""))
    if proof is None:
        return None
    try:
        source = _source({**match.groupdict(), **proof.parameters})
        return _answer(environ, source, int(match["number"])) if source else None
    except NotAcceptable:
        return None
    except (Error, OSError):  # Django reconnects, or says what is wrong
        logger.exception("express_failed")
        connection.close()
        return None


def _answer(environ: Environ, source: FrameSource, number: int) -> frames.FrameAnswer | None:
    choice = frames.choose(source, environ.get("HTTP_ACCEPT", ""))
    if choice.source not in ("stored", "prepared") or not 1 <= number <= source.index.count:
        return None
    headers = {"If-None-Match": environ.get("HTTP_IF_NONE_MATCH", "")}
    if "HTTP_RANGE" in environ:
        headers["Range"] = environ["HTTP_RANGE"]
    return frames.answer(source, choice, [number], headers)


def _source(parameters: dict[str, Any]) -> FrameSource | None:
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:
        row = cursor.execute(SOURCE, parameters, prepare=True).fetchone()
        if row is None:
            return None
        instance_id, sha256, syntax, misread, prepared_sha256, prepared_syntax = row
        index = frames.indexes.get(sha256)
        prepared = frames.indexes.get(prepared_sha256) if prepared_sha256 else None
        if index is None or (prepared_sha256 and prepared is None):
            stored, encoded = cursor.execute(INDEXES, [instance_id]).fetchall()[0]
            index = frames.indexes.put(sha256, json.loads(stored))
            if prepared_sha256:
                prepared = frames.indexes.put(prepared_sha256, json.loads(encoded))
    return FrameSource(sha256, syntax, misread, index, prepared_sha256, prepared_syntax, prepared)
