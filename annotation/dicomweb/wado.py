"""WADO-RS: instances, metadata, frames, bulk data, rendered pictures (PS3.18 §10.4)."""

import gzip
from collections.abc import Callable, Iterator

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from annotation.archive import storage
from annotation.archive.models import Instance
from annotation.core.errors import InvalidInput, NotFound
from annotation.dicomweb import dicomjson, multipart
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.multipart import Part
from annotation.dicomweb.negotiation import (
    Choice,
    NotAcceptable,
    choose_frames,
    choose_type,
    parse_accept,
)
from annotation.dicomweb.qido import JSON_TYPES
from annotation.imaging import sandbox
from annotation.imaging.frames import FrameIndex, read_frame

IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept, Cookie"}
PICTURE_TYPES = ("image/jpeg", "image/png")
THUMBNAIL_SIDE = 256
MAX_FRAMES_PER_REQUEST = 1000
BIG_ENDIAN_OR_DEFLATED = {"1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}


def _accept(scope: Scope) -> str:
    return scope.request.GET.get("accept") or scope.request.headers.get("Accept", "")


@dicomweb
def study_metadata(scope: Scope, study_uid: str) -> HttpResponseBase:
    return _metadata(scope, Instance.objects.filter(series__study=scope.study(study_uid)))


@dicomweb
def series_metadata(scope: Scope, study_uid: str, series_uid: str) -> HttpResponseBase:
    series = scope.series(study_uid, series_uid)
    return _metadata(scope, Instance.objects.filter(series=series))


@dicomweb
def instance_metadata(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str
) -> HttpResponseBase:
    found = scope.instance(study_uid, series_uid, instance_uid)
    return _metadata(scope, Instance.objects.filter(pk=found.pk))


@dicomweb
def retrieve_study(scope: Scope, study_uid: str) -> HttpResponseBase:
    return _instances(scope, Instance.objects.filter(series__study=scope.study(study_uid)))


@dicomweb
def retrieve_series(scope: Scope, study_uid: str, series_uid: str) -> HttpResponseBase:
    series = scope.series(study_uid, series_uid)
    return _instances(scope, Instance.objects.filter(series=series))


@dicomweb
def retrieve_instance(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str
) -> HttpResponseBase:
    """The stored file, alone or in a multipart message."""
    found = scope.instance(study_uid, series_uid, instance_uid)
    for wanted in parse_accept(_accept(scope)):
        if wanted.media_type in ("application/dicom", "*/*") and not wanted.is_multipart:
            return StreamingHttpResponse(
                storage.read_chunks(found.path),
                content_type=f"application/dicom; transfer-syntax={found.transfer_syntax_uid}",
                headers={
                    **IMMUTABLE,
                    "ETag": f'"{found.sha256}"',
                    "Content-Length": str(found.size_bytes),
                    "Content-Disposition": f'attachment; filename="{found.sha256[:16]}.dcm"',
                },
            )
        if wanted.is_multipart:
            break
    return _instances(scope, Instance.objects.filter(pk=found.pk))


@dicomweb
def frames(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str, numbers: str
) -> HttpResponseBase:
    """Frames as stored where the client takes that, else decoded."""
    found = scope.instance(study_uid, series_uid, instance_uid)
    index = _frame_index(found)
    wanted = _frame_numbers(numbers, index)
    choice = choose_frames(
        parse_accept(_accept(scope)),
        found.transfer_syntax_uid,
        can_serve_stored=index.kind != "decoded",
    )
    etag = f'"{found.sha256}-{numbers}-{choice.transfer_syntax}"'
    if scope.request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={**IMMUTABLE, "ETag": etag})
    read = _reader(found, index, choice)
    headers = {**IMMUTABLE, "ETag": etag}
    part_type = f"{choice.media_type}; transfer-syntax={choice.transfer_syntax}"
    if len(wanted) == 1 and not choice.is_multipart:
        return HttpResponse(read(wanted[0]), content_type=part_type, headers=headers)
    outer = multipart.content_type(choice.media_type)
    parts = (Part(part_type, read(number)) for number in wanted)
    if len(wanted) == 1:
        return HttpResponse(b"".join(multipart.encode(parts)), content_type=outer, headers=headers)
    return StreamingHttpResponse(multipart.encode(parts), content_type=outer, headers=headers)


@dicomweb
def bulkdata(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str, tag: str
) -> HttpResponseBase:
    """One binary element that the metadata only names."""
    found = scope.instance(study_uid, series_uid, instance_uid)
    try:
        _, data = sandbox.run("element", path=str(found.path), tag=tag)
    except sandbox.SandboxFailure:
        raise NotFound from None
    return HttpResponse(data, content_type="application/octet-stream", headers=IMMUTABLE)


@dicomweb
def rendered(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str, numbers: str = "1"
) -> HttpResponseBase:
    """A picture of one frame as JPEG or PNG, with `window`, `viewport` and `quality`."""
    found = scope.instance(study_uid, series_uid, instance_uid)
    media_type = choose_type(parse_accept(_accept(scope)), PICTURE_TYPES)
    options = _rendering_options(scope)
    return _picture(found, numbers, media_type=media_type, **options)


