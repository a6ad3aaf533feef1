"""App configuration."""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "annotation.archive"
    label = "archive"

    def ready(self) -> None:
        from annotation.archive import sentences
        from annotation.core import wording

        wording.register(sentences.SENTENCES)
