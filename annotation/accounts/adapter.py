"""Closes what a hospital must not have: self-registration."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter


class ClosedSignupAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Managers invite people; nobody registers alone."""

    def is_open_for_signup(self, request: Any) -> bool:
        del request
        return False
