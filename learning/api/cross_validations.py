"""Cross-validations of a target: figures per fold, and over the folds."""

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
from annotation.datasets.access import dataset_for
from annotation.datasets.api.views import ProgressOfJob
from annotation.labeling import access
from annotation.labeling.api.projects import parsed
from learning import selectors
from learning.api.models import FigureSerializer
from learning.api.targets import target_of
from learning.api.views import EstimateSerializer, LeftOutSerializer
from learning.kinds import figure_of
from learning.models import CrossValidation
from learning.services import cross_validations
from learning.services.cross_validations import FOLDS
from learning.training.metrics.figures import in_order

MAX_SHOWN = 20  # the latest


def figures_of(estimates: dict[str, Any], deciding: str) -> list[dict[str, Any]]:
    return [{"name": name, "estimate": estimates[name]} for name in in_order(estimates, deciding)]


class FoldSerializer(serializers.Serializer[Any]):
    fold = serializers.IntegerField()
    n = serializers.IntegerField()
    training = serializers.IntegerField()
    auc = serializers.FloatField(allow_null=True, required=False)
    accuracy = serializers.FloatField(allow_null=True, required=False)
    sensitivity = serializers.FloatField(allow_null=True, required=False)
    specificity = serializers.FloatField(allow_null=True, required=False)
    calibration_error = serializers.FloatField(allow_null=True, required=False)
    estimates = serializers.DictField(
        child=EstimateSerializer(), required=False, help_text="Every figure, with its interval."
    )


class FoldMetricsSerializer(serializers.Serializer[Any]):
    auc = EstimateSerializer(required=False)
    accuracy = EstimateSerializer(required=False)
    sensitivity = EstimateSerializer(required=False)
    specificity = EstimateSerializer(required=False)
    calibration_error = EstimateSerializer(required=False)


class CrossValidationSerializer(serializers.ModelSerializer[CrossValidation]):
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = ProgressOfJob()
    dataset_number = serializers.IntegerField(source="dataset.number")
    folds = FoldSerializer(many=True)
    metrics = FoldMetricsSerializer()
    left_out = LeftOutSerializer()
    figures = serializers.SerializerMethodField(help_text="Over the folds, whatever the kind.")

    class Meta:
        model = CrossValidation
        fields = [
            "id", "state", "progress", "error", "error_words", "dataset_number", "fold_count",
            "seed", "folds", "metrics", "figures", "left_out", "created_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(FigureSerializer(many=True))
    def get_figures(self, job: CrossValidation) -> list[dict[str, Any]]:
        target = job.target
        return figures_of(job.metrics, figure_of(target.kind, target.input))


class NewCrossValidationRequest(serializers.Serializer[Any]):
    fold_count = serializers.IntegerField(min_value=FOLDS[0], max_value=FOLDS[1], default=5)
    dataset = serializers.UUIDField(required=False, help_text="Without it: the newest one.")


class CrossValidationsView(APIView):
    """The cross-validations of a target, newest first."""

    @extend_schema(responses=CrossValidationSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id)
        found = target.cross_validations.select_related("dataset", "target").order_by("-created_at")
        return Response(CrossValidationSerializer(found[:MAX_SHOWN], many=True).data)

    @extend_schema(request=NewCrossValidationRequest, responses={202: CrossValidationSerializer})
    def post(self, request: Request, target_id: UUID) -> Response:
        user = user_of(request)
        target = target_of(user, target_id, access.MANAGERS)
        wanted = parsed(NewCrossValidationRequest, request)
        dataset = (
            dataset_for(user, wanted["dataset"], access.MANAGERS) if "dataset" in wanted else None
        )
        created = cross_validations.request_cross_validation(
            actor=user, target=target, fold_count=wanted["fold_count"], dataset=dataset
        )
        return Response(CrossValidationSerializer(created).data, status=status.HTTP_202_ACCEPTED)


class CrossValidationCancellationView(APIView):
    """Stop a cross-validation; the figures of finished folds stay."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, cross_validation_id: UUID) -> Response:
        visible = selectors.cross_validations_visible_to(user_of(request))
        found = get_or_not_found(visible, pk=cross_validation_id)
        access.require(user_of(request), found.target.project, access.MANAGERS)
        cross_validations.cancel_cross_validation(actor=user_of(request), job=found)
        return Response(status=status.HTTP_202_ACCEPTED)
