"""Search a granted source, preview a study, and the transfers from and to it: managers only.

No address is ever taken from a request; a source is named by its id.
"""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.archive.answers import is_uid
from annotation.core.errors import InvalidInput, NotFound, get_or_not_found
from annotation.core.jobs import JobState
from annotation.labeling import access
from annotation.labeling.api.projects import parsed
from annotation.labeling.models import Direction, Project, Source, Transfer
from annotation.labeling.services import sources, transfers

Plain = serializers.Serializer[Any]
FILTERS = ("PatientID", "PatientName", "StudyDate", "AccessionNumber", "ModalitiesInStudy")
CACHE = "private, max-age=600"


class SourceSerializer(Plain):
    id = serializers.UUIDField()
    name = serializers.CharField()


class StudySearch(Plain):
    """The attributes that a study may be searched by; wildcards as in DICOM."""

    PatientID = serializers.CharField(max_length=64, required=False)
    PatientName = serializers.CharField(max_length=200, required=False)
    StudyDate = serializers.RegexField(r"^(\d{8}|\d{8}-|-\d{8}|\d{8}-\d{8})$", required=False)
    AccessionNumber = serializers.CharField(max_length=64, required=False)
    ModalitiesInStudy = serializers.RegexField(r"^[A-Z0-9]{1,16}$", required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=25)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, default=0)


class RemoteStudySerializer(Plain):
    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    patient_id = serializers.CharField(source="study.patient_id")
    patient_name = serializers.CharField(source="study.patient_name")
    patient_birth_date = serializers.CharField(source="study.patient_birth_date")
    patient_sex = serializers.CharField(source="study.patient_sex")
    study_date = serializers.CharField(source="study.study_date")
    study_description = serializers.CharField(source="study.study_description")
    accession_number = serializers.CharField(source="study.accession_number")
    modalities = serializers.ListField(child=serializers.CharField(), source="study.modalities")
    series_count = serializers.IntegerField(source="study.series_count", allow_null=True)
    instance_count = serializers.IntegerField(source="study.instance_count", allow_null=True)
    is_in_project = serializers.BooleanField()


class RemoteStudiesSerializer(Plain):
    results = RemoteStudySerializer(many=True)
    has_more = serializers.BooleanField()


class RemoteSeriesSerializer(Plain):
    series_instance_uid = serializers.CharField()
    modality = serializers.CharField()
    series_number = serializers.IntegerField(allow_null=True)
    series_description = serializers.CharField()
    body_part_examined = serializers.CharField()
    instance_count = serializers.IntegerField(allow_null=True)


class FailureSerializer(Plain):
    study = serializers.CharField()
    instance = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()


class TransferProgress(Plain):
    step = serializers.CharField(required=False)
    done = serializers.IntegerField(required=False)
    total = serializers.IntegerField(required=False)


class TransferRowSerializer(Plain):
    """A transfer in a list; its failures are in the detail."""

    id = serializers.UUIDField()
    source_name = serializers.CharField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = TransferProgress()
    error = serializers.CharField(allow_blank=True)
    error_words = serializers.DictField(help_text="The error in no language, where known.")
    cancel_requested = serializers.BooleanField()
    study_count = serializers.SerializerMethodField()
    new_count = serializers.IntegerField()
    known_count = serializers.IntegerField()
    failed_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_study_count(self, transfer: Transfer) -> int:
        """0 for a push of all studies."""
        return len(transfer.study_uids)


class TransferSerializer(TransferRowSerializer):
    study_uids = serializers.ListField(child=serializers.CharField())
    failures = FailureSerializer(many=True)


class NewTransferRequest(Plain):
    """A push that names no studies sends all of the project's."""

    source_id = serializers.UUIDField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    studies = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=transfers.MAX_STUDIES,
        allow_empty=True,
        default=list,
    )


def source_for_manager(
    request: Request, project_id: UUID, source_id: UUID
) -> tuple[Project, Source]:
    """The project and a source granted to it."""
    project = access.project_for(user_of(request), project_id, access.MANAGERS)
    return project, get_or_not_found(project.sources.all(), pk=source_id)


def transfer_for_manager(request: Request, project_id: UUID, transfer_id: UUID) -> Transfer:
    project = access.project_for(user_of(request), project_id, access.MANAGERS)
    return get_or_not_found(project.transfers.select_related("project"), pk=transfer_id)


