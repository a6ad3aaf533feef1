"""`manage.py grant_projects NAME`: let a user create projects, or with --revoke no longer."""

from typing import Any

from django.core.management.base import CommandParser

from annotation.accounts import services
from annotation.accounts.management.base import UserCommand


class Command(UserCommand):
    help = "Let a user create projects, which they then manage; --revoke takes it back."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        user = self.user(options)
        change = services.revoke_projects if options["revoke"] else services.grant_projects
        change(user=user)
        can = "may not create projects" if options["revoke"] else "may create projects"
        self.stdout.write(f"{user.username}: {can}")
