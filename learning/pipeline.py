"""One round from frozen labels to a published ranking: where the database meets torch.

Every write goes through the round's ownership, so a worker that was thought dead changes nothing.
"""

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import torch
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from numpy.typing import NDArray

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.datasets import services as datasets
from annotation.datasets.models import Dataset, DatasetItem, Split
from annotation.labeling.models import Case, CaseState
from annotation.labeling.services.ranking import Ranked, publish_ranking
from learning.acquisition import reasons
from learning.acquisition.strategies import STRATEGIES, rank, reason
from learning.images import choose_images, exclusions_by_case, load_images
from learning.models import ModelVersion, Prediction, Round
from learning.services import model_versions, test_results
from learning.services.test_results import Results
from learning.training.checkpoint import Checkpoints, load_weights, save_weights
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.evaluate import examined, thresholds_of
from learning.training.loop import Trained, choose_device, train
from learning.training.metrics.figures import figures
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict
from learning.training.run import Progress
from learning.training.tasks import OneAnswer, Unlearnable

logger = logging.getLogger(__name__)
POOL_BLOCK = 256  # images scored at once


class NotEnoughLabels(DomainError):
    """The frozen labels cannot teach a model yet."""


@dataclass
class Examples:
    """The usable items of one split: images, class numbers and patients in the same order."""

    images: list[NDArray[np.float16]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    cases: list[UUID] = field(default_factory=list)

    def samples(self) -> Samples:
        return Samples([image[None] for image in self.images], np.asarray(self.labels, np.int64))


@dataclass
class Pool:
    """Open cases and their predictions; `is_held_out` where the split keeps them from training."""

    cases: list[UUID] = field(default_factory=list)
    is_held_out: list[bool] = field(default_factory=list)
    probabilities: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


def run_round(round_: Round) -> None:
    """Do everything that is left of a claimed round. Raises with the reason where it cannot."""
    config = TrainConfig.from_json(round_.config)
    dataset = _frozen_dataset(round_)
    classes = _classes(round_, dataset)
    excluded: dict[UUID, str] = {}
    examples = _load_examples(round_, dataset, classes, config, excluded)
    trained = _train(round_, config, examples, OneAnswer(tuple(classes)))
    metrics, results = _evaluate(round_, config, trained, examples)
    pool = _predict_pool(round_, config, trained, excluded)
    metrics["excluded"] = exclusions_by_case(excluded)
    metrics["device"] = str(choose_device())
    ranked = _rank(round_, pool, classes)
    weights = save_weights(trained.network, Path(settings.MODEL_ROOT) / "weights")
    _publish(
        round_,
        metrics,
        results,
        classes,
        weights,
        pool,
        ranked,
        len(examples[Split.TRAIN].labels),
    )
    shutil.rmtree(_run_folder(round_), ignore_errors=True)


def _frozen_dataset(round_: Round) -> Dataset:
    """The labels as they stood when the round began; a resumed round keeps its own."""
    if round_.dataset is not None:
        return round_.dataset
    jobs.report(round_, step="freeze")
    target = round_.target
    with transaction.atomic():
        dataset = datasets.freeze(
            project=target.project,
            name=f"Round {round_.number} of {target.question}",
            actor=None,
            is_for_round=True,
        )
        if not Round.ownership(round_).update(dataset=dataset):
            raise jobs.JobFenced(str(round_.pk))
    round_.dataset = dataset
    return dataset


def _classes(round_: Round, dataset: Dataset) -> list[str]:
    question = dataset.schema.schema.question(round_.target.question)
    if question is None:
        raise NotEnoughLabels(f"The schema no longer asks {round_.target.question!r}.")
    return list(question.option_keys)


def _load_examples(
    round_: Round,
    dataset: Dataset,
    classes: list[str],
    config: TrainConfig,
    excluded: dict[UUID, str],
) -> dict[Split, Examples]:
    items = {
        item.case.study_id: item
        # In the order of the studies' UIDs: training must not depend on random row identifiers.
        for item in dataset.items.select_related("case").order_by("case__study__study_instance_uid")
        if item.answers.get(round_.target.question) in classes
    }
    chosen = choose_images([item.case for item in items.values()], excluded)

    def on_progress(done: int) -> None:
        jobs.report(round_, step="load", done=done, total=len(chosen))

    examples = {split: Examples() for split in Split}
    for choice, image in load_images(chosen, config.side, excluded, on_progress):
        item: DatasetItem = items[choice.study_id]
        found = examples[Split(item.split)]
        found.images.append(image)
        found.labels.append(classes.index(item.answers[round_.target.question]))
        found.patients.append(item.patient_key)
        found.cases.append(item.case_id)
    return examples


def _train(
    round_: Round, config: TrainConfig, examples: dict[Split, Examples], task: OneAnswer
) -> Trained:
    curves = list(round_.curves)

    def on_progress(progress: Progress) -> None:
        figures = progress.figures
        if figures and not any(known["step"] == figures["step"] for known in curves):
            curves.append(figures)
            if not Round.ownership(round_).update(curves=curves):
                raise jobs.JobFenced(str(round_.pk))
        jobs.report(round_, step="train", done=progress.step, total=progress.steps)

    jobs.report(round_, step="train", done=0, total=config.steps(len(examples[Split.TRAIN].labels)))
    try:
        return train(
            config=config,
            task=task,
            architecture=_architecture(config, len(task.classes)),
            training=examples[Split.TRAIN].samples(),
            validation=examples[Split.VALIDATION].samples(),
            seed=round_.seed,
            checkpoints=Checkpoints(_run_folder(round_)),
            on_progress=on_progress,
        )
    except Unlearnable as error:
        raise NotEnoughLabels(str(error)) from None


def _architecture(config: TrainConfig, class_count: int) -> Architecture:
    return Architecture(
        config.network, class_count, size=(config.side, config.side), dropout=config.dropout
    )


def _evaluate(
    round_: Round, config: TrainConfig, trained: Trained, examples: dict[Split, Examples]
) -> tuple[dict[str, Any], Results]:
    jobs.report(round_, step="evaluate")
    probabilities = {
        split: _predict(trained, _blocks(found.images), config)
        for split, found in examples.items()
        if found.labels and split != Split.TRAIN
    }
    task = trained.task
    thresholds: tuple[float, ...] = ()
    if Split.VALIDATION in probabilities:
        truth = np.asarray(examples[Split.VALIDATION].labels, np.int64)
        thresholds = thresholds_of(task, truth, probabilities[Split.VALIDATION])
    test = examples[Split.TEST]
    found = examined(
        task,
        np.asarray(test.labels, np.int64),
        probabilities.get(Split.TEST, np.zeros((0, 0))),
        test.patients,
        thresholds=thresholds,
    )
    return figures(found, np.random.default_rng(round_.seed)), Results(test.cases, found)


def _blocks(images: list[NDArray[np.float16]]) -> Iterator[Block]:
    for start in range(0, len(images), POOL_BLOCK):
        yield Block(np.stack(images[start : start + POOL_BLOCK])[:, None])


def _predict(
    trained: Trained,
    blocks: Iterator[Block],
    config: TrainConfig,
    on_block: Callable[[int], None] = lambda _count: None,
) -> NDArray[np.float64]:
    members = Members([trained.network])
    return predict(members, blocks, trained.task, config, choose_device(), on_block).mean


def _predict_pool(
    round_: Round, config: TrainConfig, trained: Trained, excluded: dict[UUID, str]
) -> Pool:
    """Predict every open case, in blocks, so that memory does not grow with the pool."""
    cases = list(
        Case.objects.filter(project=round_.target.project, state=CaseState.OPEN)
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
    )
    splitter = datasets.Splitter(datasets.policy_of(round_.target.project))
    held_out = {
        case.pk: splitter.split(splitter.patient_key(case)) != Split.TRAIN for case in cases
    }
    chosen = choose_images(cases, excluded)
    pool = Pool()
    done = 0

    def blocks() -> Iterator[Block]:
        for start in range(0, len(chosen), POOL_BLOCK):
            block = []
            part = chosen[start : start + POOL_BLOCK]
            for choice, image in load_images(part, config.side, excluded):
                pool.cases.append(choice.case_id)
                pool.is_held_out.append(held_out[choice.case_id])
                block.append(image)
            if block:
                yield Block(np.stack(block)[:, None])

    def on_block(count: int) -> None:
        nonlocal done
        done += count
        jobs.report(round_, step="score", done=done, total=len(chosen))

    pool.probabilities = _predict(trained, blocks(), config, on_block)
    return pool


def _rank(round_: Round, pool: Pool, classes: list[str]) -> dict[UUID, Ranked]:
    """Scores of the training pool; held-out cases are spread evenly, at random, between them.

    Test and validation cases must be labeled too, at their natural rate, and the model's opinion
    of them must not decide which.
    """
    strategy = STRATEGIES[round_.strategy]
    rng = np.random.default_rng(round_.seed)
    held_out = np.asarray(pool.is_held_out, bool)
    rows = np.flatnonzero(~held_out)
    ranked: dict[UUID, Ranked] = {}
    scores = np.zeros(0)
    if len(rows):
        scores = rank(strategy, pool.probabilities[rows], rng).scores
        for row, score in zip(rows, scores, strict=True):
            why = reason(strategy, pool.probabilities[row], classes)
            ranked[pool.cases[row]] = Ranked(pool.cases[row], float(score), why)
    for row in np.flatnonzero(held_out):
        place = float(rng.random())
        spread = float(np.quantile(scores, place)) if len(scores) else place
        ranked[pool.cases[row]] = Ranked(pool.cases[row], spread, reasons.HELD_OUT)
    return ranked


@transaction.atomic
def _publish(
    round_: Round,
    metrics: dict[str, Any],
    results: Results,
    classes: list[str],
    weights_sha256: str,
    pool: Pool,
    ranked: dict[UUID, Ranked],
    training_labels: int,
) -> None:
    """Model, predictions, ranking and the round's end: all of it or nothing, once."""
    locked = Round.ownership(round_).select_for_update().first()
    if locked is None:
        raise jobs.JobFenced(str(round_.pk))
    jobs.report(round_, step="publish")
    target = round_.target
    last = ModelVersion.objects.filter(target=target).aggregate(n=Max("number"))["n"] or 0
    Round.ownership(round_).update(
        metrics=metrics, training_labels=training_labels, ranked_cases=len(ranked)
    )
    round_.metrics = metrics
    version = ModelVersion.objects.create(
        target=target, round=round_, number=last + 1, weights_sha256=weights_sha256,
        classes=classes, threshold=metrics.get("threshold"),
    )  # fmt: skip
    Prediction.objects.bulk_create(
        (
            Prediction(
                model_version=version,
                case_id=case_id,
                probabilities=row.tolist(),
                score=None if held_out else ranked[case_id].priority,
            )
            for case_id, row, held_out in zip(
                pool.cases, pool.probabilities, pool.is_held_out, strict=True
            )
        ),
        batch_size=2000,
    )
    publish_ranking(project=target.project, ranking_id=round_.pk, ranked=list(ranked.values()))
    test_results.keep(version=version, results=results)
    model_versions.consider(version)
    jobs.finish(round_, jobs.JobState.COMPLETED)


def _run_folder(round_: Round) -> Path:
    return Path(settings.MODEL_ROOT) / "rounds" / str(round_.pk)


def load_network(version: ModelVersion) -> torch.nn.Module:
    """The network of a model version with its weights, verified by hash."""
    config = TrainConfig.from_json(version.round.config)
    network = _architecture(config, len(version.classes)).build()
    load_weights(network, Path(settings.MODEL_ROOT) / "weights", version.weights_sha256)
    return network
