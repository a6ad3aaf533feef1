"""Replays known labels through the product's own claims, reads and rounds, as readers would."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from django.db import transaction
from sklearn.metrics import average_precision_score

from annotation.accounts.models import User
from annotation.accounts.services import create_user
from annotation.archive.models import Study
from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case, CaseState, Project
from annotation.labeling.services import claiming, projects, reading
from annotation.labeling.services.importing import import_read
from learning import embedding, pipeline, pretraining
from learning.known import Known, Say
from learning.models import Embedding, EncoderKind, EncoderVersion, Round, Target, Trigger
from learning.pipeline import asking
from learning.services import embeddings, heads, rounds, targets, test_results
from learning.services.pretraining import request_pretraining

KNOWN_POSITIVES = 2  # of a rare finding, as a search of reports would bring them: all arms get them


class SimulationFailed(RuntimeError):
    """A round of the replay did not complete; carries its reason."""


@dataclass(frozen=True)
class Point:
    """A test figure of one round."""

    strategy: str
    seed: int
    labels: int
    figure: str
    value: float
    low: float
    high: float


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
    # of the last answer among the training cases; 0 leaves them as they are
    prevalence: float = 0.0
    start: dict[str, str] = field(
        default_factory=dict
    )  # of each network, as services.starts has it


def run(replay: Replay, known: Known, say: Say) -> list[Point]:
    """Label the pool in the order that the rounds give it, with a round at every step."""
    desk = _Desk(known, replay)
    target = targets.create_target(
        actor=None, project=desk.project, strategy=replay.strategy, retrain_after=0,
        refit_after=0, config=replay.config, start=replay.start, **known.wish,
    )  # fmt: skip
    if target.options.get("slices"):
        asking.ask_for_spread_slices(target)
    return _rounds(replay, known, target, desk.label_until, say)


def run_two_speeds(
    replay: Replay, known: Known, encoder: EncoderVersion, every: int, say: Say
) -> list[Point]:
    """Like `run`, but a light head, refitted after every few labels, serves between the rounds."""
    desk = _Desk(known, replay)
    target = targets.create_target(
        actor=None, project=desk.project, head_strategy=replay.strategy, retrain_after=0,
        refit_after=0, config=replay.config, start=replay.start, **known.wish,
    )  # fmt: skip
    share_encoder(encoder, desk.project)

    def label_until(wanted: int) -> None:
        while desk.labeled < wanted:
            heads.refit(target, seed=replay.seed * 1000 + desk.labeled)
            if not desk.label_until(min(desk.labeled + every, wanted)):
                return

    return _rounds(replay, known, target, label_until, say)


def _rounds(
    replay: Replay, known: Known, target: Target, label_until: Callable[[int], object], say: Say
) -> list[Point]:
    points = []
    for step, wanted in enumerate(replay.schedule):
        label_until(wanted)
        round_ = rounds.request_round(
            target=target, trigger=Trigger.MANUAL, seed=replay.seed * 1000 + step
        )
        jobs.execute(Round, round_.pk, pipeline.run_round)
        round_.refresh_from_db()
        if round_.state != jobs.JobState.COMPLETED:
            raise SimulationFailed(round_.error)
        for point in _points(replay, known, round_):
            points.append(point)
            say(
                f"{point.strategy} seed {point.seed}: {point.labels} labels, "
                f"{point.figure} {point.value:.3f}"
            )
    return points


def _points(replay: Replay, known: Known, round_: Round) -> list[Point]:
    """The figure of the round, and of a rare finding its precision at that prevalence."""
    named = {known.figure: round_.metrics[known.figure]}
    if replay.prevalence:
        value = _precision(round_, replay.prevalence)
        named["average_precision"] = {"value": value, "low": value, "high": value}
    labels = round_.training_labels or 0
    return [
        Point(replay.strategy, replay.seed, labels, figure, f["value"], f["low"], f["high"])
        for figure, f in named.items()
    ]


def _precision(round_: Round, prevalence: float) -> float:
    """Average precision as if so many of the test cases had the last answer, by weighting them."""
    examined = test_results.results_of(round_.model_version).examined
    is_positive = examined.truth == examined.predictions.shape[1] - 1
    share = is_positive.mean()
    weights = np.where(is_positive, prevalence / share, (1 - prevalence) / (1 - share))
    scores = examined.predictions[:, -1]
    return float(average_precision_score(is_positive, scores, sample_weight=weights))


def run_quick(replay: Replay, known: Known, encoder: EncoderVersion, say: Say) -> list[QuickPoint]:
    """Like `run`, with a refit of the light head at every step of the schedule instead of a round."""
    desk = _Desk(known, replay)
    target = targets.create_target(
        actor=None, project=desk.project, retrain_after=0, head_strategy=replay.strategy,
        refit_after=0, **known.wish,
    )  # fmt: skip
    share_encoder(encoder, desk.project)
    points = []
    for step, wanted in enumerate([0, *replay.schedule]):
        desk.label_until(wanted)
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
    say(
        f"{replay.strategy} seed {replay.seed}: AUC {points[-1].auc:.3f} with {desk.labeled} labels"
    )
    return points


def full_auc(encoder: EncoderVersion, known: Known) -> float:
    """The test AUC of a light head that has learned every label."""
    replay = Replay(strategy="random", seed=0, schedule=[len(known.contents)], config={})
    return run_quick(replay, known, encoder, lambda _text: None)[-1].auc


def encode(known: Known, kind: EncoderKind) -> EncoderVersion:
    """The encoder of this kind over all cases of the collection's own project, made once."""
    project = Project.objects.filter(collection=known.collection).earliest("created_at")
    studies = Study.objects.filter(collection=known.collection)
    projects.add_cases(project=project, studies=studies)
    made = EncoderVersion.objects.filter(project=project, kind=kind, is_ready=True).first()
    return made or _encode(project, kind)


