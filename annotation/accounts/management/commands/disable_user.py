"""`manage.py disable_user NAME`: close an account, or with --undo open it again."""

from typing import Any

from django.core.management.base import CommandParser

from annotation.accounts import services
from annotation.accounts.management.base import UserCommand


class Command(UserCommand):
    help = "Close an account: no signing in, no sessions, no tokens. What was read stays."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--undo", action="store_true", help="open it again")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        user = self.user(options)
        change = services.enable_user if options["undo"] else services.disable_user
        change(user=user)
        self.stdout.write(f"{user.username}: {'enabled' if options['undo'] else 'disabled'}")
