"""Who am I, my password, what I prefer, and my personal tokens."""

import re
from typing import Any, TypeVar

from allauth.core import ratelimit
from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts import services
from annotation.accounts.authentication import CookieSession, user_of
from annotation.accounts.models import Language, Preferences, Theme
from annotation.core.errors import NotFound

ACTION = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}")
Keys = TypeVar("Keys", dict[str, str], dict[str, str | None])


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    full_name = serializers.CharField(source="get_full_name")
    may_create_projects = serializers.BooleanField()


class PasswordChange(serializers.Serializer[Any]):
    current_password = serializers.CharField(max_length=128, trim_whitespace=False)
    new_password = serializers.CharField(max_length=128, trim_whitespace=False)


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


class PreferencesSerializer(serializers.Serializer[Any]):
    """The keys of actions that I changed (empty for none), and null where I chose nothing."""

    keys = serializers.DictField(
        child=serializers.CharField(max_length=40, allow_blank=True, trim_whitespace=False)
    )
    language = serializers.ChoiceField(choices=Language.choices, allow_null=True)
    theme = serializers.ChoiceField(choices=Theme.choices, allow_null=True)

    def validate_keys(self, keys: dict[str, str]) -> dict[str, str]:
        return _of_actions(keys)


class PreferencesChange(serializers.Serializer[Any]):
    """What changes; null gives an action its own key back, and leaves language or theme to the page."""

    keys = serializers.DictField(
        child=serializers.CharField(
            max_length=40, allow_blank=True, allow_null=True, trim_whitespace=False
        ),
        required=False,
    )
    language = serializers.ChoiceField(choices=Language.choices, allow_null=True, required=False)
    theme = serializers.ChoiceField(choices=Theme.choices, allow_null=True, required=False)

    def validate_keys(self, keys: dict[str, str | None]) -> dict[str, str | None]:
        return _of_actions(keys)


def _of_actions(keys: Keys) -> Keys:
    if not all(ACTION.fullmatch(action) for action in keys):
        raise serializers.ValidationError("These are no actions.")
    return keys


class MeView(APIView):
    """The signed-in user."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(user_of(request)).data)


class PasswordView(APIView):
    """My password. For people at a browser: a token, which programs hold, is no way to it."""

    authentication_classes = [CookieSession]

    @extend_schema(request=PasswordChange, responses={204: None})
    def put(self, request: Request) -> Response:
        """All other sessions end; five wrong present passwords bar it for a quarter of an hour."""
        user = user_of(request)
        body = PasswordChange(data=request.data)
        body.is_valid(raise_exception=True)
        if not ratelimit.consume(request, action="change_password", user=user):
            raise Throttled
        current, new = body.validated_data["current_password"], body.validated_data["new_password"]
        services.refuse_other_password(user=user, current_password=current)
        ratelimit.clear(request, action="change_password", user=user)  # guesses alone are counted
        services.change_password(user=user, new_password=new)
        update_session_auth_hash(request, user)  # but for this one
        return Response(status=status.HTTP_204_NO_CONTENT)


class PreferencesView(APIView):
    """What I prefer."""

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        found = Preferences.objects.filter(user=user_of(request)).first()
        return Response(preferences_body(found or Preferences()))

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def put(self, request: Request) -> Response:
        body = PreferencesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        saved = services.set_preferences(user=user_of(request), **body.validated_data)
        return Response(preferences_body(saved))

    @extend_schema(request=PreferencesChange, responses=PreferencesSerializer)
    def patch(self, request: Request) -> Response:
        body = PreferencesChange(data=request.data)
        body.is_valid(raise_exception=True)
        keys = body.validated_data.pop("keys", {})
        saved = services.change_preferences(
            user=user_of(request), keys=keys, chosen=body.validated_data
        )
        return Response(preferences_body(saved))


def preferences_body(preferences: Preferences) -> dict[str, Any]:
    return {
        "keys": preferences.keys,
        "language": preferences.language or None,
        "theme": preferences.theme or None,
    }


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
