"""`manage.py add_source NAME --url …`: a DICOMweb server that projects may draw from."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from annotation.archive.remote import Credentials
from annotation.core.errors import DomainError
from annotation.labeling.management.sources import project_named, secret_in, source_named
from annotation.labeling.services import sources


class Command(BaseCommand):
    help = "Add a DICOMweb server as a source; its credentials are stored encrypted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="how projects see it")
        parser.add_argument("--url", required=True, help="the DICOMweb root, https://host/path")
        parser.add_argument("--user", default="", help="for HTTP Basic, with --password-file")
        secret = parser.add_mutually_exclusive_group()
        secret.add_argument("--password-file", type=Path, help="- reads standard input")
        secret.add_argument(
            "--token-file", type=Path, help="a bearer token; - reads standard input"
        )
        parser.add_argument("--ca-file", type=Path, help="PEM of a private certificate authority")
        parser.add_argument("--project", action="append", default=[], help="grant it at once")
        parser.add_argument("--allow-plain-http", action="store_true")
        parser.add_argument("--replace", action="store_true", help="change an existing source")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if bool(options["user"]) != bool(options["password_file"]):
            raise CommandError("--user and --password-file belong together")
        connection = {
            "url": options["url"],
            "credentials": Credentials(
                user=options["user"],
                password=secret_in(options["password_file"]),
                token=secret_in(options["token_file"]),
            ),
            "ca_certificate": _text_of(options["ca_file"]),
            "allow_plain_http": options["allow_plain_http"],
        }
        try:
            if options["replace"]:
                source = sources.replace_source(source=source_named(options["name"]), **connection)
            else:
                source = sources.add_source(name=options["name"], **connection)
            for name in options["project"]:
                sources.grant_source(source=source, project=project_named(name))
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{source.name}: {source.url} ({source.sign_in})")


def _text_of(path: Path | None) -> str:
    try:
        return path.read_text("utf-8") if path else ""
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
