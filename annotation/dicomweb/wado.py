"""WADO-RS: instances, metadata, frames and bulk data (PS3.18 §10.4)."""

import functools
import gzip
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from annotation.archive import storage
from annotation.archive.models import Instance, Series, SeriesPreparation, Study
from annotation.core.downloads import file_response
from annotation.core.errors import NotFound
from annotation.dicomweb import dicomjson, dicomxml, frames, multipart, passing
from annotation.dicomweb.blinding import names_patient
from annotation.dicomweb.frames import IMMUTABLE
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.multipart import Part
from annotation.dicomweb.negotiation import (
    DICOM,
    OCTET_STREAM,
    NotAcceptable,
    choose_instances,
    choose_type,
    parse_accept,
)
from annotation.dicomweb.passing import PassingFile
from annotation.imaging import sandbox

JSON, XML = "application/dicom+json", "application/dicom+xml"
BLINDED_SERIES = 32  # whose blinded metadata is kept by each process, about 100 kB each
# One spelling of a path only: another one of a hidden element must not slip past the blinding.
ELEMENT_PATH = re.compile(r"[0-9A-Fa-f]{8}(?:\.[0-9]{1,9}\.[0-9A-Fa-f]{8})*", re.ASCII)
METADATA_TYPES = (JSON, "application/json", XML)


@dicomweb
def study_metadata(scope: Scope, study_uid: str) -> HttpResponseBase:
    study = scope.study(study_uid)
    return _metadata(scope, study, Instance.objects.filter(series__study=study))


@dicomweb
def series_metadata(scope: Scope, study_uid: str, series_uid: str) -> HttpResponseBase:
    """What was compressed ahead where that is up to date, else joined from the rows."""
    series = scope.series(study_uid, series_uid)
    if choose_type(parse_accept(scope.accept), METADATA_TYPES, in_parts=[XML]) != XML:
        ready = _prepared_metadata(scope, series)
        if ready is not None:
            return ready
    return _metadata(scope, series, Instance.objects.filter(series=series))


@dicomweb
def instance_metadata(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str
) -> HttpResponseBase:
    found = scope.instance(study_uid, series_uid, instance_uid)
    return _metadata(scope, found, Instance.objects.filter(pk=found.pk))


@dicomweb
def retrieve_study(scope: Scope, study_uid: str) -> HttpResponseBase:
    study = scope.study(study_uid)
    return _instances(scope, study, Instance.objects.filter(series__study=study))


@dicomweb
def retrieve_series(scope: Scope, study_uid: str, series_uid: str) -> HttpResponseBase:
    series = scope.series(study_uid, series_uid)
    return _instances(scope, series, Instance.objects.filter(series=series))


@dicomweb
def retrieve_instance(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str
) -> HttpResponseBase:
    """The object, alone or in a multipart message; the stored bytes with transfer-syntax=*."""
    found = scope.instance(study_uid, series_uid, instance_uid)
    syntax, is_multipart = choose_instances(parse_accept(scope.accept))
    if is_multipart:
        return _instances(scope, found, Instance.objects.filter(pk=found.pk))
    return single_instance(scope, found, syntax)


def single_instance(scope: Scope, instance: Instance, syntax: str) -> HttpResponseBase:
    """One part-10 file as the whole answer. Raises NotAllowed where the patient is hidden."""
    scope.refuse_whole_objects_of(instance)
    name = f"{instance.sha256[:16]}.dcm"
    converted = None if syntax == "*" else _converted(instance)
    if converted is None:
        return file_response(
            scope.request, instance.path, etag=instance.sha256, file_name=name, caching=IMMUTABLE,
            content_type=f"{DICOM}; transfer-syntax={instance.transfer_syntax_uid}",
        )  # fmt: skip
    return passing.answer(
        scope.request, converted, etag=f"{instance.sha256}-{syntax}", file_name=name,
        content_type=f"{DICOM}; transfer-syntax={syntax}", caching=IMMUTABLE,
    )  # fmt: skip


@dicomweb
def retrieve_frames(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str, numbers: str
) -> HttpResponseBase:
    """Frames as stored or prepared where the client takes that, else decoded or encoded."""
    source = frames.source_of(scope.instance(study_uid, series_uid, instance_uid))
    wanted = frames.parse_numbers(numbers, source.index.count)
    choice = frames.choose(source, scope.accept)
    found = frames.answer(source, choice, wanted, scope.request.headers)
    kind = HttpResponse if isinstance(found.body, bytes) else StreamingHttpResponse
    return kind(found.body, status=found.status, headers=found.headers)


@dicomweb
def bulkdata(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str, tag: str
) -> HttpResponseBase:
    """One binary element that the metadata only names; byte ranges are served."""
    found = scope.instance(study_uid, series_uid, instance_uid)
    wanted = next(
        (w for w in parse_accept(scope.accept) if w.media_type in (OCTET_STREAM, "*/*")), None
    )
    if wanted is None:
        raise NotAcceptable(f"bulk data is available as {OCTET_STREAM}")
    if not ELEMENT_PATH.fullmatch(tag):
        raise NotFound
    if names_patient(tag.upper().split(".")[::2]) and scope.hides_patient_in(found):
        raise NotFound
    try:
        _, made = passing.make("element", path=str(found.path), tag=tag)
    except sandbox.SandboxFailure:
        raise NotFound from None
    if wanted.is_multipart:
        place = f"{study_uid}/series/{series_uid}/instances/{instance_uid}/bulkdata/{tag}"
        location = f"{scope.base_url}/studies/{place}"
        return passing.answer_in_parts(made, Part(OCTET_STREAM, b"", location), IMMUTABLE)
    return passing.answer(
        scope.request, made, content_type=OCTET_STREAM, etag=f"{found.sha256}-{tag}",
        file_name=f"{tag}.bin", caching=IMMUTABLE,
    )  # fmt: skip


