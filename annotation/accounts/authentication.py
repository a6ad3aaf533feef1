"""How a request proves who sends it: the browser's session, or a personal token."""

from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from annotation.accounts.models import User


class CookieSession(SessionAuthentication):
    """The browser's session, CSRF-checked; answers 401 (not 403) to a stranger."""

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Session realm="firstread"'


class PersonalToken(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …` for programs; stored as a digest only."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, Any]:
        """One query by the digest, which is the primary key."""
        known = AuthToken.objects.select_related("user").filter(digest=digest_of(token)).first()
        is_expired = known is not None and known.expiry and known.expiry <= timezone.now()
        if known is None or is_expired or not known.user.is_active:
            raise AuthenticationFailed("Invalid token.")
        return known.user, known


def digest_of(token: bytes) -> str:
    """What is stored of a personal token."""
    return str(hash_token(token.decode("utf-8", "replace")))


def user_of(request: Request) -> User:
    """The signed-in user of a request that has passed authentication."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
