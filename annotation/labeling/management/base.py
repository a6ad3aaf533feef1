"""What the import commands share: a project by name, progress, a report of refused files."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.accounts.models import User
from annotation.archive.services.folders import ImportReport
from annotation.labeling.models import Project, Role


class ProjectCommand(BaseCommand):
    """A command that works on one project, named by --project."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="name of an existing project")

    def project(self, options: dict[str, Any]) -> Project:
        found = Project.objects.filter(name__iexact=options["project"]).first()
        if found is None:
            names = ", ".join(Project.objects.order_by("name").values_list("name", flat=True))
            raise CommandError(f"There is no project {options['project']!r}. Projects: {names}")
        return found

    def manager_of(self, project: Project) -> User:
        return project.memberships.filter(role=Role.MANAGER).earliest("created_at").user

    def user(self, username: str) -> User:
        found = User.objects.filter(username__iexact=username).first()
        if found is None:
            raise CommandError(f"There is no user {username!r}")
        return found

    def reader(self, username: str, project: Project) -> User:
        """Whose reads are entered: they count as a reader's of the project, so they must be one."""
        found = self.user(username)
        if not project.memberships.filter(user=found).exists():
            raise CommandError(
                f"{found.username} is no member of {project.name}: add them under People first"
            )
        return found

    def report(self, report: ImportReport) -> None:
        for path, why in report.refused:
            self.stderr.write(f"refused {path}: {why}")
        self.stdout.write(
            f"{report.new} new, {report.repeated} known already, {len(report.refused)} refused; "
            f"{len(report.studies)} studies"
        )


class ProgressLine:
    """One line that rewrites itself on a terminal, and a line every ten seconds elsewhere."""

    def __init__(self, output: Any, what: str, total: int | None = None) -> None:
        self.output, self.what, self.total = output, what, total
        self.began = self.last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        is_terminal = sys.stdout.isatty()
        is_last = self.total is not None and done >= self.total
        if now - self.last < (0.2 if is_terminal else 10) and not (is_last and is_terminal):
            return
        self.last = now
        of = f"/{self.total}" if self.total else ""
        rate = done / max(now - self.began, 1e-9)
        text = f"{self.what}: {done}{of} ({rate:.0f}/s)"
        ending = ("\n" if is_last else "\r") if is_terminal else "\n"
        self.output.write(text, ending=ending)
        self.output.flush()
