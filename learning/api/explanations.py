"""Why a model answers as it does: maps over a case's images, and the labeled cases that look like it."""

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.downloads import bytes_response
from annotation.core.errors import NotFound
from annotation.core.jobs import JobState
from annotation.datasets.api.views import ProgressOfJob
from annotation.labeling.api.projects import parsed
from learning.access import explained_case_for, explanation_for
from learning.models import Explanation, Method, TargetKind
from learning.services import explanations, neighbours
from learning.services.naming import labels_of_target

Plain = serializers.Serializer[Any]
REVALIDATED = {"Cache-Control": "private, no-cache"}  # every look asks again, and is noted


class ExplainableSerializer(Plain):
    model_version = serializers.UUIDField(source="version.pk")
    target = serializers.CharField(source="version.target.name")
    labels = serializers.SerializerMethodField()
    question = serializers.CharField(source="version.target.question")
    kind = serializers.ChoiceField(choices=TargetKind.choices, source="version.target.kind")
    number = serializers.IntegerField(source="version.number")
    classes = serializers.ListField(child=serializers.CharField(), source="version.classes")
    methods = serializers.ListField(child=serializers.ChoiceField(choices=Method.choices))
    likely = serializers.CharField(
        help_text="What the model suggests, of several findings the surest; empty where it calls no class."
    )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_labels(self, found: Any) -> list[str]:
        """What the schema calls the target."""
        return labels_of_target(found.version.target)


class NewExplanationRequest(Plain):
    model_version = serializers.UUIDField()
    method = serializers.ChoiceField(choices=Method.choices)
    answer = serializers.CharField(max_length=80, default="", allow_blank=True)


class MapPlaceSerializer(Plain):
    series_instance_uid = serializers.CharField()
    frames = serializers.SerializerMethodField()
    box = serializers.ListField(
        child=serializers.FloatField(), min_length=4, max_length=4,
        help_text="Left, top, right, bottom of every slice; (0, 0) is the centre of the first pixel.",
    )  # fmt: skip

    def get_frames(self, place: Any) -> list[str]:
        """`<SOP Instance UID>:<frame>` of every slice of the map, in its order."""
        return [f"{uid}:{number}" for uid, number in place["frames"]]


class ExplanationSerializer(serializers.ModelSerializer[Explanation]):
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = ProgressOfJob()
    method = serializers.ChoiceField(choices=Method.choices)
    place = serializers.SerializerMethodField()

    class Meta:
        model = Explanation
        fields = [
            "id", "model_version", "case", "method", "answer", "state", "progress", "error", "error_words",
            "place",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(MapPlaceSerializer(allow_null=True))
    def get_place(self, explanation: Explanation) -> Any:
        is_made = explanation.state == JobState.COMPLETED
        return MapPlaceSerializer(explanation.place).data if is_made else None


class NeighbourSerializer(Plain):
    case_id = serializers.UUIDField()
    study_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    distance = serializers.FloatField()
    answers = serializers.DictField(child=serializers.JSONField())


class CaseExplanationsView(APIView):
    """What the models in production can be asked about a case, and the asking."""

    @extend_schema(responses=ExplainableSerializer(many=True))
    def get(self, request: Request, case_id: UUID) -> Response:
        user = user_of(request)
        explained = explained_case_for(user, case_id)
        is_open = explained.is_open
        found = explanations.show_choices(user=user, explained=explained) if is_open else []
        return Response(ExplainableSerializer(found, many=True).data)

    @extend_schema(request=NewExplanationRequest, responses={202: ExplanationSerializer})
    def post(self, request: Request, case_id: UUID) -> Response:
        explained = explained_case_for(user_of(request), case_id)
        wanted = parsed(NewExplanationRequest, request)
        if not explained.is_open:
            raise NotFound
        found = explanations.request_explanation(case=explained.case, **wanted)
        return Response(ExplanationSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class ExplanationView(APIView):
    """How far a map is, and where it lies."""

    @extend_schema(responses=ExplanationSerializer)
    def get(self, request: Request, explanation_id: UUID) -> Response:
        found, _ = explanation_for(user_of(request), explanation_id)
        return Response(ExplanationSerializer(found).data)


class ExplanationMapView(APIView):
    """The map: one slice per frame of its place, 0 to 255, packed like a label map."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, explanation_id: UUID) -> HttpResponseBase:
        user = user_of(request)
        found, explained = explanation_for(user, explanation_id)
        data = explanations.read_map(found)
        explanations.note_shown(user=user, explained=explained, explanation=found)
        return bytes_response(
            request._request, data, content_type="application/octet-stream", etag=found.sha256,
            file_name=f"{found.pk}.map", caching=REVALIDATED,
        )  # fmt: skip


class NeighboursView(APIView):
    """The labeled cases that look most like this one, nearest first."""

    @extend_schema(responses=NeighbourSerializer(many=True))
    def get(self, request: Request, case_id: UUID) -> Response:
        user = user_of(request)
        explained = explained_case_for(user, case_id)
        is_open = explained.is_open
        found = neighbours.show_neighbours(user=user, explained=explained) if is_open else []
        return Response(NeighbourSerializer(found, many=True).data)
