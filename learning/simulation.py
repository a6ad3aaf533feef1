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
from learning import embedding, pipeline
from learning.models import Embedding, EncoderKind, EncoderVersion, Round, Trigger
from learning.services import embeddings, heads, rounds, targets

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
class QuickPoint:
    """The test figures of one light head, and the seconds that its refit took."""

    strategy: str
    seed: int
    labels: int
    auc: float
    average_precision: float
    seconds: float


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


def run_quick(
    replay: Replay, encoder: EncoderVersion, rows: list[PictureRow], say: Say
) -> list[QuickPoint]:
    """Like `run`, with a refit of the light head at every step of the schedule instead of a round."""
    truth = {pictures.study_uid_of(row): row.label for row in rows}
    project = _project(replay, encoder.project.collection, rows)
    target = targets.create_target(
        actor=None, project=project, question=QUESTION, retrain_after=0,
        head_strategy=replay.strategy, refit_after=0,
    )  # fmt: skip
    share_encoder(encoder, project)
    reader = _reader("simulation-reader")
    rng = np.random.default_rng(replay.seed)
    _label_held_out(project, truth, reader)
    points = []
    labeled = 0
    for step, wanted in enumerate([0, *replay.schedule]):
        while labeled < wanted:
            assignment = claiming.claim_next(reader=reader, project=project, rng=rng)
            if assignment is None:
                break
            _read(assignment.case, truth, reader)
            labeled += 1
        head = heads.refit(target, seed=replay.seed * 1000 + step)
        if head is None:
            raise SimulationFailed("the light head was not refitted: the encoder is missing")
        if "auc" in head.metrics:
            points.append(
                QuickPoint(
                    replay.strategy, replay.seed, head.training_labels, head.metrics["auc"],
                    head.metrics["average_precision"], head.seconds,
                )
            )  # fmt: skip
    say(f"{replay.strategy} seed {replay.seed}: AUC {points[-1].auc:.3f} with {labeled} labels")
    return points


def full_auc(encoder: EncoderVersion, rows: list[PictureRow]) -> float:
    """The test AUC of a light head that has learned every label."""
    replay = Replay(strategy="random", seed=0, schedule=[len(rows)], config={})
    return run_quick(replay, encoder, rows, lambda _text: None)[-1].auc


def encode(collection: Collection, kind: EncoderKind) -> EncoderVersion:
    """The encoder of this kind over all cases of the collection's own project, made once."""
    project = Project.objects.filter(collection=collection).earliest("created_at")
    studies = Study.objects.filter(collection=collection)
    projects.add_cases(project=project, studies=studies)
    known = EncoderVersion.objects.filter(project=project, kind=kind, is_ready=True).first()
    if known is not None:
        return known
    created = embeddings.create_encoder(project, kind)
    if created is None:
        raise SimulationFailed("an encoder of this collection is being made elsewhere")
    jobs.execute(EncoderVersion, created.pk, embedding.run_encoder)
    created.refresh_from_db()
    if not created.is_ready:
        raise SimulationFailed(created.error)
    return created


@transaction.atomic
def share_encoder(encoder: EncoderVersion, project: Project) -> None:
    """Give a project of the same collection the vectors of an encoder: they are of the same studies."""
    copied = EncoderVersion.objects.create(
        project=project, number=1, kind=encoder.kind, content=encoder.content, is_ready=True,
        state=jobs.JobState.COMPLETED,
    )  # fmt: skip
    case_of = dict(Case.objects.filter(project=project).values_list("study_id", "pk"))
    found = Embedding.objects.filter(encoder=encoder).select_related("case")
    Embedding.objects.bulk_create(
        (
            Embedding(
                encoder=copied, case_id=case_of[e.case.study_id], vector=e.vector, reason=e.reason
            )
            for e in found
        ),
        batch_size=500,
    )


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
