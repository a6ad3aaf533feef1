"""WADO-RS rendered resources and thumbnails (PS3.18 §10.4.1.1.3)."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)

from annotation.archive import storage
from annotation.archive.models import Instance, Series, SeriesPreparation
from annotation.archive.selectors import middle_frame
from annotation.core.downloads import bytes_response
from annotation.core.errors import InvalidInput, NotFound
from annotation.dicomweb import dicomjson, frames, multipart, passing
from annotation.dicomweb.frames import IMMUTABLE
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.multipart import Part
from annotation.dicomweb.negotiation import NotAcceptable, choose_type, parse_accept
from annotation.imaging import sandbox

PICTURE_TYPES = ("image/jpeg", "image/png", "image/gif")
PDF, PDF_CLASS, PDF_TAG = "application/pdf", "1.2.840.10008.5.1.4.1.1.104.1", "00420011"
THUMBNAIL_SIDE = 256
MAX_SIDE = 8192
MAX_ANIMATED_FRAMES = 100
FUNCTIONS = ("linear", "linear-exact", "sigmoid")
Options = dict[str, Any]


@dicomweb
def rendered(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str, numbers: str = ""
) -> HttpResponseBase:
    """A picture of one frame; `window`, `viewport` and `quality` as in Table 8.3.5-1.

    As image/gif all frames of the instance play. An encapsulated PDF is given as it is.
    """
    found = scope.instance(study_uid, series_uid, instance_uid)
    if found.sop_class_uid == PDF_CLASS:
        return _document(scope, found)
    media_type = choose_type(parse_accept(scope.accept), PICTURE_TYPES)
    options = parse_options(scope.request.GET)
    frame_numbers = _numbers(found, numbers, media_type)
    return picture_response(scope.request, found, frame_numbers, media_type, options)


@dicomweb
def rendered_many(scope: Scope, study_uid: str, series_uid: str | None = None) -> HttpResponseBase:
    """A picture of every image of a series or a study, one part each."""
    media_type = choose_type(
        parse_accept(scope.accept), PICTURE_TYPES[:2], in_parts=PICTURE_TYPES[:2]
    )
    options = parse_options(scope.request.GET)
    if series_uid is None:
        instances = Instance.objects.filter(series__study=scope.study(study_uid))
    else:
        instances = scope.series(study_uid, series_uid).instances.all()
    images = instances.filter(frame_index__isnull=False, unrenderable_reason="")
    if not images.exists():
        raise NotAcceptable("none of the objects can be rendered")
    return StreamingHttpResponse(
        multipart.encode(_parts(scope, images, media_type, options)),
        content_type=multipart.content_type(media_type),
        headers={"Cache-Control": "private, no-cache"},
    )


@dicomweb
def thumbnail(
    scope: Scope,
    study_uid: str,
    series_uid: str | None = None,
    instance_uid: str | None = None,
    numbers: str = "",
) -> HttpResponseBase:
    """A small JPEG: of a frame, of an instance, or of the middle of a series or study."""
    choose_type(parse_accept(scope.accept), PICTURE_TYPES[:1])
    if series_uid is not None and instance_uid is not None:
        found = scope.instance(study_uid, series_uid, instance_uid)
        number = numbers or _middle_of(found)
    else:
        series = (
            scope.series(study_uid, series_uid) if series_uid else _first_series(scope, study_uid)
        )
        if ready := _prepared_thumbnail(series):
            return bytes_response(
                scope.request, ready, content_type="image/jpeg", etag=f"thumbnail-{len(ready)}",
                file_name="thumbnail.jpg",
            )  # fmt: skip
        middle = middle_frame(series.instances.all())
        if middle is None:
            raise NotAcceptable("the series holds no images")
        found, number = middle[0], str(middle[1])
    options = {"longest_side": THUMBNAIL_SIDE, "quality": 80}
    if "viewport" in scope.request.GET:
        options |= parse_options(scope.request.GET)
    return picture_response(
        scope.request, found, _numbers(found, number, "image/jpeg"), "image/jpeg", options
    )


def parse_options(parameters: QueryDict) -> Options:
    """`window`, `viewport` and `quality` as arguments of imaging.rendered.Rendering.

    Raises InvalidInput naming the parameter.
    """
    options: Options = {}
    if window := parameters.get("window"):
        options |= _window(window.split(","))
    if viewport := parameters.get("viewport"):
        options |= _viewport(viewport.split(","))
    if quality := parameters.get("quality"):
        if not re.fullmatch("[0-9]{1,3}", quality) or not 1 <= int(quality) <= 100:
            raise InvalidInput("quality is a number from 1 to 100.", field="quality")
        options["quality"] = int(quality)
    return options


def _window(pieces: list[str]) -> Options:
    try:
        center, width = float(pieces[0]), float(pieces[1])
    except (ValueError, IndexError):
        raise InvalidInput("window is center,width[,function].", field="window") from None
    function = pieces[2] if len(pieces) > 2 else "linear"
    if not (abs(center) < 1e9 and 0 < width < 1e9) or function not in FUNCTIONS:
        names = ", ".join(FUNCTIONS)
        raise InvalidInput(f"window needs a width above 0 and one of {names}.", field="window")
    return {"center": center, "width": width, "function": function}


def _viewport(pieces: list[str]) -> Options:
    """vw,vh[,sx,sy[,sw,sh]]: the box to fit into, and the region of the image (empty: all)."""
    try:
        numbers = [float(p) if p.strip() else None for p in pieces]
    except ValueError:
        numbers = []
    size, region = numbers[:2], numbers[2:]
    if len(numbers) not in (2, 4, 6) or not all(v and 1 <= v <= MAX_SIDE for v in size):
        raise InvalidInput(
            f"viewport is width,height[,x,y[,width,height]] with sides of 1 to {MAX_SIDE}.",
            field="viewport",
        )
    if not all(v is None or abs(v) <= 1e6 for v in region):
        raise InvalidInput("The region of viewport is out of range.", field="viewport")
    padded = (*region, None, None, None, None)[:4]
    return {"viewport": [int(v or 0) for v in size], "region": padded if region else None}


def _middle_of(instance: Instance) -> str:
    middle = middle_frame(Instance.objects.filter(pk=instance.pk))
    return str(middle[1]) if middle else "1"


def _numbers(instance: Instance, text: str, media_type: str) -> list[int]:
    source = frames.source_of(instance)
    if text == "":
        is_animated = media_type == "image/gif"
        count = min(source.index.count, MAX_ANIMATED_FRAMES) if is_animated else 1
        return list(range(1, count + 1))
    found = frames.parse_numbers(text, source.index.count)
    if len(found) > 1 and media_type != "image/gif":
        raise InvalidInput("Ask for one frame, or for image/gif.", field="frames")
    if len(found) > MAX_ANIMATED_FRAMES:
        raise InvalidInput(f"At most {MAX_ANIMATED_FRAMES} frames are animated.", field="frames")
    return found


def picture_response(
    request: HttpRequest,
    instance: Instance,
    numbers: list[int],
    media_type: str,
    options: Options,
) -> HttpResponseBase:
    """One picture with what lets it be cached. Raises NotAcceptable."""
    data = make_picture(instance, numbers, media_type, options)
    return bytes_response(
        request, data, content_type=media_type, file_name=f"picture.{media_type[6:]}",
        etag=etag_of(instance.sha256, numbers, media_type, options), caching=IMMUTABLE,
    )  # fmt: skip


def etag_of(sha256: str, *what: Any) -> str:
    """The same for the same picture, in every process."""
    return f"{sha256}-{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}"


def make_picture(
    instance: Instance, numbers: list[int], media_type: str, options: Options
) -> bytes:
    """Encoded picture bytes. Raises NotAcceptable with the reason."""
    if instance.unrenderable_reason:
        raise NotAcceptable(f"cannot be rendered: {instance.unrenderable_reason}")
    return draw(instance.path, numbers, media_type, options)


def draw(path: Path, numbers: list[int], media_type: str, options: Options) -> bytes:
    """The picture of a file that can be rendered. Raises NotAcceptable with the reason."""
    try:
        _, data = sandbox.run(
            "render", path=str(path), frames=numbers, media_type=media_type, **options
        )
    except sandbox.SandboxFailure as failure:
        raise NotAcceptable(f"cannot be rendered: {failure.reason}") from None
    return data


def _parts(
    scope: Scope, images: QuerySet[Instance], media_type: str, options: Options
) -> Iterator[Part]:
    ordered = images.select_related("series__study").defer("dicom_json", "frame_index")
    for instance in ordered.order_by("series_id", "instance_number").iterator(chunk_size=100):
        try:
            data = make_picture(instance, [1], media_type, options)
        except NotAcceptable:
            continue  # one that cannot be decoded does not end the others
        location = f"{dicomjson.instance_url(scope.base_url, instance)}/rendered"
        yield Part(media_type, data, location)


def _document(scope: Scope, instance: Instance) -> HttpResponseBase:
    choose_type(parse_accept(scope.accept), (PDF,))
    scope.refuse_whole_objects_of(instance)
    try:
        _, made = passing.make("element", path=str(instance.path), tag=PDF_TAG)
    except sandbox.SandboxFailure as failure:
        raise NotAcceptable(f"cannot be rendered: {failure.reason}") from None
    return passing.answer(
        scope.request, made, content_type=PDF, etag=f"{instance.sha256}-pdf",
        file_name="document.pdf",
    )  # fmt: skip


def _first_series(scope: Scope, study_uid: str) -> Series:
    study = scope.study(study_uid)
    for series in study.series.order_by("series_number", "series_instance_uid"):
        if series.instances.filter(frame_index__isnull=False).exists():
            return series
    raise NotAcceptable("the study holds no images")


def _prepared_thumbnail(series: Series) -> bytes | None:
    ready = SeriesPreparation.objects.filter(series=series).exclude(thumbnail_sha256="").first()
    if ready is None:
        return None
    try:
        return storage.blob_path(ready.thumbnail_sha256).read_bytes()
    except OSError:
        raise NotFound from None
