"""What rounds can start from, and pre-training without labels, which makes one such start."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.errors import get_or_not_found
from annotation.core.jobs import JobState
from annotation.datasets.api.views import ProgressOfJob
from annotation.labeling import access
from annotation.labeling.api.projects import parsed
from learning import selectors
from learning.api.targets import target_of
from learning.api.views import LeftOutSerializer
from learning.kinds import DETECTOR
from learning.models import EncoderVersion, TargetKind
from learning.services import pretraining, starts

MAX_PRETRAININGS = 20  # the latest
KINDS = ["model_version", "encoder", "file"]


class StartChoiceSerializer(serializers.Serializer[Any]):
    start = serializers.DictField(child=serializers.CharField())
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField()


class StartsSerializer(serializers.Serializer[Any]):
    choices = StartChoiceSerializer(many=True)
    is_hub_allowed = serializers.BooleanField()


class LossSerializer(serializers.Serializer[Any]):
    step = serializers.FloatField()
    loss = serializers.FloatField()


class PretrainingSerializer(serializers.ModelSerializer[EncoderVersion]):
    state = serializers.ChoiceField(choices=JobState.choices)
    progress = ProgressOfJob()
    network = serializers.SerializerMethodField(help_text="Empty until it runs.")
    curves = LossSerializer(many=True)
    left_out = LeftOutSerializer()

    class Meta:
        model = EncoderVersion
        fields = [
            "id", "number", "state", "progress", "error", "error_words", "network", "curves",
            "weights_sha256", "left_out", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_network(self, encoder: EncoderVersion) -> str:
        if encoder.target and encoder.target.kind == TargetKind.BOXES:
            return DETECTOR
        return str(encoder.recipe["config"].get("network", ""))


class NewPretrainingRequest(serializers.Serializer[Any]):
    steps = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, help_text="Without it: by the machine."
    )


class StartsView(APIView):
    """Weights that the rounds of a target can start from."""

    @extend_schema(responses=StartsSerializer)
    def get(self, request: Request, target_id: UUID) -> Response:
        target_of(user_of(request), target_id, access.MANAGERS)
        found = {
            "choices": starts.find_choices(user_of(request)),
            "is_hub_allowed": settings.MODEL_HUB,
        }
        return Response(StartsSerializer(found).data)


class PretrainingsView(APIView):
    """The target's network learning without labels, newest first."""

    @extend_schema(responses=PretrainingSerializer(many=True))
    def get(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id)
        found = target.pretrainings.defer("content").order_by("-number")[:MAX_PRETRAININGS]
        return Response(PretrainingSerializer(found, many=True).data)

    @extend_schema(request=NewPretrainingRequest, responses={202: PretrainingSerializer})
    def post(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        created = pretraining.request_pretraining(
            actor=user_of(request), target=target, **parsed(NewPretrainingRequest, request)
        )
        return Response(PretrainingSerializer(created).data, status=status.HTTP_202_ACCEPTED)


class PretrainingCancellationView(APIView):
    """Stop a pre-training."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request, pretraining_id: UUID) -> Response:
        visible = selectors.pretrainings_visible_to(user_of(request))
        found = get_or_not_found(visible, pk=pretraining_id)
        access.require(user_of(request), found.project, access.MANAGERS)
        pretraining.cancel_pretraining(actor=user_of(request), encoder=found)
        return Response(status=status.HTTP_202_ACCEPTED)
