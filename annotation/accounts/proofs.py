"""Checks a credential inside another query, where a request of its own would take too long.

A token is looked up by its digest. A session must first have passed Django's own check, which this
module remembers; from then on the session's row and the user's password hash must be unchanged.
Nothing is trusted for a time: signing out, a new password or a closed account count at once.
"""

from collections import OrderedDict
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings

from annotation.accounts.authentication import digest_of
from annotation.accounts.models import User

MAX_SESSIONS = 10_000

# True while the credential holds; to stand in a WHERE clause, with Proof.parameters.
CALLER_IS_VALID = """
exists (select 1 from accounts_user caller where caller.is_active and (
    exists (select 1 from knox_authtoken where digest = %(digest)s
            and user_id = caller.id and (expiry is null or expiry > now()))
    or caller.id = %(session_user)s and caller.password = %(password)s
       and exists (select 1 from django_session
                   where session_key = %(session_key)s and expire_date > now()))
  and caller.id = members.user_id)
"""


@dataclass(frozen=True)
class Proof:
    """A credential that may be good: by token digest, or by a session that Django has accepted."""

    digest: str = ""
    session_key: str = ""
    session_user: UUID | None = None
    password: str = ""

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "digest": self.digest, "session_key": self.session_key,
            "session_user": self.session_user, "password": self.password,
        }  # fmt: skip


_sessions: OrderedDict[str, Proof] = OrderedDict()
_lock = Lock()


def remember_session(session_key: str | None, user: User) -> None:
    """Django has just accepted this session for this user."""
    if not session_key:
        return
    with _lock:
        _sessions[session_key] = Proof(
            session_key=session_key, session_user=user.pk, password=user.password
        )
        _sessions.move_to_end(session_key)
        while len(_sessions) > MAX_SESSIONS:
            _sessions.popitem(last=False)


def find_proof(authorization: str, cookies: str) -> Proof | None:
    """The credential of two request headers, where it is of a kind that can be checked in SQL."""
    if authorization:
        scheme, _, token = authorization.partition(" ")
        is_token = scheme.lower() == "token" and token and " " not in token
        return Proof(digest=digest_of(token.encode())) if is_token else None
    try:
        morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return _sessions.get(morsel.value) if morsel else None
