"""App configuration; loads the system checks."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "annotation.core"
    label = "core"

    def ready(self) -> None:
        from annotation.core import checks, sentences, wording  # noqa: F401  registers the checks

        wording.register(sentences.SENTENCES)
