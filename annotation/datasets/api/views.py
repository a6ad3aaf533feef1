"""Freeze, list and download."""

from typing import Any
from uuid import UUID

from django.db.models import Count
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core import downloads, jobs
from annotation.core.errors import Conflict, NotFound
from annotation.datasets import services
from annotation.datasets.access import dataset_for, export_for_manager
from annotation.datasets.formats import FORMATS
from annotation.datasets.models import Dataset, Export
from annotation.labeling import access
from annotation.labeling.api.projects import parsed
from annotation.labeling.api.serializers import SchemaSerializer


class DatasetSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    name = serializers.CharField()
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()
    is_for_round = serializers.BooleanField()
    item_count = serializers.IntegerField()


class DatasetDetailSerializer(DatasetSerializer):
    project = serializers.UUIDField(source="project_id")
    schema = SchemaSerializer(help_text="The questions that its answers are answers to.")


class NewDatasetRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, allow_blank=True, default="")


class ProgressOfJob(serializers.Serializer[Any]):
    step = serializers.CharField(required=False)
    done = serializers.IntegerField(required=False)
    total = serializers.IntegerField(required=False)


class ExportSerializer(serializers.ModelSerializer[Export]):
    state = serializers.ChoiceField(choices=jobs.JobState.choices)
    format = serializers.ChoiceField(choices=sorted(FORMATS))
    progress = ProgressOfJob()

    class Meta:
        model = Export
        fields = [
            "id",
            "format",
            "state",
            "progress",
            "error",
            "error_words",
            "size_bytes",
            "sha256",
            "created_at",
        ]
        read_only_fields = fields


class NewExportRequest(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=sorted(FORMATS))


class DatasetsView(generics.ListAPIView[Any]):
    """The frozen datasets of a project, newest first."""

    serializer_class = DatasetSerializer
    filter_backends = []
    queryset = Dataset.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Dataset.objects.none()
        project = access.project_for(self.request.user, self.kwargs["project_id"], access.REVIEWERS)
        return project.datasets.annotate(item_count=Count("items")).order_by("-number")

    @extend_schema(request=NewDatasetRequest, responses={201: DatasetSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        name = parsed(NewDatasetRequest, request)["name"]
        dataset = services.freeze(project=project, name=name, actor=user_of(request))
        dataset.item_count = dataset.items.count()  # type: ignore[attr-defined]
        return Response(DatasetSerializer(dataset).data, status=status.HTTP_201_CREATED)


class DatasetView(APIView):
    """One frozen dataset."""

    @extend_schema(responses=DatasetDetailSerializer)
    def get(self, request: Request, dataset_id: UUID) -> Response:
        dataset: Any = dataset_for(user_of(request), dataset_id)
        dataset.item_count = dataset.items.count()
        return Response(DatasetDetailSerializer(dataset).data)


class ExportsView(APIView):
    """The exports of one dataset."""

    @extend_schema(responses=ExportSerializer(many=True))
    def get(self, request: Request, dataset_id: UUID) -> Response:
        dataset = dataset_for(user_of(request), dataset_id, access.MANAGERS)
        exports = dataset.exports.order_by("-created_at")
        return Response(ExportSerializer(exports, many=True).data)

    @extend_schema(request=NewExportRequest, responses={202: ExportSerializer})
    def post(self, request: Request, dataset_id: UUID) -> Response:
        dataset = dataset_for(user_of(request), dataset_id, access.MANAGERS)
        format_name = parsed(NewExportRequest, request)["format"]
        export = services.request_export(
            actor=user_of(request), dataset=dataset, format_name=format_name
        )
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)


class ExportView(APIView):
    """One export: its state, or stop it."""

    @extend_schema(responses=ExportSerializer)
    def get(self, request: Request, export_id: UUID) -> Response:
        return Response(ExportSerializer(export_for_manager(user_of(request), export_id)).data)

    @extend_schema(responses={202: None})
    def delete(self, request: Request, export_id: UUID) -> Response:
        jobs.request_cancel(export_for_manager(user_of(request), export_id))
        return Response(status=status.HTTP_202_ACCEPTED)


class ExportFileView(APIView):
    """The file of a finished export; Range requests resume a broken download."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        export = export_for_manager(user_of(request), export_id)
        if export.state != jobs.JobState.COMPLETED:
            raise Conflict("The export is not ready.", state=export.state)
        path = services.export_path(export)
        if not path.exists():
            raise NotFound
        wanted: HttpRequest = request._request
        return downloads.file_response(
            wanted,
            path,
            content_type=FORMATS[export.format].content_type,
            etag=export.sha256,
            file_name=f"firstread-dataset-{export.dataset.number}.{path.suffix.lstrip('.')}",
        )
