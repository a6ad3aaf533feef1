"""Creates users and personal tokens, and keeps what users prefer."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from knox.models import AuthToken

from annotation.accounts.models import Language, Preferences, Theme, User
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.models import AuditEvent

MAX_ACTIONS = 300  # no program writes without end into somebody's row


@transaction.atomic
def create_user(*, username: str, password: str, full_name: str = "") -> User:
    """A user who can sign in and sees nothing until a manager adds a membership."""
    if User.objects.filter(username__iexact=username).exists():
        raise Conflict(f"The user name {username!r} is taken.", field="username")
    first, _, last = full_name.partition(" ")
    user = User.objects.create_user(
        username=username, password=password, first_name=first, last_name=last
    )
    _audit(user, "user_created", str(user.pk))
    return user


@transaction.atomic
def create_token(*, user: User, lifetime_days: int | None) -> tuple[AuthToken, str]:
    """A personal token and its secret, which is shown once and stored as a digest."""
    expiry = timedelta(days=lifetime_days) if lifetime_days else None
    token, secret = AuthToken.objects.create(user=user, expiry=expiry)
    _audit(user, "token_created", token.token_key)
    return token, secret


@transaction.atomic
def revoke_token(*, user: User, token_key: str) -> bool:
    """True where a token of this user was revoked."""
    deleted, _ = AuthToken.objects.filter(user=user, token_key=token_key).delete()
    if deleted:
        _audit(user, "token_revoked", token_key)
    return bool(deleted)


@transaction.atomic
def set_preferences(
    *, user: User, keys: dict[str, str], language: Language | None, theme: Theme | None
) -> Preferences:
    """Replace what the user prefers. Raises InvalidInput where one key would do two things."""
    return _keep(_locked_preferences(user), keys, {"language": language, "theme": theme})


@transaction.atomic
def change_preferences(
    *, user: User, keys: Mapping[str, str | None], chosen: Mapping[str, str | None]
) -> Preferences:
    """Change some keys, where None gives the action its own back, and what is `chosen` of language and
    theme. Raises InvalidInput where one key would do two things.

    All else stays as it is: a page that was opened before another one changed it knows nothing of that.
    """
    preferences = _locked_preferences(user)
    merged = {**preferences.keys, **keys}
    kept = {action: key for action, key in merged.items() if key is not None}
    return _keep(preferences, kept, chosen)


def _locked_preferences(user: User) -> Preferences:
    Preferences.objects.get_or_create(user=user)
    return Preferences.objects.select_for_update().get(user=user)


def _keep(
    preferences: Preferences, keys: dict[str, str], chosen: Mapping[str, str | None]
) -> Preferences:
    _refuse_collisions(keys)
    preferences.keys = keys
    for name, value in chosen.items():
        setattr(preferences, name, value or "")
    preferences.save()
    _audit(preferences.user, "preferences_changed", str(preferences.user_id))
    return preferences


def _refuse_collisions(keys: Mapping[str, str]) -> None:
    """Default keys are the browser's alone: it refuses those, and there a chosen key goes first."""
    if len(keys) > MAX_ACTIONS:
        raise InvalidInput(f"There are at most {MAX_ACTIONS} actions.", field="keys")
    action_of: dict[str, str] = {}
    for action, key in keys.items():
        other = action_of.setdefault(key, action) if key else action
        if other != action:
            raise InvalidInput(
                f"The key {key} is used for {other} and for {action}.",
                field="keys", actions=[other, action],
            )  # fmt: skip


def _audit(user: User, action: str, object_id: str) -> None:
    AuditEvent.objects.create(
        actor=user, action=action, object_type="accounts.user", object_id=object_id
    )
