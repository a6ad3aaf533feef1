"""`manage.py add_user NAME`: an account, whose password is printed once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.accounts.management.base import PasswordCommand
from annotation.accounts.services import create_user
from annotation.core.errors import DomainError


class Command(PasswordCommand):
    help = "Make an account; the manager of a project then adds it there, by its user name."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--full-name", default="", help="shown to the user beside Sign out")
        parser.add_argument("--email", default="", help="for list_users; nothing is sent to it")
        parser.add_argument("--may-create-projects", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        password = self.password(options)
        try:
            user = create_user(
                username=options["name"],
                password=password,
                full_name=options["full_name"],
                email=options["email"],
                may_create_projects=options["may_create_projects"],
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.tell(options, user, password)