def encode_pool(replay: Replay, known: Known, kind: EncoderKind) -> EncoderVersion:
    """An encoder that has seen the cases of this replay alone: a rare finding is rare to it too."""
    return _encode(_project(replace(replay, strategy="encoder"), known), kind)


def _encode(project: Project, kind: EncoderKind) -> EncoderVersion:
    created = embeddings.create_encoder(project, kind)
    if created is None:
        raise SimulationFailed("an encoder of this collection is being made elsewhere")
    return _made(created, embedding.run_encoder)


def _made(encoder: EncoderVersion, run: Callable[[EncoderVersion], None]) -> EncoderVersion:
    jobs.execute(EncoderVersion, encoder.pk, run)
    encoder.refresh_from_db()
    if encoder.state != jobs.JobState.COMPLETED:
        raise SimulationFailed(encoder.error)
    return encoder


def pretrain(replay: Replay, known: Known, steps: int) -> dict[str, str]:
    """A start for the networks of the replay: weights learned from its training images, unlabeled."""
    project = _project(replace(replay, strategy="pretraining"), known)
    target = targets.create_target(
        actor=None, project=project, retrain_after=0, refit_after=0, config=replay.config,
        **known.wish,
    )  # fmt: skip
    actor = reader_named("simulation-manager")
    asked = request_pretraining(actor=actor, target=target, steps=steps)
    return {"encoder": str(_made(asked, pretraining.run_pretraining).pk)}


@transaction.atomic
def share_encoder(encoder: EncoderVersion, project: Project) -> None:
    """Give a project of the same collection the vectors of an encoder: they are of the same studies."""
    copied = EncoderVersion.objects.create(
        project=project, number=1, kind=encoder.kind, content=encoder.content, is_ready=True,
        recipe=encoder.recipe, state=jobs.JobState.COMPLETED,
    )  # fmt: skip
    case_of = dict(Case.objects.filter(project=project).values_list("study_id", "pk"))
    found = Embedding.objects.filter(encoder=encoder, case__study__in=case_of)
    Embedding.objects.bulk_create(
        (
            Embedding(
                encoder=copied, case_id=case_of[e.case.study_id], vector=e.vector, reason=e.reason
            )
            for e in found.select_related("case")
        ),
        batch_size=500,
    )


