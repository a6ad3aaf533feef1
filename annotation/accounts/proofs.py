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

from django.conf import settings

from annotation.accounts.authentication import digest_of
from annotation.accounts.models import User

MAX_SESSIONS = 10_000
SCHEMES = ("token", "bearer")  # the second is what most programs can be told to send

# The caller's id while the credential holds, to stand as a subquery in another statement.
CALLER_WITH_DIGEST = """
(select caller.id from knox_authtoken token join accounts_user caller on caller.id = token.user_id
 where token.digest = %(digest)s and (token.expiry is null or token.expiry > now())
   and caller.is_active)
"""
CALLER_WITH_SESSION = """
(select caller.id from django_session session, accounts_user caller
 where session.session_key = %(session_key)s and session.expire_date > now()
   and caller.id = %(session_user)s and caller.password = %(password)s and caller.is_active)
"""


@dataclass(frozen=True)
class Proof:
    """A credential that may be good: the subquery that tells, and its parameters."""

    caller: str
    parameters: dict[str, Any]


_sessions: OrderedDict[str, Proof] = OrderedDict()
_lock = Lock()


def remember_session(session_key: str | None, user: User) -> None:
    """Django has just accepted this session for this user."""
    if not session_key:
        return
    with _lock:
        _sessions[session_key] = Proof(
            CALLER_WITH_SESSION,
            {"session_key": session_key, "session_user": user.pk, "password": user.password},
        )
        _sessions.move_to_end(session_key)
        while len(_sessions) > MAX_SESSIONS:
            _sessions.popitem(last=False)


def find_proof(authorization: str, cookies: str) -> Proof | None:
    """The credential of two request headers, where it is of a kind that can be checked in SQL."""
    if authorization:
        scheme, _, token = authorization.partition(" ")
        is_token = scheme.lower() in SCHEMES and token and " " not in token
        digest = digest_of(token.encode())
        return Proof(CALLER_WITH_DIGEST, {"digest": digest}) if is_token else None
    try:
        morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return _sessions.get(morsel.value) if morsel else None
