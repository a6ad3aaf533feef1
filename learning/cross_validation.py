"""Trains and measures the folds of a cross-validation: where the database meets torch.

Every fold begins from fresh weights, whatever the target's rounds start from: weights that have seen the
left-out patients would flatter. A killed worker goes on in the fold that it was in.
"""

import shutil
from collections import Counter
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
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from learning.column_values import frozen_rows, with_rows
from learning.exclusions import summary_of
from learning.models import CrossValidation
from learning.pipeline.answers import Answers
from learning.pipeline.base import Examples, Kind
from learning.pipeline.boxes import Boxes
from learning.pipeline.examples import ExampleReader, answered
from learning.pipeline.judging import teller
from learning.pipeline.kinds import kind_of
from learning.services.trackers import ring_trackers
from learning.training.config import NO_UNLABELED
from learning.training.folds import limits_of, over_folds, patient_folds, strata_of
from learning.training.run import Progress
from learning.training.transfer import start_afresh

FIGURES = {
    "one": ("auc", "accuracy", "sensitivity", "specificity", "calibration_error"),
    "many": ("mean_auc", "mean_average_precision", "mean_f1", "calibration_error"),
    "ordinal": ("quadratic_kappa", "accuracy", "mean_absolute_error", "calibration_error"),
    "number": ("mean_absolute_error", "root_mean_square_error", "r2", "spearman"),
    "time_to_event": ("c_index",),
    "segmentation": ("mean_dice", "mean_hd95_mm"),
    "boxes": ("ap10", "ap50", "froc"),  # ap10 in volumes alone
}
FOLD_TOTAL = 100  # progress of one fold


class NotEnoughCases(DomainError):
    """The dataset has too few usable cases of training and validation patients."""


def run_cross_validation(job: CrossValidation) -> None:
    """Do every fold that is left. Raises with the reason where it cannot."""
    kind = _kind_of(job)
    leaders = _leaders(job)
    cases = _load(job, kind)
    strata = _strata(job, kind, cases)
    # A copy under another name must not be measured by a network that has seen the original.
    groups = [leaders.get(patient, patient) for patient in cases.patients]
    try:
        fold_of = patient_folds(groups, strata.tolist(), job.fold_count, job.seed)
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
    ring_trackers(job)
    shutil.rmtree(_folder(job), ignore_errors=True)


def _kind_of(job: CrossValidation) -> Kind:
    """What learns as a round of the target would; the recipe is kept, so that no resume has another.

    From labeled images alone: whether others help is for a round to ask, with an ablation beside it.
    """
    target = copy(job.target)
    target.input = job.input
    schema = job.dataset.schema.schema
    recipe_of_labels = job.config | {"unlabeled": NO_UNLABELED}
    kind = kind_of(target, schema, recipe_of_labels, "", job.dataset.items.count())
    recipe = kind.config.as_json()
    if recipe != job.config:
        if not CrossValidation.ownership(job).update(config=recipe):
            raise jobs.JobFenced(str(job.pk))
        job.config = recipe
    return kind


def _leaders(job: CrossValidation) -> dict[str, str]:
    """The first of the group of each patient who follows one, kept so that a resume divides as before."""
    if job.leaders is None:
        found = Splitter(datasets.regrouped_policy(job.target.project)).leaders
        # Folds of a version that did not ask for groups were divided otherwise.
        if not CrossValidation.ownership(job).update(leaders=found, folds=[]):
            raise jobs.JobFenced(str(job.pk))
        job.leaders, job.folds = found, []
    return dict(job.leaders)


def _load(job: CrossValidation, kind: Kind) -> Examples:
    """Every labeled case of the dataset whose patient is not in the test set, in files."""
    excluded: dict[UUID, str] = {}
    items = answered(kind, job.dataset.items.exclude(split=Split.TEST), excluded)
    chosen = with_rows(
        kind.inputs.choose([item.case for item in items.values()], excluded),
        frozen_rows(items.values(), kind.columns), kind.columns, excluded,
    )  # fmt: skip
    reader = ExampleReader(job, kind, items, _folder(job), excluded, len(chosen))
    examples = reader.read("all", chosen)
    if not CrossValidation.ownership(job).update(left_out=summary_of(excluded)):
        raise jobs.JobFenced(str(job.pk))
    if not len(examples):
        raise NotEnoughCases(_nothing(excluded))
    return examples


def _strata(job: CrossValidation, kind: Kind, cases: Examples) -> NDArray[np.int64]:
    """(n,) what is to be spread over the folds; of drawings the rarest label that a case shows."""
    if isinstance(kind, Answers):
        return strata_of(job.target.kind, kind.task.encode(cases.labels))
    classes = np.arange(len(kind.classes))
    shown = (
        [np.isin(classes, found) for _, found in cases.labels]
        if isinstance(kind, Boxes)
        else [np.isin(classes + 1, mask) for mask in cases.labels]
    )
    return strata_of("many", np.stack(shown).astype(float))


def _nothing(excluded: dict[UUID, str]) -> str:
    """Why no case is left, with the commonest reason."""
    text = "The dataset has no labeled case with a usable input outside the test set"
    reasons = Counter(excluded.values()).most_common(1)
    return f"{text} ({reasons[0][0]})." if reasons else f"{text}."


def _run_fold(
    job: CrossValidation,
    kind: Kind,
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
        start=start_afresh,
    )  # fmt: skip
    rng = np.random.default_rng(job.seed + fold)
    figures = kind.judge(learned, examples, rng, teller(job)).metrics
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
        spacings_mm=[cases.spacings_mm[place] for place in places],
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
