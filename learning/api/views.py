"""Rounds, model versions and the learning curve."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core import wording
from annotation.core.errors import get_or_not_found
from annotation.core.jobs import JobState
from annotation.datasets.api.views import ProgressOfJob
from annotation.labeling import access
from learning import selectors
from learning.api.targets import target_of
from learning.kinds import FIGURE_CHOICES
from learning.models import ModelVersion, ModelVersionState, Round, Trigger
from learning.services import learning_curves, model_versions, rounds
from learning.services.unlabeled import Decision
from learning.training.config import UNLABELED


class EstimateSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class ReliabilitySerializer(serializers.Serializer[Any]):
    confidence = serializers.FloatField()
    accuracy = serializers.FloatField()
    count = serializers.FloatField()


class ExclusionSerializer(serializers.Serializer[Any]):
    case = serializers.UUIDField()
    reason = serializers.CharField()


class ExclusionReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="In English.")
    words = serializers.JSONField(
        help_text='The same in no language: {"code": ..., and its values}, or {}.'
    )
    count = serializers.IntegerField()
    cases = serializers.ListField(child=serializers.UUIDField(), help_text="Some of them.")


class LeftOutSerializer(serializers.Serializer[Any]):
    """The cases that a job could not use."""

    excluded = ExclusionSerializer(many=True, required=False)  # some of them
    excluded_count = serializers.IntegerField(required=False)  # all of them
    excluded_reasons = ExclusionReasonSerializer(many=True, required=False)


class ShortageSerializer(serializers.Serializer[Any]):
    times = serializers.IntegerField()  # that memory ran out
    at_once = serializers.IntegerField()  # what it sufficed for in the end


class UnlabeledSerializer(serializers.Serializer[Any]):
    """Whether images without labels helped; the figures are of the validation cases."""

    method = serializers.ChoiceField(choices=UNLABELED)
    decision = serializers.ChoiceField(choices=Decision.choices)
    images = serializers.IntegerField(required=False)
    patients = serializers.IntegerField(required=False, help_text="Of the unlabeled images.")
    figure = serializers.ChoiceField(choices=FIGURE_CHOICES, required=False)
    with_images = EstimateSerializer(required=False)
    without_images = EstimateSerializer(required=False)
    difference = EstimateSerializer(
        required=False, help_text="Gain by unlabeled images: above 0 is better."
    )
    n = serializers.IntegerField(required=False)
    validation_patients = serializers.IntegerField(required=False)
    trouble = serializers.CharField(required=False, help_text="Why training with them ended early.")
    trouble_words = serializers.SerializerMethodField(help_text="The same in no language, or {}.")

    def get_trouble_words(self, found: dict[str, Any]) -> dict[str, Any]:
        return wording.words_of_error(found.get("trouble", ""))


class MetricsSerializer(LeftOutSerializer):
    n = serializers.IntegerField(required=False)
    auc = EstimateSerializer(required=False)
    accuracy = EstimateSerializer(required=False)
    sensitivity = EstimateSerializer(required=False)
    specificity = EstimateSerializer(required=False)
    calibration_error = EstimateSerializer(required=False)
    average_precision = EstimateSerializer(required=False)
    mean_auc = EstimateSerializer(required=False)
    quadratic_kappa = EstimateSerializer(required=False)
    mean_absolute_error = EstimateSerializer(required=False)
    r2 = EstimateSerializer(required=False)
    c_index = EstimateSerializer(required=False)
    mean_dice = EstimateSerializer(required=False)
    mean_hd95_mm = EstimateSerializer(required=False)
    ap10 = EstimateSerializer(required=False)
    ap50 = EstimateSerializer(required=False)
    froc = EstimateSerializer(required=False)
    threshold = serializers.FloatField(required=False)
    reliability = ReliabilitySerializer(many=True, required=False)
    device = serializers.CharField(required=False)
    memory = serializers.DictField(child=ShortageSerializer(), required=False)  # by stage
    unlearned = serializers.ListField(
        child=serializers.CharField(), required=False,
        help_text="Options that too few labels speak of: neither suggested nor ranked by.",
    )  # fmt: skip
    unlabeled = UnlabeledSerializer(required=False)  # where the recipe asks for them


class EpochSerializer(serializers.Serializer[Any]):
    step = serializers.FloatField()
    epoch = serializers.FloatField()
    loss = serializers.FloatField(required=False)  # where training with unlabeled images went on
    validation_loss = serializers.FloatField(required=False)
    unlabeled_loss = serializers.FloatField(required=False)  # of the training with unlabeled images
    unlabeled_validation_loss = serializers.FloatField(required=False)


class StartedFromSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(required=False)
    sha256 = serializers.CharField(required=False)
    loaded = serializers.IntegerField(required=False)
    fresh = serializers.ListField(child=serializers.CharField(), required=False)
    fresh_count = serializers.IntegerField(required=False)


class TrackedSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    detail = serializers.CharField()
    words = serializers.SerializerMethodField(help_text="A trouble in no language, where known.")

    def get_words(self, told: dict[str, Any]) -> dict[str, Any]:
        return {} if told["ok"] else wording.words_of_error(told["detail"])


class ProgressOfRound(ProgressOfJob):
    seconds_left = serializers.IntegerField(required=False)
    images_at_once = serializers.IntegerField(required=False)  # where memory is short of a batch
    training = serializers.IntegerField(
        required=False, help_text="Of two: 1 without unlabeled images, 2 with them."
    )


class RoundSerializer(serializers.ModelSerializer[Round]):
    state = serializers.ChoiceField(choices=JobState.choices)
    trigger = serializers.ChoiceField(choices=Trigger.choices)
    progress = ProgressOfRound()
    metrics = MetricsSerializer()
    curves = EpochSerializer(many=True)
    started_from = StartedFromSerializer()
    tracked = serializers.DictField(child=TrackedSerializer())
    config = serializers.DictField(child=serializers.JSONField())
    start = serializers.DictField(child=serializers.CharField())
    dataset_number = serializers.IntegerField(
        source="dataset.number", allow_null=True, default=None, help_text="Frozen for this round."
    )

    class Meta:
        model = Round
        fields = [
            "id", "number", "state", "trigger", "strategy", "seed", "code_revision", "attempt",
            "pause_requested", "progress", "error", "error_words", "training_labels", "ranked_cases",
            "curves", "metrics", "config", "start", "dataset_number", "started_from", "tracked",
            "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    state = serializers.ChoiceField(choices=ModelVersionState.choices)
    round_number = serializers.IntegerField(source="round.number", allow_null=True)
    metrics = MetricsSerializer()
    training_labels = serializers.IntegerField(source="round.training_labels", allow_null=True)
    verdict = serializers.CharField(
        source="evidence.verdict", default="",
        help_text="Of the comparison with production when it was trained; empty without one.",
    )  # fmt: skip

    class Meta:
        model = ModelVersion
        fields = [
            "id", "number", "state", "round_number", "origin", "training_labels", "weights_sha256",
            "classes", "threshold", "thresholds", "metrics", "verdict", "is_taking_over",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class CurvePointSerializer(serializers.Serializer[Any]):
    round = serializers.IntegerField()
    strategy = serializers.CharField()
    training_labels = serializers.IntegerField(allow_null=True)
    figure = serializers.ChoiceField(choices=FIGURE_CHOICES)
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class LearningPointSerializer(serializers.Serializer[Any]):
    labels = serializers.FloatField()
    value = serializers.FloatField(source="estimate.value", allow_null=True)
    low = serializers.FloatField(source="estimate.low", allow_null=True)
    high = serializers.FloatField(source="estimate.high", allow_null=True)
    number = serializers.IntegerField(
        allow_null=True, help_text="Of the round or head; null of audit and forecast."
    )
    strategy = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField(allow_null=True, help_text="Cases that it was measured on.")


class LearningCurvesSerializer(serializers.Serializer[Any]):
    """Intervals are of 95 %, the forecast's band is of 90 %."""

    figure = serializers.ChoiceField(choices=FIGURE_CHOICES)
    rounds = LearningPointSerializer(many=True)
    heads = LearningPointSerializer(many=True)
    audit = LearningPointSerializer(many=True)
    forecast = LearningPointSerializer(many=True)


