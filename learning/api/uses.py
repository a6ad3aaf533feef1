"""What a frozen dataset was used for: the way back from the labels to the models."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.jobs import JobState
from annotation.datasets.access import dataset_for
from learning import selectors
from learning.models import CrossValidation, ModelVersionState, Round, TargetKind
from learning.services.naming import labels_in

Plain = serializers.Serializer[Any]


class TrainedModelSerializer(Plain):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=ModelVersionState.choices)


class DatasetUseSerializer(Plain):
    """A round or a cross-validation of a dataset."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=JobState.choices)
    created_at = serializers.DateTimeField()
    target_kind = serializers.ChoiceField(choices=TargetKind.choices, source="target.kind")
    target_labels = serializers.SerializerMethodField()

    def get_target_labels(self, use: Round | CrossValidation) -> list[str]:
        return labels_in(use.target, self.context["schema"])


class RoundUseSerializer(DatasetUseSerializer):
    number = serializers.IntegerField()
    model_version = TrainedModelSerializer(allow_null=True)


class DatasetUsesSerializer(Plain):
    rounds = RoundUseSerializer(many=True)
    cross_validations = DatasetUseSerializer(many=True)


class DatasetUsesView(APIView):
    """The rounds that a dataset was trained with, their models, and its cross-validations."""

    @extend_schema(responses=DatasetUsesSerializer)
    def get(self, request: Request, dataset_id: UUID) -> Response:
        dataset = dataset_for(user_of(request), dataset_id)
        uses = {
            "rounds": selectors.find_rounds_of(dataset),
            "cross_validations": selectors.find_cross_validations_of(dataset),
        }
        context = {"schema": dataset.schema}
        return Response(DatasetUsesSerializer(uses, context=context).data)
