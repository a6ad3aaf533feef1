"""`manage.py set_password NAME`: a new password for who has lost theirs."""

from typing import Any

from django.core.management.base import CommandError

from annotation.accounts.management.base import PasswordCommand
from annotation.accounts.services import set_password
from annotation.core.errors import DomainError


class Command(PasswordCommand):
    help = "Set a user's password; it is printed once. Their sessions end, their tokens stay."

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        user, password = self.user(options), self.password(options)
        try:
            set_password(user=user, password=password)
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.tell(options, user, password)
