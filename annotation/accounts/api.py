"""Who am I, and my personal tokens."""

from typing import Any

from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts import services
from annotation.accounts.authentication import user_of
from annotation.core.errors import NotFound


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    full_name = serializers.CharField(source="get_full_name")


class TokenSerializer(serializers.Serializer[Any]):
    token_key = serializers.CharField()
    created = serializers.DateTimeField()
    expiry = serializers.DateTimeField(allow_null=True)


class NewTokenRequest(serializers.Serializer[Any]):
    lifetime_days = serializers.IntegerField(
        min_value=1, max_value=366, allow_null=True, default=90
    )


class NewTokenSerializer(TokenSerializer):
    secret = serializers.CharField(help_text="Shown once; only a digest is stored.")


class MeView(APIView):
    """The signed-in user."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(user_of(request)).data)


class TokensView(APIView):
    """My personal tokens for programs."""

    @extend_schema(responses=TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        tokens = AuthToken.objects.filter(user=user_of(request)).order_by("created")
        return Response(TokenSerializer(tokens, many=True).data)

    @extend_schema(request=NewTokenRequest, responses={201: NewTokenSerializer})
    def post(self, request: Request) -> Response:
        body = NewTokenRequest(data=request.data)
        body.is_valid(raise_exception=True)
        token, secret = services.create_token(user=user_of(request), **body.validated_data)
        data = {**TokenSerializer(token).data, "secret": secret}
        return Response(data, status=status.HTTP_201_CREATED)


class TokenView(APIView):
    """One of my personal tokens."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_key: str) -> Response:
        if not services.revoke_token(user=user_of(request), token_key=token_key):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)
