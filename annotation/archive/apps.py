"""App configuration."""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "annotation.archive"
    label = "archive"
