"""Creates and disables users, sets passwords, makes personal tokens, and keeps what users prefer."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from knox.models import AuthToken

from annotation.accounts.models import Language, Preferences, Theme, User
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.models import AuditEvent

MAX_ACTIONS = 300  # no program writes without end into somebody's row


@transaction.atomic
def create_user(
    *,
    username: str,
    password: str,
    full_name: str = "",
    email: str = "",
    may_create_projects: bool = False,
) -> User:
    """A user who can sign in and sees nothing until a manager adds a membership."""
    _refuse_name(username)
    first, _, last = full_name.partition(" ")
    user = User(
        username=username, email=User.objects.normalize_email(email), first_name=first,
        last_name=last, is_staff=may_create_projects,
    )  # fmt: skip
    _refuse_weak(password, user, "password")
    user.set_password(password)
    user.save()
    _audit(None, "user_created", user, may_create_projects=may_create_projects)
    return user


def _refuse_name(username: str) -> None:
    try:
        User.username_validator(username)
    except ValidationError:
        raise InvalidInput(
            f"{username!r} is no user name: letters, digits and @ . + - _ only.", field="username"
        ) from None
    if User.objects.filter(username__iexact=username).exists():
        raise Conflict(f"The user name {username!r} is taken.", field="username")


@transaction.atomic
def set_password(*, user: User, password: str) -> None:
    """An operator's new password for a user, whose sessions end; personal tokens stay."""
    _refuse_weak(password, user, "password")
    _store(user, password)
    _audit(None, "password_set", user)


@transaction.atomic
def change_password(*, user: User, new_password: str) -> None:
    """A user's own new password; `refuse_other_password` comes first. Their sessions end, tokens stay."""
    _refuse_weak(new_password, user, "new_password")
    _store(user, new_password)
    _audit(user, "password_changed", user)


def refuse_other_password(*, user: User, current_password: str) -> None:
    """Raises InvalidInput where it is not the user's password."""
    if not user.check_password(current_password):
        raise InvalidInput("This is not your present password.", field="current_password")


def _refuse_weak(password: str, user: User, field: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(_why_weak(error.error_list[0]), field=field) from None


def _why_weak(error: ValidationError) -> str:
    """In our words, which pages say in other languages too."""
    if error.code == "password_too_short" and error.params:
        return f"A password has at least {error.params['min_length']} characters."
    if error.code == "password_too_common":
        return "This password is one that many people use."
    return str(error.messages[0])


def _store(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])


@transaction.atomic
def disable_user(*, user: User) -> None:
    """They cannot sign in any more, and their sessions and tokens count for nothing from now on."""
    _switch(user, "is_active", False, "user_disabled")


@transaction.atomic
def enable_user(*, user: User) -> None:
    """They can sign in again, with what they had: memberships, drafts, tokens."""
    _switch(user, "is_active", True, "user_enabled")


@transaction.atomic
def grant_projects(*, user: User) -> None:
    """They may create projects."""
    _switch(user, "is_staff", True, "projects_granted")


@transaction.atomic
def revoke_projects(*, user: User) -> None:
    """They may create no projects any more; what they manage they go on managing."""
    _switch(user, "is_staff", False, "projects_revoked")


def _switch(user: User, field: str, value: bool, action: str) -> None:
    """Set a flag, and say so only where it was the other way."""
    if User.objects.filter(pk=user.pk).exclude(**{field: value}).update(**{field: value}):
        _audit(None, action, user)
    user.refresh_from_db(fields=[field])


@transaction.atomic
def create_token(*, user: User, lifetime_days: int | None) -> tuple[AuthToken, str]:
    """A personal token and its secret, which is shown once and stored as a digest."""
    expiry = timedelta(days=lifetime_days) if lifetime_days else None
    token, secret = AuthToken.objects.create(user=user, expiry=expiry)
    _audit_id(user, "token_created", token.token_key)
    return token, secret


@transaction.atomic
def revoke_token(*, user: User, token_key: str) -> bool:
    """True where a token of this user was revoked."""
    deleted, _ = AuthToken.objects.filter(user=user, token_key=token_key).delete()
    if deleted:
        _audit_id(user, "token_revoked", token_key)
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
    _audit(preferences.user, "preferences_changed", preferences.user)
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


def _audit(actor: User | None, action: str, user: User, **detail: Any) -> None:
    """No actor: whoever runs commands on the machine."""
    _audit_id(actor, action, str(user.pk), **detail)


def _audit_id(actor: User | None, action: str, object_id: str, **detail: Any) -> None:
    AuditEvent.objects.create(
        actor=actor, action=action, object_type="accounts.user", object_id=object_id, detail=detail
    )
