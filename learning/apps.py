"""App configuration."""

from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "learning"
    label = "learning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from annotation.core import wording
        from learning import sentences

        wording.register(sentences.SENTENCES)