def _prepared_metadata(scope: Scope, series: Series) -> HttpResponseBase | None:
    ready = SeriesPreparation.objects.filter(series=series).first()
    if ready is None or not ready.metadata_sha256 or ready.metadata_revision != ready.revision:
        return None
    is_blinded = scope.hides_patient_in(series)
    read = _read_blinded if is_blinded else _read
    try:
        packed = read(ready.metadata_sha256)
    except OSError:
        return None
    if ready.has_bulk_data:
        text = gzip.decompress(packed).decode()
        return _json_answer(scope, dicomjson.with_bulk_urls(text, scope.base_url).encode())
    if not _takes_gzip(scope):
        return _json_answer(scope, gzip.decompress(packed))
    etag = f'"{ready.metadata_sha256}{"-blinded" if is_blinded else ""}"'
    headers = {**_revalidated(), "ETag": etag, "Content-Encoding": "gzip"}
    if scope.request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(packed, content_type=JSON, headers=headers)


def _read(sha256: str) -> bytes:
    return storage.blob_path(sha256).read_bytes()


@functools.lru_cache(maxsize=BLINDED_SERIES)
def _read_blinded(sha256: str) -> bytes:
    """Metadata that was compressed ahead, without what names the patient; kept by its address."""
    metadata = gzip.decompress(_read(sha256)).decode()
    return gzip.compress(dicomjson.blinded_text(metadata).encode(), compresslevel=1, mtime=0)


def _metadata(
    scope: Scope, found: Study | Series | Instance, instances: QuerySet[Instance]
) -> HttpResponseBase:
    media_type = choose_type(parse_accept(scope.accept), METADATA_TYPES, in_parts=[XML])
    ordered = instances.order_by("series_id", "instance_number", "sop_instance_uid")
    is_blinded = scope.hides_patient_in(found)
    if media_type == XML:
        xml_pieces = dicomxml.blinded_metadata_pieces if is_blinded else dicomxml.metadata_pieces
        parts = (Part(XML, xml) for xml in xml_pieces(ordered, scope.base_url))
        return StreamingHttpResponse(
            multipart.encode(parts), content_type=multipart.content_type(XML),
            headers=_revalidated(),
        )  # fmt: skip
    pieces = dicomjson.blinded_metadata_pieces if is_blinded else dicomjson.metadata_pieces
    return _json_answer(scope, "".join(pieces(ordered, scope.base_url)).encode())


def _json_answer(scope: Scope, body: bytes) -> HttpResponse:
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {**_revalidated(), "ETag": etag}
    if scope.request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    if _takes_gzip(scope) and len(body) > 1400:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HttpResponse(body, content_type=JSON, headers=headers)


def _takes_gzip(scope: Scope) -> bool:
    return "gzip" in scope.request.headers.get("Accept-Encoding", "")


def _revalidated() -> dict[str, str]:
    return {
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Encoding, Authorization, Cookie",
    }


def _instances(
    scope: Scope, found: Study | Series | Instance, instances: QuerySet[Instance]
) -> HttpResponseBase:
    scope.refuse_whole_objects_of(found)
    syntax, _ = choose_instances(parse_accept(scope.accept))
    rows = instances.defer("dicom_json", "frame_index").order_by("series_id", "instance_number")
    return StreamingHttpResponse(
        _instance_parts(rows, syntax),
        content_type=multipart.content_type(DICOM),
        headers={"Cache-Control": "private, no-cache"},
    )


def _instance_parts(rows: QuerySet[Instance], syntax: str) -> Iterator[bytes]:
    """The multipart body, file by file in pieces: no object is ever whole in memory."""
    for row in rows.iterator(chunk_size=200):
        converted = None if syntax == "*" else _converted(row)
        if converted is not None:
            with converted:
                size = Path(converted.name).stat().st_size
                yield multipart.head_of(Part(f"{DICOM}; transfer-syntax={syntax}", b""), size)
                yield from storage.read_chunks(Path(converted.name))
        else:
            part = Part(f"{DICOM}; transfer-syntax={row.transfer_syntax_uid}", b"")
            yield multipart.head_of(part, row.size_bytes)
            yield from storage.read_chunks(row.path)
        yield b"\r\n"
    yield multipart.END


def _converted(instance: Instance) -> PassingFile | None:
    """The object in Explicit VR Little Endian; None where it stays as it is stored."""
    if instance.transfer_syntax_uid == "1.2.840.10008.1.2.1":
        return None
    try:
        is_converted, made = passing.make("convert", path=str(instance.path))
    except sandbox.SandboxFailure:
        return None
    if is_converted:
        return made
    made.close()
    return None
