"""How a request proves who sends it: the browser's session, or a personal token."""

from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from annotation.accounts.models import User


class CookieSession(SessionAuthentication):
    """The browser's session, CSRF-checked; answers 401 (not 403) to a stranger."""

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Session realm="firstread"'


class PersonalToken(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …` for programs; stored as a digest only."""


def user_of(request: Request) -> User:
    """The signed-in user of a request that has passed authentication."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