@dicomweb
def thumbnail(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str | None = None
) -> HttpResponseBase:
    """A small JPEG of an instance, or of the middle instance of a series."""
    if instance_uid is None:
        in_series = scope.series(study_uid, series_uid).instances.defer("dicom_json")
        rows = list(in_series.filter(frame_index__isnull=False).order_by("instance_number", "id"))
        if not rows:
            raise NotFound
        found = rows[len(rows) // 2]
    else:
        found = scope.instance(study_uid, series_uid, instance_uid)
    middle = max(found.number_of_frames, 1) // 2 or 1
    return _picture(
        found, str(middle), media_type="image/jpeg", longest_side=THUMBNAIL_SIDE, quality=80
    )


def _metadata(scope: Scope, instances: QuerySet[Instance]) -> HttpResponseBase:
    choose_type(parse_accept(_accept(scope)), JSON_TYPES)
    ordered = instances.order_by("series_id", "instance_number", "sop_instance_uid")
    body = "".join(dicomjson.metadata_pieces(ordered, scope.base_url)).encode()
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding, Cookie"}
    if "gzip" in scope.request.headers.get("Accept-Encoding", "") and len(body) > 1400:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HttpResponse(body, content_type=JSON_TYPES[0], headers=headers)


def _instances(scope: Scope, instances: QuerySet[Instance]) -> HttpResponseBase:
    accept = parse_accept(_accept(scope))
    if not any(w.media_type in ("application/dicom", "*/*") for w in accept):
        raise NotAcceptable("instances are available as application/dicom")
    rows = instances.defer("dicom_json", "frame_index").order_by("series_id", "instance_number")

    def parts() -> Iterator[Part]:
        for row in rows.iterator(chunk_size=200):
            syntax = row.transfer_syntax_uid
            yield Part(f"application/dicom; transfer-syntax={syntax}", row.path.read_bytes())

    return StreamingHttpResponse(
        multipart.encode(parts()),
        content_type=multipart.content_type("application/dicom"),
        headers={"Cache-Control": "private, no-cache"},
    )


def _frame_index(instance: Instance) -> FrameIndex:
    index = instance.frames
    if index is None:
        why = instance.unrenderable_reason or "the object holds no frames"
        raise NotAcceptable(f"no frames can be served: {why}")
    return index


def _frame_numbers(text: str, index: FrameIndex) -> list[int]:
    try:
        numbers = [int(piece) for piece in text.split(",")]
    except ValueError:
        raise InvalidInput("Frames are numbers, separated by commas.", field="frames") from None
    if len(numbers) > MAX_FRAMES_PER_REQUEST:
        raise InvalidInput(f"At most {MAX_FRAMES_PER_REQUEST} frames at once.", field="frames")
    if any(not 1 <= n <= index.count for n in numbers):
        raise NotFound
    return numbers


def _reader(instance: Instance, index: FrameIndex, choice: Choice) -> Callable[[int], bytes]:
    if choice.is_stored:
        return lambda number: read_frame(instance.path, index, number)

    def decode(number: int) -> bytes:
        try:
            return sandbox.run("native_frame", path=str(instance.path), frame=number)[1]
        except sandbox.SandboxFailure as failure:
            raise NotAcceptable(f"the frame cannot be decoded: {failure.reason}") from None

    return decode


def _rendering_options(scope: Scope) -> dict[str, float | int]:
    options: dict[str, float | int] = {}
    parameters = scope.request.GET
    try:
        if window := parameters.get("window"):
            center, width = window.split(",")[:2]
            options |= {"center": float(center), "width": float(width)}
        if viewport := parameters.get("viewport"):
            options["longest_side"] = max(int(v) for v in viewport.split(",")[:2])
        if quality := parameters.get("quality"):
            options["quality"] = int(quality)
    except ValueError:
        raise InvalidInput("window, viewport and quality are numbers.", field="query") from None
    if (
        not 1 <= options.get("quality", 90) <= 100
        or not 1 <= options.get("longest_side", 1) <= 8192
    ):
        raise InvalidInput("quality is 1 to 100 and viewport at most 8192.", field="query")
    return options


def _picture(
    instance: Instance, numbers: str, *, media_type: str, **options: float | int
) -> HttpResponse:
    if not numbers.isdigit():
        raise InvalidInput("Ask for one frame.", field="frames")
    index = _frame_index(instance)
    if not 1 <= int(numbers) <= index.count:
        raise NotFound
    if instance.unrenderable_reason:
        raise NotAcceptable(f"cannot be rendered: {instance.unrenderable_reason}")
    try:
        _, data = sandbox.run(
            "render", path=str(instance.path), frame=int(numbers), media_type=media_type, **options
        )
    except sandbox.SandboxFailure as failure:
        raise NotAcceptable(f"cannot be rendered: {failure.reason}") from None
    return HttpResponse(data, content_type=media_type, headers=IMMUTABLE)
