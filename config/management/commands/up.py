"""`manage.py up`: everything on this machine, in one foreground process."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.processes import EmbeddedError
from config.supervisor import Address, Supervisor


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey, web, workers and beat; make the demo at the first start."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--data", type=Path, help="import this folder instead of the demo")
        parser.add_argument("--studies", type=int, default=120, help="size of the demo")
        parser.add_argument(
            "--empty", action="store_true", help="import nothing at the first start"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        first_run = ["first_run", "--studies", str(0 if options["empty"] else options["studies"])]
        if options["data"]:
            if not options["data"].exists():
                raise CommandError(f"{options['data']} does not exist")
            first_run += ["--data", str(options["data"].resolve())]
        supervisor = Supervisor(
            settings.DATA_ROOT, Address(options["host"], options["port"]), self._say
        )
        try:
            supervisor.run(
                {
                    "Preparing the database": ["migrate", "--verbosity", "0"],
                    "Looking for accounts and studies": first_run,
                }
            )
        except EmbeddedError as error:
            raise CommandError(str(error)) from None

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
