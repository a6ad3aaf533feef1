"""Trains and measures the folds of a cross-validation: where the database meets torch.

Every fold begins from fresh weights, whatever the target's rounds start from: weights that have seen the
left-out patients would flatter. A killed worker goes on in the fold that it was in.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.datasets.models import Split
from learning.column_values import frozen_rows, with_rows
from learning.models import CrossValidation
from learning.pipeline.answers import Answers
from learning.pipeline.base import Examples
from learning.pipeline.kinds import answers_of
from learning.training.data import ArrayFile, Image
from learning.training.folds import limits_of, over_folds, patient_folds, strata_of
from learning.training.preparation import UnusableInput
from learning.training.run import Progress

FIGURES = {
    "one": ("auc", "accuracy", "sensitivity", "specificity", "calibration_error"),
    "many": ("mean_auc", "mean_average_precision", "mean_f1", "calibration_error"),
    "ordinal": ("quadratic_kappa", "accuracy", "mean_absolute_error", "calibration_error"),
    "number": ("mean_absolute_error", "root_mean_square_error", "r2", "spearman"),
    "time_to_event": ("c_index",),
}
FOLD_TOTAL = 100  # progress of one fold


class NotEnoughCases(DomainError):
    """The dataset has too few usable cases of training and validation patients."""


def run_cross_validation(job: CrossValidation) -> None:
    """Do every fold that is left. Raises with the reason where it cannot."""
    kind = _kind_of(job)
    cases = _load(job, kind)
    strata = strata_of(job.target.kind, kind.task.encode(cases.labels))
    try:
        fold_of = patient_folds(cases.patients, strata.tolist(), job.fold_count, job.seed)
    except ValueError as error:
        raise NotEnoughCases(f"{error}.") from None
    folds = list(job.folds)
    for fold in range(len(folds), job.fold_count):
        folds.append(_run_fold(job, kind, cases, fold_of, fold))
        if not CrossValidation.ownership(job).update(folds=folds):
            raise jobs.JobFenced(str(job.pk))
        job.note_kept()
    CrossValidation.ownership(job).update(metrics=_together(folds, FIGURES[job.target.kind]))
    jobs.finish(job, jobs.JobState.COMPLETED)
    shutil.rmtree(_folder(job), ignore_errors=True)


def _kind_of(job: CrossValidation) -> Answers:
    """What learns as a round of the target would; the recipe is kept, so that no resume has another."""
    target = copy(job.target)
    target.input = job.input
    schema = job.dataset.schema.schema
    learns = answers_of(target, schema)
    kind = learns(target, schema, job.config, "", job.dataset.items.count())
    recipe = kind.config.as_json()
    if recipe != job.config:
        if not CrossValidation.ownership(job).update(config=recipe):
            raise jobs.JobFenced(str(job.pk))
        job.config = recipe
    return kind


def _load(job: CrossValidation, kind: Answers) -> Examples:
    """Every labeled case of the dataset whose patient is not in the test set; images lie in a file."""
    items = {
        item.case.study_id: item
        for item in job.dataset.items.exclude(split=Split.TEST)
        .select_related("case__study")
        .defer("case__study__dicom_json")
        .order_by("case__study__study_instance_uid")
        if kind.answer(item) is not None
    }
    excluded: dict[UUID, str] = {}
    chosen = with_rows(
        kind.inputs.choose([item.case for item in items.values()], excluded),
        frozen_rows(items.values(), kind.columns), kind.columns, excluded,
    )  # fmt: skip
    loaded: list[Any] = []
    labels: list[Any] = []

    def images() -> Iterator[Image]:
        for one, image in kind.inputs.load(chosen, excluded, on_progress):
            try:
                labels.append(kind.label(one, items[one.study_id], image))
            except UnusableInput as why:
                excluded[one.case_id] = str(why)
                continue
            loaded.append(one)
            yield image

    def on_progress(done: int) -> None:
        jobs.report(job, step="load", done=done, total=len(chosen))

    file = ArrayFile.write(_folder(job) / "images", images())
    if not loaded:
        raise NotEnoughCases(_nothing(excluded))
    found = [items[one.study_id] for one in loaded]
    return Examples(
        images=file,
        labels=labels,
        patients=[item.patient_key for item in found],
        cases=[item.case_id for item in found],
        rows=[one.row for one in loaded] if kind.columns else [],
    )


def _nothing(excluded: dict[UUID, str]) -> str:
    """Why no case is left, with the commonest reason."""
    text = "The dataset has no labeled case with a usable input outside the test set"
    reasons = Counter(excluded.values()).most_common(1)
    return f"{text} ({reasons[0][0]})." if reasons else f"{text}."


def _run_fold(
    job: CrossValidation,
    kind: Answers,
    cases: Examples,
    fold_of: NDArray[np.int64],
    fold: int,
) -> dict[str, Any]:
    """Figures on one fold of a network that the others taught; the next one chose its epoch."""
    measured = fold_of == fold
    chooses = fold_of == (fold + 1) % job.fold_count
    examples = {
        Split.TRAIN: _some(cases, ~(measured | chooses)),
        Split.VALIDATION: _some(cases, chooses),
        Split.TEST: _some(cases, measured),
    }

    def on_progress(progress: Progress) -> None:
        if progress.saved_step:
            job.note_kept()
        done = fold * FOLD_TOTAL + FOLD_TOTAL * progress.step // max(progress.steps, 1)
        jobs.report(job, step="train", done=done, total=job.fold_count * FOLD_TOTAL)

    folder = _folder(job) / str(fold)
    learned = kind.learn(
        examples, seed=job.seed + fold, folder=folder, on_progress=on_progress,
        start=lambda _network: None,
    )  # fmt: skip
    figures = kind.judge(learned, examples, np.random.default_rng(job.seed + fold)).metrics
    shutil.rmtree(folder, ignore_errors=True)
    estimates = {name: figures[name] for name in FIGURES[job.target.kind] if name in figures}
    return {
        "fold": fold + 1, "n": len(examples[Split.TEST]), "training": len(examples[Split.TRAIN]),
        **{name: estimate["value"] for name, estimate in estimates.items()},
        "estimates": estimates,
    }  # fmt: skip


def _some(cases: Examples, chosen: NDArray[np.bool_]) -> Examples:
    places = np.flatnonzero(chosen).tolist()
    return Examples(
        images=[cases.images[place] for place in places],
        labels=[cases.labels[place] for place in places],
        patients=[cases.patients[place] for place in places],
        cases=[cases.cases[place] for place in places],
        rows=[cases.rows[place] for place in places] if cases.rows else [],
    )


def _together(folds: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any]:
    share = float(np.mean([fold["n"] / max(fold["training"], 1) for fold in folds]))
    return {
        name: asdict(over_folds([fold.get(name) for fold in folds], share, limits_of(name)))
        for name in names
        if any(name in fold for fold in folds)
    }


def _folder(job: CrossValidation) -> Path:
    return Path(settings.MODEL_ROOT) / "cross-validations" / str(job.pk)