def uid_or_not_found(*uids: str) -> None:
    if not all(map(is_uid, uids)):
        raise NotFound


class SourcesView(APIView):
    """The sources that the project may use, by name."""

    @extend_schema(responses=SourceSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        return Response(SourceSerializer(project.sources.order_by("name"), many=True).data)


class SourceStudiesView(APIView):
    """Search the studies of a source."""

    @extend_schema(parameters=[StudySearch], responses=RemoteStudiesSerializer)
    def get(self, request: Request, project_id: UUID, source_id: UUID) -> Response:
        project, source = source_for_manager(request, project_id, source_id)
        unknown = sorted(set(request.query_params) - set(StudySearch().fields))
        if unknown:
            raise InvalidInput("Unknown filter.", field=unknown[0])
        query = StudySearch(data=request.query_params)
        query.is_valid(raise_exception=True)
        limit = query.validated_data["limit"]
        found = sources.search_studies(
            actor=user_of(request),
            project=project,
            source=source,
            filters={name: query.validated_data.get(name, "") for name in FILTERS},
            limit=limit + 1,
            offset=query.validated_data["offset"],
        )
        page = {"results": found[:limit], "has_more": len(found) > limit}
        return Response(RemoteStudiesSerializer(page).data)


class SourceSeriesView(APIView):
    """The series of one study of a source."""

    @extend_schema(responses=RemoteSeriesSerializer(many=True))
    def get(self, request: Request, project_id: UUID, source_id: UUID, study_uid: str) -> Response:
        _, source = source_for_manager(request, project_id, source_id)
        uid_or_not_found(study_uid)
        series = sources.list_series(source=source, study_uid=study_uid)
        return Response(RemoteSeriesSerializer(series, many=True).data)


class SourcePreviewView(APIView):
    """A picture from the middle of a series, drawn by the source; 404 where it draws none."""

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(
        self, request: Request, project_id: UUID, source_id: UUID, study_uid: str, series_uid: str
    ) -> HttpResponse:
        _, source = source_for_manager(request, project_id, source_id)
        uid_or_not_found(study_uid, series_uid)
        preview = sources.preview_of(source=source, study_uid=study_uid, series_uid=series_uid)
        if preview is None:
            raise NotFound
        return HttpResponse(
            preview.data, content_type=preview.content_type, headers={"Cache-Control": CACHE}
        )


class TransfersView(generics.ListAPIView[Any]):
    """The project's transfers, newest first."""

    serializer_class = TransferRowSerializer
    filter_backends = []
    queryset = Transfer.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Transfer.objects.none()
        project = access.project_for(self.request.user, self.kwargs["project_id"], access.MANAGERS)
        return project.transfers.order_by("-created_at").defer("failures")

    @extend_schema(request=NewTransferRequest, responses={202: TransferSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        body = parsed(NewTransferRequest, request)
        source = project.sources.filter(pk=body["source_id"]).first()
        if source is None:
            raise InvalidInput("The project has no such source.", field="source_id")
        is_pull = body["direction"] == Direction.PULL
        ask = transfers.request_pull if is_pull else transfers.request_push
        transfer = ask(
            actor=user_of(request), project=project, source=source, study_uids=body["studies"]
        )
        return Response(TransferSerializer(transfer).data, status=status.HTTP_202_ACCEPTED)


class TransferView(APIView):
    """One transfer with its failures."""

    @extend_schema(responses=TransferSerializer)
    def get(self, request: Request, project_id: UUID, transfer_id: UUID) -> Response:
        transfer = transfer_for_manager(request, project_id, transfer_id)
        return Response(TransferSerializer(transfer).data)


class TransferCancellationView(APIView):
    """Stop a transfer."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, project_id: UUID, transfer_id: UUID) -> Response:
        transfer = transfer_for_manager(request, project_id, transfer_id)
        transfers.cancel(actor=user_of(request), transfer=transfer)
        return Response(status=status.HTTP_202_ACCEPTED)


class TransferResumptionView(APIView):
    """Go on with a transfer that ended early."""

    @extend_schema(request=None, responses={202: TransferSerializer})
    def post(self, request: Request, project_id: UUID, transfer_id: UUID) -> Response:
        transfer = transfer_for_manager(request, project_id, transfer_id)
        resumed = transfers.resume(actor=user_of(request), transfer=transfer)
        return Response(TransferSerializer(resumed).data, status=status.HTTP_202_ACCEPTED)
