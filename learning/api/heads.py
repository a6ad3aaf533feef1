"""The quick loop on screen: heads, honest figures, the encoder's state, similar cases."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.errors import get_or_not_found
from annotation.core.jobs import JobState
from annotation.datasets.api.views import ProgressOfJob
from annotation.labeling import access
from learning import selectors
from learning.api.targets import target_of
from learning.api.views import EstimateSerializer
from learning.models import EncoderVersion, HeadVersion
from learning.services import embeddings, encoders, evidence

MAX_HEADS = 100


class HeadMetricsSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    auc = serializers.FloatField(required=False)
    average_precision = serializers.FloatField(required=False)
    accuracy = serializers.FloatField(required=False)
    balanced_accuracy = serializers.FloatField(required=False)
    mean_absolute_error = serializers.FloatField(required=False)
    root_mean_square_error = serializers.FloatField(required=False)
    r2 = serializers.FloatField(required=False)
    spearman = serializers.FloatField(required=False)
    coverage = serializers.FloatField(
        required=False, help_text="Share of the test numbers in their 95 % intervals."
    )
    quadratic_kappa = serializers.FloatField(required=False)
    intervals = serializers.DictField(
        child=EstimateSerializer(), required=False, help_text="Of 95 %, over the test patients."
    )
    kappa = serializers.FloatField(
        required=False, help_text="Agreement with the former head on the same cases."
    )
    per_class = serializers.ListField(child=serializers.IntegerField(), required=False)


class HeadVersionSerializer(serializers.ModelSerializer[HeadVersion]):
    metrics = HeadMetricsSerializer()

    class Meta:
        model = HeadVersion
        fields = [
            "id", "number", "strategy", "seed", "classes", "unit", "training_labels", "pool_size",
            "metrics", "seconds", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class ErrorRateSerializer(serializers.Serializer[Any]):
    """Between 0 and 1; of numbers, which have a unit, a mean absolute error."""

    value = serializers.FloatField()
    low = serializers.SerializerMethodField()
    high = serializers.SerializerMethodField()
    draws = serializers.IntegerField()

    def get_low(self, estimate: Any) -> float:
        return max(0.0, float(estimate.interval[0]))

    def get_high(self, estimate: Any) -> float:
        high = float(estimate.interval[1])
        return high if self.context["has_unit"] else min(1.0, high)


class ConditionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    holds = serializers.BooleanField(allow_null=True)
    sentence = serializers.CharField()
    words = serializers.JSONField(
        source="sentence.words",
        help_text="The sentence in no language: its code and values (learning/estimates/wording.py).",
    )


class WindowSerializer(serializers.Serializer[Any]):
    """Heads by number, and the labels that they had learned from."""

    first = serializers.IntegerField()
    last = serializers.IntegerField()
    labels_first = serializers.IntegerField()
    labels_last = serializers.IntegerField()


class HonestFiguresSerializer(serializers.Serializer[Any]):
    outcomes = serializers.IntegerField()
    unit = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="Of the errors; null where they are rates."
    )
    window = WindowSerializer(
        allow_null=True, help_text="The heads whose predictions these figures count."
    )
    audit = ErrorRateSerializer(allow_null=True)
    weighted = ErrorRateSerializer(allow_null=True)
    forecast = serializers.SerializerMethodField()
    forecast_words = serializers.SerializerMethodField()
    is_stopping_advised = serializers.BooleanField(source="stopping.is_advised")
    conditions = ConditionSerializer(many=True, source="stopping.conditions")
    agreement = ConditionSerializer(allow_null=True)
    retraining = serializers.ListField(child=serializers.CharField(), source="retraining.reasons")

    def get_forecast(self, figures: evidence.HonestFigures) -> str | None:
        return figures.forecast.sentence(evidence.AHEAD) if figures.forecast else None

    @extend_schema_field(serializers.JSONField(allow_null=True))
    def get_forecast_words(self, figures: evidence.HonestFigures) -> dict[str, Any] | None:
        return figures.forecast.sentence(evidence.AHEAD).words if figures.forecast else None


class EncoderVersionSerializer(serializers.ModelSerializer[EncoderVersion]):
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = ProgressOfJob()
    embedded = serializers.IntegerField()
    without_image = serializers.IntegerField()

    class Meta:
        model = EncoderVersion
        fields = [
            "id", "number", "kind", "state", "progress", "error", "error_words", "embedded", "without_image",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class SimilarCaseSerializer(serializers.Serializer[Any]):
    case = serializers.UUIDField()
    study_instance_uid = serializers.CharField()
    state = serializers.CharField()
    distance = serializers.FloatField()


class HeadsView(APIView):
    """The light heads of a target, newest first."""

    @extend_schema(responses=HeadVersionSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id)
        found = target.heads.order_by("-number").defer("content")[:MAX_HEADS]
        return Response(HeadVersionSerializer(found, many=True).data)


class HonestFiguresView(APIView):
    """Error rates of predictions made before the label, a forecast, and the advice to stop."""

    @extend_schema(responses=HonestFiguresSerializer)
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id)
        found = evidence.honest_figures(target)
        context = {"has_unit": found.unit is not None}
        return Response(HonestFiguresSerializer(found, context=context).data)


class EncodersView(APIView):
    """What turns the project's cases into vectors, newest first."""

    @extend_schema(responses=EncoderVersionSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.REVIEWERS)
        found = embeddings.find_encoders(project)
        return Response(EncoderVersionSerializer(found, many=True).data)


class EncoderCancellationView(APIView):
    """Stop the making of vectors: POST ends it, DELETE lets it go on."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, encoder_id: UUID) -> Response:
        encoders.cancel_encoder(
            actor=user_of(request), encoder=_managed_encoder(request, encoder_id)
        )
        return Response(status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={202: None})
    def delete(self, request: Request, encoder_id: UUID) -> Response:
        encoders.resume_encoder(
            actor=user_of(request), encoder=_managed_encoder(request, encoder_id)
        )
        return Response(status=status.HTTP_202_ACCEPTED)


def _managed_encoder(request: Request, encoder_id: UUID) -> EncoderVersion:
    found = get_or_not_found(selectors.encoders_visible_to(user_of(request)), pk=encoder_id)
    access.require(user_of(request), found.project, access.MANAGERS)
    return found


class SimilarCasesView(APIView):
    """The cases of the project that look most like this one, nearest first."""

    @extend_schema(responses=SimilarCaseSerializer(many=True))
    def get(self, request: Request, case_id: UUID) -> Response:
        user = user_of(request)
        case = get_or_not_found(access.cases_visible_to(user).select_related("project"), pk=case_id)
        access.require(user, case.project, access.REVIEWERS)
        found = [
            {
                "case": near.pk, "study_instance_uid": near.study.study_instance_uid,
                "state": near.state, "distance": distance,
            }
            for near, distance in embeddings.similar_cases(case)
        ]  # fmt: skip
        return Response(SimilarCaseSerializer(found, many=True).data)
