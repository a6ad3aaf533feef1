"""What the account commands share: a user by name, and a password that is never an argument."""

import secrets
import sys
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.accounts.models import User


class UserCommand(BaseCommand):
    """A command that works on one user, given by name."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name, as at signing in")

    def user(self, options: dict[str, Any]) -> User:
        found = User.objects.filter(username__iexact=options["name"]).first()
        if found is None:
            raise CommandError(f"There is no user {options['name']!r}; list_users names all")
        return found


class PasswordCommand(UserCommand):
    """A command that gives a user a password: a generated one, or with --ask one that is typed."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--ask",
            action="store_true",
            help="ask for the password, or take the first line of standard input, and print nothing",
        )

    def password(self, options: dict[str, Any]) -> str:
        if not options["ask"]:
            return secrets.token_urlsafe(12)
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\r\n")
        typed = getpass("Password: ")
        if getpass("The same again: ") != typed:
            raise CommandError("These were two different passwords.")
        return typed

    def tell(self, options: dict[str, Any], user: User, password: str) -> None:
        """The one time at which a generated password is shown."""
        if not options["ask"]:
            self.stdout.write(f"{user.username}  {password}   (shown only now)")
