"""App configuration."""

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    name = "annotation.labeling"
    label = "labeling"

    def ready(self) -> None:
        from annotation.core import wording
        from annotation.labeling import sentences

        wording.register(sentences.SENTENCES)
