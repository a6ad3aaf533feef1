"""The production model of a target at work on cases outside of a round."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.labeling import access
from learning.api.targets import target_of
from learning.services import scorings


class ScoringSerializer(serializers.Serializer[Any]):
    model_number = serializers.IntegerField(source="version.number")
    done = serializers.IntegerField(help_text="Cases that were looked at.")
    total = serializers.IntegerField(help_text="0: nothing is under way.")
    error = serializers.CharField(allow_blank=True)
    error_words = serializers.DictField(help_text="The error in no language, where known.")


class ScoringAnswerSerializer(serializers.Serializer[Any]):
    scoring = ScoringSerializer(allow_null=True, help_text="Null: no model is in production.")


class ScoringView(APIView):
    """How far the production model is with the cases that arrived since; POST asks again, DELETE stops."""

    @extend_schema(responses=ScoringAnswerSerializer)
    def get(self, request: Request, target_id: UUID) -> Response:
        found = scorings.progress_of(target_of(user_of(request), target_id))
        return Response(ScoringAnswerSerializer({"scoring": found}).data)

    @extend_schema(request=None, responses={202: ScoringAnswerSerializer})
    def post(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        scorings.request_by_hand(actor=user_of(request), target=target)
        body = ScoringAnswerSerializer({"scoring": scorings.progress_of(target)}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={202: None})
    def delete(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        scorings.cancel(actor=user_of(request), target=target)
        return Response(status=status.HTTP_202_ACCEPTED)
