"""Label maps of a read, uploaded and loaded as packs of slices."""

from typing import IO, Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.authentication import user_of
from annotation.core.errors import InvalidInput, get_or_not_found
from annotation.imaging.masks import MAX_PACK_BYTES
from annotation.labeling import access
from annotation.labeling.api.reading import OwnAnnotationView
from annotation.labeling.services import masks

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
    revision = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="Without it: the draft."
    )


class MasksView(OwnAnnotationView):
    """The slices of a read's label maps."""

    parser_classes = [PackParser]

    @extend_schema(
        parameters=[LayerQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, annotation_id: UUID) -> StreamingHttpResponse:
        visible = access.annotations_visible_to(user_of(request))
        annotation = get_or_not_found(visible, pk=annotation_id)
        query = LayerQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        content = annotation.draft
        if number := query.validated_data.get("revision"):
            content = get_or_not_found(annotation.revisions.all(), number=number).content
        pack = masks.pack_of_layer(content=content, layer=query.validated_data["layer"])
        return StreamingHttpResponse(pack, content_type="application/octet-stream")

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY}, responses=StoredSerializer
    )
    def post(self, request: Request, annotation_id: UUID) -> Response:
        annotation = self.own(request, annotation_id)
        body: Any = request.data
        pack = body.get("pack", b"")
        stored = masks.store_slices(annotation=annotation, pack=pack)
        return Response(StoredSerializer({"stored": stored}).data)
