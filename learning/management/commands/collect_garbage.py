"""`manage.py collect_garbage`: removes files that a crash left without a row."""

from typing import Any

from django.core.management.base import BaseCommand

from annotation.archive.services.garbage import collect_garbage
from annotation.labeling.selectors import mask_addresses
from learning.selectors import predicted_mask_addresses


class Command(BaseCommand):
    help = "Delete side files and blobs that no instance and no mask names, older than a day."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        named = mask_addresses() | predicted_mask_addresses()
        removed = collect_garbage(also_referenced=named)
        self.stdout.write(f"{removed} files removed")