class RoundsView(APIView):
    """The rounds of a target, newest first."""

    @extend_schema(responses=RoundSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id)
        found = target.rounds.select_related("dataset").order_by("-number")[:50]
        return Response(RoundSerializer(found, many=True).data)

    @extend_schema(request=None, responses={202: RoundSerializer})
    def post(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        created = rounds.request_round(
            target=target, trigger=Trigger.MANUAL, actor=user_of(request)
        )
        return Response(RoundSerializer(created).data, status=status.HTTP_202_ACCEPTED)


class RoundView(APIView):
    """One round, live."""

    @extend_schema(responses=RoundSerializer)
    def get(self, request: Request, round_id: UUID) -> Response:
        found = get_or_not_found(selectors.rounds_visible_to(user_of(request)), pk=round_id)
        return Response(RoundSerializer(found).data)


class CancellationView(APIView):
    """Stop a round."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, round_id: UUID) -> Response:
        rounds.cancel(actor=user_of(request), round_=_managed(request, round_id))
        return Response(status=status.HTTP_202_ACCEPTED)


class PauseView(APIView):
    """Let a round wait: POST pauses it, DELETE resumes it."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, round_id: UUID) -> Response:
        rounds.pause(actor=user_of(request), round_=_managed(request, round_id))
        return Response(status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={202: None})
    def delete(self, request: Request, round_id: UUID) -> Response:
        rounds.resume(actor=user_of(request), round_=_managed(request, round_id))
        return Response(status=status.HTTP_202_ACCEPTED)


class LearningCurveView(APIView):
    """The deciding test figure with 95 % intervals over the number of labels."""

    @extend_schema(responses=CurvePointSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        points = selectors.learning_curve(target_of(user_of(request), target_id))
        return Response(CurvePointSerializer(points, many=True).data)


class LearningCurvesView(APIView):
    """The same figure of rounds, light heads and the random audit, and what more labels would bring."""

    @extend_schema(responses=LearningCurvesSerializer)
    def get(self, request: Request, target_id: UUID) -> Response:
        found = learning_curves.curves_of(target_of(user_of(request), target_id))
        return Response(LearningCurvesSerializer(found).data)


class ModelVersionsView(APIView):
    """The models of a target, newest first."""

    @extend_schema(responses=ModelVersionSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id)
        found = target.model_versions.select_related("round").order_by("-number")[:100]
        return Response(ModelVersionSerializer(found, many=True).data)


class PromotionView(APIView):
    """Put a model version into production; doing it with an earlier one rolls back."""

    @extend_schema(request=None, responses=ModelVersionSerializer)
    def post(self, request: Request, model_version_id: UUID) -> Response:
        visible = selectors.model_versions_visible_to(user_of(request))
        version = get_or_not_found(visible, pk=model_version_id)
        access.require(user_of(request), version.target.project, access.MANAGERS)
        promoted = model_versions.promote_soon(version=version, actor=user_of(request))
        return Response(ModelVersionSerializer(promoted).data)


def _managed(request: Request, round_id: UUID) -> Round:
    """A round of a project that the user manages."""
    found = get_or_not_found(selectors.rounds_visible_to(user_of(request)), pk=round_id)
    access.require(user_of(request), found.target.project, access.MANAGERS)
    return found
