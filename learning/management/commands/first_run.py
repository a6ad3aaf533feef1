"""`manage.py first_run`: accounts, a project and its studies, once; later starts change nothing."""

import csv
import secrets
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from annotation.accounts.models import User
from annotation.accounts.services import create_user
from annotation.labeling.models import Project, Role
from annotation.labeling.services import projects
from learning.services.targets import create_target

PEOPLE = {
    "manager": Role.MANAGER,
    "annotator1": Role.ANNOTATOR,
    "annotator2": Role.ANNOTATOR,
    "reviewer": Role.REVIEWER,
}
NODULE_QUESTIONS = {
    "questions": [
        {
            "key": "nodule",
            "label": "Is there a nodule?",
            "kind": "one",
            "options": [
                {"key": "no_nodule", "label": "No nodule", "hotkey": "1"},
                {"key": "nodule", "label": "Nodule", "hotkey": "2"},
            ],
        }
    ]
}
GENERAL_QUESTIONS = {
    "questions": [
        {
            "key": "finding",
            "label": "Overall impression",
            "kind": "one",
            "options": [
                {"key": "normal", "label": "Normal", "hotkey": "1"},
                {"key": "abnormal", "label": "Abnormal", "hotkey": "2"},
            ],
        }
    ]
}


class Command(BaseCommand):
    help = "Create the first accounts and import demo studies or a folder, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--studies", type=int, default=120)
        parser.add_argument("--data", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        passwords = self._create_people()
        data: Path | None = options["data"]
        if data is not None:
            self._import_folder(data)
        elif options["studies"] and not Project.objects.exists():
            self._make_demo(options["studies"])
        if passwords:
            self._print(passwords)

    @transaction.atomic
    def _create_people(self) -> dict[str, str]:
        if User.objects.exists():
            return {}
        passwords = {name: secrets.token_urlsafe(12) for name in PEOPLE}
        for name, password in passwords.items():
            create_user(username=name, password=password, may_create_projects=name == "manager")
        return passwords

    def _project(self, name: str, definition: dict[str, Any], question: str) -> Project:
        """The project with everybody in it; found again at a later start."""
        known = Project.objects.filter(name=name).first()
        if known is not None:
            return known
        manager = User.objects.get(username="manager")
        with transaction.atomic():
            project = projects.create_project(actor=manager, name=name, definition=definition)
            for username, role in PEOPLE.items():
                user = User.objects.filter(username=username).first()
                if user is not None:
                    projects.set_member(actor=manager, project=project, user=user, role=role)
            create_target(actor=manager, project=project, question=question)
        return project

    def _make_demo(self, studies: int) -> None:
        project = self._project("Chest nodules (demo)", NODULE_QUESTIONS, "nodule")
        self.stdout.write(f"Making {studies} synthetic studies ...")
        self.stdout.flush()
        call_command(
            "make_demo",
            project=project.name,
            studies=studies,
            stdout=self.stdout,
            stderr=self.stderr,
        )

    def _import_folder(self, data: Path) -> None:
        if not data.exists():
            raise CommandError(f"{data} does not exist")
        self.stdout.write(f"Importing {data} ...")
        self.stdout.flush()
        table = data / "labels.csv"
        if table.is_file() and "file" in table.read_text("utf-8-sig").split("\n", 1)[0].split(","):
            project = self._project(data.name, questions_of(table), "finding")
            call_command("import_images", data, project=project.name, stdout=self.stdout)
            return
        project = self._project(data.name, GENERAL_QUESTIONS, "finding")
        call_command("import_dicom", data, project=project.name, stdout=self.stdout)

    def _print(self, passwords: dict[str, str]) -> None:
        self.stdout.write("\nAccounts (these passwords are shown only now):")
        for name, password in passwords.items():
            self.stdout.write(f"  {name:<12} {password}")
        self.stdout.write(
            "\nTry: sign in as annotator1 and press Read; answer with the keys on the buttons,\n"
            "Enter submits and brings the next case. Sign in as manager to see progress, start a\n"
            "round of training, freeze a dataset and export it. More people: `manage.py add_user NAME`\n"
            "makes an account, and the manager adds it under People on the project's page.\n"
        )


def questions_of(table: Path) -> dict[str, Any]:
    """One question whose options are the labels that occur in the table."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        labels = sorted({row.get("label") or "" for row in csv.DictReader(file)} - {""})
    if len(labels) < 2:
        return GENERAL_QUESTIONS
    options = [
        {"key": label.lower().replace(" ", "_"), "label": label.replace("_", " ").capitalize()}
        for label in labels
    ]
    return {
        "questions": [{"key": "finding", "label": "Finding", "kind": "one", "options": options}]
    }
