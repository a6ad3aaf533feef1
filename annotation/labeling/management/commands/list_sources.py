"""`manage.py list_sources`: every source, where it is and who may use it; no secrets."""

from typing import Any

from django.core.management.base import BaseCommand

from annotation.labeling.models import Source


class Command(BaseCommand):
    help = "List the sources and the projects that may use them."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        for source in Source.objects.order_by("name").prefetch_related("projects"):
            names = ", ".join(sorted(project.name for project in source.projects.all()))
            self.stdout.write(
                f"{source.name}: {source.url} ({source.sign_in}); projects: {names or 'none'}"
            )
