"""Replays known labels through the product's own claims, reads and rounds, as readers would."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction

from annotation.accounts.models import User
from annotation.accounts.services import create_user
from annotation.archive.models import Collection, Study
from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.labeling.models import Case, CaseState, Project
from annotation.labeling.services import claiming, pictures, projects, reading
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.pictures import PictureRow
from learning import pipeline
from learning.models import Round, Trigger
from learning.services import rounds, targets

QUESTION = "finding"
SPLITS = {"train": Split.TRAIN, "val": Split.VALIDATION, "validation": Split.VALIDATION,
          "test": Split.TEST}  # fmt: skip
Say = Callable[[str], None]


class SimulationFailed(RuntimeError):
    """A round of the replay did not complete; carries its reason."""


@dataclass(frozen=True)
class Point:
    """The test figures of one round."""

    strategy: str
    seed: int
    labels: int
    auc: float
    auc_low: float
    auc_high: float


@dataclass(frozen=True)
class Replay:
    """One strategy with one seed on known labels."""

    strategy: str
    seed: int
    schedule: Sequence[int]  # label counts at which a round is run
    config: dict[str, Any]


def import_once(folder: Path, rows: list[PictureRow], say: Say) -> Collection:
    """The pictures as a collection that all replays share."""
    name = f"simulation {folder.resolve().name}"
    known = Collection.objects.filter(name=name, projects__isnull=False).first()
    if known is not None:
        return known
    actor = _reader("simulation-manager")
    project = projects.create_project(actor=actor, name=name, definition=definition(rows))
    report = pictures.import_pictures(
        project=project, folder=folder, rows=rows, reader=None, question=QUESTION,
        on_progress=lambda done: say(f"imported {done}") if done % 250 == 0 else None,
    )  # fmt: skip
    if report.refused:
        raise SimulationFailed(f"{report.refused[0][0]}: {report.refused[0][1]}")
    return project.collection


def definition(rows: list[PictureRow]) -> dict[str, Any]:
    labels = sorted({row.label for row in rows})
    options = [{"key": label, "label": label} for label in labels]
    return {"questions": [{"key": QUESTION, "label": "Finding", "kind": "one", "options": options}]}


def run(replay: Replay, collection: Collection, rows: list[PictureRow], say: Say) -> list[Point]:
    """Label the pool in the order that the product serves it, with a round at every step."""
    truth = {pictures.study_uid_of(row): row.label for row in rows}
    project = _project(replay, collection, rows)
    target = targets.create_target(
        actor=None, project=project, question=QUESTION, strategy=replay.strategy,
        retrain_after=0, config=replay.config,
    )  # fmt: skip
    reader = _reader("simulation-reader")
    rng = np.random.default_rng(replay.seed)
    _label_held_out(project, truth, reader)
    points = []
    labeled = 0
    for step, wanted in enumerate(replay.schedule):
        while labeled < wanted:
            assignment = claiming.claim_next(reader=reader, project=project, rng=rng)
            if assignment is None:
                break
            _read(assignment.case, truth, reader)
            labeled += 1
        round_ = rounds.request_round(
            target=target, trigger=Trigger.MANUAL, seed=replay.seed * 1000 + step
        )
        jobs.execute(Round, round_.pk, pipeline.run_round)
        round_.refresh_from_db()
        if round_.state != jobs.JobState.COMPLETED:
            raise SimulationFailed(round_.error)
        figures = round_.metrics["auc"]
        point = Point(
            replay.strategy, replay.seed, round_.training_labels or 0,
            figures["value"], figures["low"], figures["high"],
        )  # fmt: skip
        points.append(point)
        say(f"{replay.strategy} seed {replay.seed}: {point.labels} labels, AUC {point.auc:.3f}")
    return points


@transaction.atomic
def _project(replay: Replay, collection: Collection, rows: list[PictureRow]) -> Project:
    actor = _reader("simulation-manager")
    name = f"{collection.name}: {replay.strategy} {replay.seed} {secrets.token_hex(3)}"
    project = projects.create_project(
        actor=actor, name=name, definition=definition(rows), collection=collection
    )
    studies = list(Study.objects.filter(collection=collection).order_by("study_instance_uid"))
    projects.add_cases(project=project, studies=studies)
    # The first labels are the same for every strategy of one seed.
    order = np.random.default_rng(replay.seed).random(len(studies))
    cases = list(Case.objects.filter(project=project).order_by("study__study_instance_uid"))
    for case, key in zip(cases, order, strict=True):
        case.shuffle_key = float(key)
    Case.objects.bulk_update(cases, ["shuffle_key"], batch_size=1000)
    if any(row.split for row in rows):
        datasets.prescribe_splits(
            project=project, split_of_patient={r.patient: SPLITS[r.split] for r in rows}
        )
    return project


def _label_held_out(project: Project, truth: dict[str, str], reader: User) -> None:
    splitter = datasets.Splitter(datasets.policy_of(project))
    for case in Case.objects.filter(project=project, state=CaseState.OPEN).select_related(
        "study", "project"
    ):
        if splitter.split(splitter.patient_key(case)) != Split.TRAIN:
            answer = truth[case.study.study_instance_uid]
            import_read(reader=reader, case=case, content={"answers": {QUESTION: answer}})


def _read(case: Case, truth: dict[str, str], reader: User) -> None:
    annotation = reading.open_annotation(reader=reader, case=case)
    content = {"answers": {QUESTION: truth[case.study.study_instance_uid]}}
    reading.submit(
        actor=reader, annotation=annotation, content=content, version=annotation.draft_version
    )


def _reader(username: str) -> User:
    known = User.objects.filter(username=username).first()
    return known or create_user(username=username, password=secrets.token_urlsafe(32))
