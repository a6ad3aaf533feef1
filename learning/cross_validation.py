"""Trains and measures the folds of a cross-validation: where the database meets torch.

Every fold begins from fresh weights, whatever the target's rounds start from: weights that have seen the
left-out patients would flatter. A killed worker goes on in the fold that it was in.
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.datasets.models import Split
from learning.images import choose_images, load_images
from learning.models import CrossValidation
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.evaluate import evaluate, thresholds_of
from learning.training.folds import over_folds, patient_folds
from learning.training.loop import choose_device, train
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict
from learning.training.run import Progress
from learning.training.tasks import OneAnswer

FIGURES = ("auc", "accuracy", "sensitivity", "specificity", "calibration_error")
BLOCK = 256
FOLD_TOTAL = 100  # progress of one fold


class NotEnoughCases(DomainError):
    """The dataset has too few usable cases of training and validation patients."""


@dataclass(frozen=True)
class Cases:
    """Images (n, 1, side, side), class numbers and patients in the same order."""

    images: NDArray[np.float16]
    labels: NDArray[np.int64]
    patients: list[str]

    def samples(self, rows: NDArray[np.bool_]) -> Samples:
        return Samples(self.images[rows], self.labels[rows])


def run_cross_validation(job: CrossValidation) -> None:
    """Do every fold that is left. Raises with the reason where it cannot."""
    config = TrainConfig.from_json(job.config)
    task = _task(job)
    cases = _load(job, task, config)
    try:
        fold_of = patient_folds(cases.patients, cases.labels.tolist(), job.fold_count, job.seed)
    except ValueError as error:
        raise NotEnoughCases(f"{error}.") from None
    folds = list(job.folds)
    for fold in range(len(folds), job.fold_count):
        folds.append(_run_fold(job, config, task, cases, fold_of, fold))
        if not CrossValidation.ownership(job).update(folds=folds):
            raise jobs.JobFenced(str(job.pk))
    CrossValidation.ownership(job).update(metrics=_together(folds))
    jobs.finish(job, jobs.JobState.COMPLETED)
    shutil.rmtree(_folder(job), ignore_errors=True)


def _task(job: CrossValidation) -> OneAnswer:
    question = job.dataset.schema.schema.question(job.target.question)
    if question is None:
        raise NotEnoughCases(f"The schema no longer asks {job.target.question!r}.")
    return OneAnswer(tuple(question.option_keys))


def _load(job: CrossValidation, task: OneAnswer, config: TrainConfig) -> Cases:
    """Every labeled case of the dataset whose patient is not in the test set."""
    asked = job.target.question
    items = {
        item.case.study_id: item
        for item in job.dataset.items.exclude(split=Split.TEST)
        .select_related("case")
        .order_by("case__study__study_instance_uid")
        if item.answers.get(asked) in task.classes
    }
    excluded: dict[UUID, str] = {}
    chosen = choose_images([item.case for item in items.values()], excluded)

    def on_progress(done: int) -> None:
        jobs.report(job, step="load", done=done, total=len(chosen))

    loaded = list(load_images(chosen, config.side, excluded, on_progress))
    if not loaded:
        raise NotEnoughCases("The dataset has no labeled case with an image outside the test set.")
    found = [items[choice.study_id] for choice, _ in loaded]
    return Cases(
        np.stack([image for _, image in loaded])[:, None],
        np.asarray([task.classes.index(item.answers[asked]) for item in found], np.int64),
        [item.patient_key for item in found],
    )


def _run_fold(
    job: CrossValidation,
    config: TrainConfig,
    task: OneAnswer,
    cases: Cases,
    fold_of: NDArray[np.int64],
    fold: int,
) -> dict[str, Any]:
    """Figures on one fold of a network that the others taught; the next one chose its epoch."""
    measured = fold_of == fold
    chooses = fold_of == (fold + 1) % job.fold_count
    teaches = ~(measured | chooses)

    def on_progress(progress: Progress) -> None:
        done = fold * FOLD_TOTAL + FOLD_TOTAL * progress.step // max(progress.steps, 1)
        jobs.report(job, step="train", done=done, total=job.fold_count * FOLD_TOTAL)

    trained = train(
        config=config,
        task=task,
        architecture=Architecture(
            config.network, task.outputs, size=(config.side, config.side), dropout=config.dropout
        ),
        training=cases.samples(teaches),
        validation=cases.samples(chooses),
        seed=job.seed + fold,
        checkpoints=Checkpoints(_folder(job) / str(fold)),
        on_progress=on_progress,
    )

    def predicted(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        images = cases.images[rows]
        blocks = (Block(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK))
        members = Members([trained.network])
        return predict(members, blocks, trained.task, config, choose_device()).mean

    figures = evaluate(
        task,
        cases.labels[measured],
        predicted(measured),
        [patient for patient, is_in in zip(cases.patients, measured, strict=True) if is_in],
        thresholds=thresholds_of(task, cases.labels[chooses], predicted(chooses)),
        rng=np.random.default_rng(job.seed + fold),
    )
    shutil.rmtree(_folder(job) / str(fold), ignore_errors=True)
    values = {name: figures[name]["value"] for name in FIGURES if name in figures}
    counts = {"fold": fold + 1, "n": int(measured.sum()), "training": int(teaches.sum())}
    return counts | values


def _together(folds: list[dict[str, Any]]) -> dict[str, Any]:
    share = float(np.mean([fold["n"] / max(fold["training"], 1) for fold in folds]))
    return {
        name: asdict(over_folds([fold.get(name) for fold in folds], share))
        for name in FIGURES
        if any(name in fold for fold in folds)
    }


def _folder(job: CrossValidation) -> Path:
    return Path(settings.MODEL_ROOT) / "cross-validations" / str(job.pk)
