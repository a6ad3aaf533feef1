"""How a request proves who sends it: the browser's session, or a personal token."""

from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class CookieSession(SessionAuthentication):
    """The browser's session, CSRF-checked; answers 401 (not 403) to a stranger."""

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Session realm="firstread"'


class PersonalToken(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …` for programs; stored as a digest only."""
