"""Label maps of a read, uploaded and loaded as packs of slices."""

import hashlib
from typing import IO, Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.downloads import bytes_response
from annotation.core.errors import InvalidInput, get_or_not_found
from annotation.imaging.masks import MAX_PACK_BYTES
from annotation.labeling import access, selectors
from annotation.labeling.api.reading import OwnAnnotationView, revealed_suggestions
from annotation.labeling.models import Annotation
from annotation.labeling.services import label_volumes, masks

Plain = serializers.Serializer[Any]


class PackParser(BaseParser):
    """The bytes of a pack, never more than the limit."""

    media_type = "application/octet-stream"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        del media_type, parser_context
        data: bytes = stream.read(MAX_PACK_BYTES + 1)
        if len(data) > MAX_PACK_BYTES:
            raise InvalidInput(f"A pack may not exceed {MAX_PACK_BYTES >> 20} MiB.", field="pack")
        return {"pack": data}


class StoredSerializer(Plain):
    stored = serializers.IntegerField()


class LayerQuery(Plain):
    layer = serializers.IntegerField(min_value=0, max_value=255, default=0)


class ReadLayerQuery(LayerQuery):
    revision = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="Without it: the draft."
    )


class SeriesLayerQuery(ReadLayerQuery):
    series = serializers.CharField(
        max_length=64, required=False, help_text="Needed where several series have masks."
    )


def queried(shape: type[Plain], request: Request) -> dict[str, Any]:
    """The checked query parameters."""
    query = shape(data=request.query_params)
    query.is_valid(raise_exception=True)
    found: dict[str, Any] = query.validated_data
    return found


def content_of(annotation: Annotation, revision: int | None) -> Any:
    """The content of a revision, of the draft without one. Raises NotFound."""
    if revision is None:
        return annotation.draft
    return get_or_not_found(annotation.revisions.all(), number=revision).content


def pack_response(content: Any, layer: int) -> StreamingHttpResponse:
    pack = masks.pack_of_layer(content=content, layer=layer)
    return StreamingHttpResponse(pack, content_type="application/octet-stream")


class MasksView(OwnAnnotationView):
    """The slices of a read's label maps."""

    parser_classes = [PackParser]

    @extend_schema(
        parameters=[ReadLayerQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, annotation_id: UUID) -> StreamingHttpResponse:
        visible = access.annotations_visible_to(user_of(request))
        annotation = get_or_not_found(visible, pk=annotation_id)
        query = queried(ReadLayerQuery, request)
        content = content_of(annotation, query.get("revision"))
        return pack_response(content, query["layer"])

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY}, responses=StoredSerializer
    )
    def post(self, request: Request, annotation_id: UUID) -> Response:
        annotation = self.own(request, annotation_id)
        body: Any = request.data
        pack = body.get("pack", b"")
        stored = masks.store_slices(annotation=annotation, pack=pack)
        return Response(StoredSerializer({"stored": stored}).data)


class NiftiView(APIView):
    """One layer of a read's masks as a volume, for managers."""

    @extend_schema(
        parameters=[SeriesLayerQuery],
        responses={(200, "application/gzip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, annotation_id: UUID) -> HttpResponseBase:
        visible = access.annotations_visible_to(user_of(request))
        related = visible.select_related("case__project", "case__study")
        annotation = get_or_not_found(related, pk=annotation_id)
        access.require(user_of(request), annotation.case.project, access.MANAGERS)
        query = queried(SeriesLayerQuery, request)
        data = label_volumes.nifti_of_layer(
            study=annotation.case.study,
            content=content_of(annotation, query.get("revision")),
            layer=query["layer"],
            series_uid=query.get("series"),
        )
        name = f"{annotation.pk}-layer{query['layer']}.nii.gz"
        return bytes_response(
            request._request, data, content_type="application/gzip",
            etag=hashlib.sha256(data).hexdigest(), file_name=name,
        )  # fmt: skip


class SuggestedMasksView(APIView):
    """The slices of a mask that a model suggests, for the reader who may see it.

    One that was replaced while the case is open too: the page shows what it was opened with.
    """

    @extend_schema(
        parameters=[LayerQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, case_id: UUID, suggestion_id: UUID) -> StreamingHttpResponse:
        _, revealed = revealed_suggestions(
            user_of(request), case_id, selectors.find_suggestions_so_far
        )
        suggestion = get_or_not_found(revealed, pk=suggestion_id)
        return pack_response(suggestion.content, queried(LayerQuery, request)["layer"])
