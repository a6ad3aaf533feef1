"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "annotation.accounts"
    label = "accounts"

    def ready(self) -> None:
        from annotation.accounts import openapi, sentences  # noqa: F401  registers the sign-in schemes
        from annotation.core import wording

        wording.register(sentences.SENTENCES)
