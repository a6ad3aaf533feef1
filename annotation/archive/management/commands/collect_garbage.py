"""`manage.py collect_garbage`: removes files that a crash left without a row."""

from typing import Any

from django.core.management.base import BaseCommand

from annotation.archive.services.garbage import collect_garbage


class Command(BaseCommand):
    help = "Delete side files and unreferenced blobs that are older than a day."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        self.stdout.write(f"{collect_garbage()} files removed")
