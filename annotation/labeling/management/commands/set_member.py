"""`manage.py set_member NAME --project P --role R`: who takes part in a project, without its manager."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.core.errors import DomainError
from annotation.labeling.management.base import ProjectCommand
from annotation.labeling.models import Role
from annotation.labeling.services import projects


class Command(ProjectCommand):
    help = "Add a user to a project or change their role; for a project whose manager has left."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="the user name, as at signing in")
        parser.add_argument("--role", choices=Role.values, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        project, user = self.project(options), self.user(options["name"])
        role = Role(options["role"])
        try:
            projects.set_member(actor=None, project=project, user=user, role=role)
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{user.username}: {role} of {project.name}")
