"""Models as bundles: asked for and downloaded, sent in and checked. For managers."""

from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core import downloads
from annotation.core.errors import Conflict, NotFound, get_or_not_found
from annotation.core.jobs import JobState
from annotation.datasets.api.views import ProgressOfJob
from annotation.labeling import access
from learning import selectors
from learning.api.targets import target_of
from learning.models import BundleExport, BundleImport
from learning.services import bundles

CHUNK_BYTES = 1 << 20
MAX_IMPORTS = 20  # the latest


class BundleParser(BaseParser):
    """The body as a stream: a bundle does not fit into memory."""

    media_type = "application/zip"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        del media_type, parser_context
        return {"stream": stream}


class BundleExportSerializer(serializers.ModelSerializer[BundleExport]):
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = ProgressOfJob()

    class Meta:
        model = BundleExport
        fields = [
            "id",
            "state",
            "progress",
            "error",
            "error_words",
            "size_bytes",
            "sha256",
            "created_at",
        ]
        read_only_fields = fields


class BundleImportSerializer(serializers.ModelSerializer[BundleImport]):
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = ProgressOfJob()
    model_number = serializers.IntegerField(source="model_version.number", allow_null=True)

    class Meta:
        model = BundleImport
        fields = [
            "id", "state", "progress", "error", "error_words", "size_bytes", "sha256", "model_version",
            "model_number", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


def export_for_manager(user: Any, export_id: UUID) -> BundleExport:
    visible = BundleExport.objects.filter(
        model_version__in=selectors.model_versions_visible_to(user)
    )
    found = get_or_not_found(visible.select_related("model_version__target__project"), pk=export_id)
    access.require(user, found.model_version.target.project, access.MANAGERS)
    return found


class BundleExportsView(APIView):
    """Ask for a model version as a MONAI bundle."""

    @extend_schema(request=None, responses={202: BundleExportSerializer})
    def post(self, request: Request, model_version_id: UUID) -> Response:
        visible = selectors.model_versions_visible_to(user_of(request))
        version = get_or_not_found(visible, pk=model_version_id)
        access.require(user_of(request), version.target.project, access.MANAGERS)
        export = bundles.request_export(actor=user_of(request), version=version)
        return Response(BundleExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)


class BundleExportView(APIView):
    """Whether the bundle is ready."""

    @extend_schema(responses=BundleExportSerializer)
    def get(self, request: Request, bundle_export_id: UUID) -> Response:
        return Response(
            BundleExportSerializer(export_for_manager(user_of(request), bundle_export_id)).data
        )


class BundleFileView(APIView):
    """The bundle; Range requests resume a broken download."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, bundle_export_id: UUID) -> HttpResponseBase:
        export = export_for_manager(user_of(request), bundle_export_id)
        if export.state != JobState.COMPLETED:
            raise Conflict("The bundle is not ready.", state=export.state)
        path = bundles.export_path(export)
        if not path.exists():
            raise NotFound
        version, target = export.model_version, export.model_version.target
        return downloads.file_response(
            request._request, path, content_type="application/zip", etag=export.sha256,
            file_name=f"firstread-{target.question or target.kind}-model-{version.number}.zip",
        )  # fmt: skip


class BundleImportsView(APIView):
    """Bundles that were sent in for a target, newest first."""

    parser_classes = [BundleParser]

    @extend_schema(responses=BundleImportSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        found = target.bundle_imports.select_related("model_version").order_by("-created_at")
        return Response(BundleImportSerializer(found[:MAX_IMPORTS], many=True).data)

    @extend_schema(
        request={"application/zip": OpenApiTypes.BINARY}, responses={202: BundleImportSerializer}
    )
    def post(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        body: Any = request.data
        arrived = bundles.request_import(
            actor=user_of(request), target=target, chunks=_chunks(body.get("stream"))
        )
        return Response(BundleImportSerializer(arrived).data, status=status.HTTP_202_ACCEPTED)


def _chunks(stream: IO[bytes] | None) -> Iterator[bytes]:
    while stream is not None and (chunk := stream.read(CHUNK_BYTES)):
        yield chunk