class _Desk:
    """A fresh project on the known studies, its held-out cases labeled, and one reader."""

    def __init__(self, known: Known, replay: Replay) -> None:
        self.project = _project(replay, known)
        self.labeled = 0
        self._known = known
        self._reader = reader_named("simulation-reader")
        self._rng = np.random.default_rng(replay.seed)
        self._label_held_out()
        if replay.prevalence:
            self._label_known_positives()

    def label_until(self, wanted: int) -> bool:
        """Claim and read as many cases as are there; whether there were enough."""
        while self.labeled < wanted:
            assignment = claiming.claim_next(
                reader=self._reader, project=self.project, rng=self._rng
            )
            if assignment is None:
                return False
            self._read(assignment.case)
            self.labeled += 1
        return True

    def _read(self, case: Case) -> None:
        annotation = reading.open_annotation(reader=self._reader, case=case)
        content = self._known.contents[case.study.study_instance_uid]
        reading.submit(
            actor=self._reader, annotation=annotation, content=content,
            version=annotation.draft_version,
        )  # fmt: skip

    def _label_held_out(self) -> None:
        splitter = Splitter(datasets.policy_of(self.project))
        waiting = Case.objects.filter(project=self.project, state=CaseState.OPEN)
        for case in waiting.select_related("study", "project"):
            if splitter.split(splitter.patient_key(case)) != Split.TRAIN:
                content = self._known.contents[case.study.study_instance_uid]
                import_read(reader=self._reader, case=case, content=content)

    def _label_known_positives(self) -> None:
        """The first few in the project's own order."""
        waiting = Case.objects.filter(project=self.project, state=CaseState.OPEN)
        positives = [
            case
            for case in waiting.select_related("study").order_by("shuffle_key")
            if _is_positive(self._known, case.study)
        ]
        for case in positives[:KNOWN_POSITIVES]:
            content = self._known.contents[case.study.study_instance_uid]
            import_read(reader=self._reader, case=case, content=content)
            self.labeled += 1


@transaction.atomic
def _project(replay: Replay, known: Known) -> Project:
    actor = reader_named("simulation-manager")
    name = f"{known.collection.name}: {replay.strategy} {replay.seed} {secrets.token_hex(3)}"
    project = projects.create_project(
        actor=actor, name=name, definition=known.definition, collection=known.collection
    )
    studies = _studies(replay, known)
    projects.add_cases(project=project, studies=studies)
    # The first labels are the same for every strategy of one seed.
    order = np.random.default_rng(replay.seed).random(len(studies))
    cases = list(Case.objects.filter(project=project).order_by("study__study_instance_uid"))
    for case, key in zip(cases, order, strict=True):
        case.shuffle_key = float(key)
    Case.objects.bulk_update(cases, ["shuffle_key"], batch_size=1000)
    if known.split_of_patient:
        datasets.prescribe_splits(project=project, split_of_patient=known.split_of_patient)
    return project


def _studies(replay: Replay, known: Known) -> list[Study]:
    """All of them; or, of those for training, only so many positives as the prevalence allows.

    Which ones is drawn by the seed. Validation and test keep theirs: three positives measure nothing.
    """
    every = list(Study.objects.filter(collection=known.collection).order_by("study_instance_uid"))
    if not replay.prevalence:
        return every
    training = [s for s in every if known.split_of_patient.get(s.patient_id) == Split.TRAIN]
    positives = [s for s in training if _is_positive(known, s)]
    negatives = len(training) - len(positives)
    kept = round(negatives * replay.prevalence / (1 - replay.prevalence))
    order = np.random.default_rng([replay.seed, 3]).permutation(len(positives))
    dropped = {positives[place].pk for place in order[kept:]}
    return [study for study in every if study.pk not in dropped]


def _is_positive(known: Known, study: Study) -> bool:
    """Whether its answer is the last of the schema's."""
    question = known.definition["questions"][0]
    answer = known.contents[study.study_instance_uid]["answers"].get(question["key"])
    return bool(answer == question["options"][-1]["key"])


def reader_named(username: str) -> User:
    """Somebody who reads in replays, made at the first one."""
    known = User.objects.filter(username=username).first()
    return known or create_user(username=username, password=secrets.token_urlsafe(32))
