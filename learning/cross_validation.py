"""Trains and measures the folds of a cross-validation: where the database meets torch.

Every fold begins from fresh weights, whatever the target's rounds start from: weights that have seen the
left-out patients would flatter. A killed worker goes on in the fold that it was in.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
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
from learning.column_values import frozen_rows, with_rows
from learning.images import MiddleImages
from learning.machine import process_count
from learning.models import CrossValidation
from learning.training.columns import ColumnEncoder, Row, width_of
from learning.training.config import TrainConfig
from learning.training.data import ArrayFile, Image, Samples
from learning.training.evaluate import evaluate, thresholds_of
from learning.training.folds import over_folds, patient_folds
from learning.training.inputs import Column, InputSpec
from learning.training.loop import choose_device
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict
from learning.training.processes import train_in
from learning.training.run import Progress
from learning.training.tasks import OneAnswer
from learning.volumes import SpecifiedInputs

FIGURES = ("auc", "accuracy", "sensitivity", "specificity", "calibration_error")
BLOCK = {2: 256, 3: 8}  # images scored at once, by the axes of one
FOLD_TOTAL = 100  # progress of one fold


class NotEnoughCases(DomainError):
    """The dataset has too few usable cases of training and validation patients."""


@dataclass(frozen=True)
class Cases:
    """Images (channels, *space) in a file, class numbers, patients and clinical values in one order."""

    images: Sequence[Image]
    labels: NDArray[np.int64]
    patients: list[str]
    rows: list[Row]

    def samples(self, chosen: NDArray[np.bool_], encoder: ColumnEncoder | None) -> Samples:
        places = np.flatnonzero(chosen).tolist()
        return Samples(
            [self.images[place] for place in places], self.labels[chosen],
            encoder.encode_all([self.rows[place] for place in places]) if encoder else None,
        )  # fmt: skip

    def encoder(
        self, columns: Sequence[Column], teaches: NDArray[np.bool_]
    ) -> ColumnEncoder | None:
        """Standardised by the cases that teach alone."""
        if not columns:
            return None
        rows = [self.rows[place] for place in np.flatnonzero(teaches).tolist()]
        return ColumnEncoder.fit(columns, rows)


@dataclass(frozen=True)
class Design:
    """What every fold trains alike."""

    config: TrainConfig
    task: OneAnswer
    spec: InputSpec | None

    @classmethod
    def of(cls, job: CrossValidation) -> "Design":
        spec = InputSpec.from_json(job.input) if job.input else None
        return cls(TrainConfig.from_json(job.config), _task(job), spec)

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.spec.columns if self.spec else ()

    @property
    def inputs(self) -> MiddleImages | SpecifiedInputs:
        return SpecifiedInputs(self.spec) if self.spec else MiddleImages(self.config.side)

    @property
    def architecture(self) -> Architecture:
        spec = self.spec or InputSpec((self.config.side, self.config.side))
        return Architecture(
            self.config.network, self.task.outputs, dimensions=spec.dimensions,
            channels=spec.branches, size=spec.size, columns=width_of(spec.columns),
            neighbours=spec.neighbours, dropout=self.config.dropout,
        )  # fmt: skip


def run_cross_validation(job: CrossValidation) -> None:
    """Do every fold that is left. Raises with the reason where it cannot."""
    design = Design.of(job)
    cases = _load(job, design)
    try:
        fold_of = patient_folds(cases.patients, cases.labels.tolist(), job.fold_count, job.seed)
    except ValueError as error:
        raise NotEnoughCases(f"{error}.") from None
    folds = list(job.folds)
    for fold in range(len(folds), job.fold_count):
        folds.append(_run_fold(job, design, cases, fold_of, fold))
        if not CrossValidation.ownership(job).update(folds=folds):
            raise jobs.JobFenced(str(job.pk))
        job.note_kept()
    CrossValidation.ownership(job).update(metrics=_together(folds))
    jobs.finish(job, jobs.JobState.COMPLETED)
    shutil.rmtree(_folder(job), ignore_errors=True)


def _task(job: CrossValidation) -> OneAnswer:
    question = job.dataset.schema.schema.question(job.target.question)
    if question is None:
        raise NotEnoughCases(f"The schema no longer asks {job.target.question!r}.")
    return OneAnswer(tuple(question.option_keys))


def _load(job: CrossValidation, design: Design) -> Cases:
    """Every labeled case of the dataset whose patient is not in the test set."""
    asked = job.target.question
    items = {
        item.case.study_id: item
        for item in job.dataset.items.exclude(split=Split.TEST)
        .select_related("case__study")
        .defer("case__study__dicom_json")
        .order_by("case__study__study_instance_uid")
        if item.answers.get(asked) in design.task.classes
    }
    excluded: dict[UUID, str] = {}
    chosen = with_rows(
        design.inputs.choose([item.case for item in items.values()], excluded),
        frozen_rows(items.values(), design.columns), design.columns, excluded,
    )  # fmt: skip
    loaded: list[Any] = []

    def images() -> Iterator[Image]:
        for one, image in design.inputs.load(chosen, excluded, on_progress):
            loaded.append(one)
            yield image

    def on_progress(done: int) -> None:
        jobs.report(job, step="load", done=done, total=len(chosen))

    file = ArrayFile.write(_folder(job) / "images", images())
    if not loaded:
        raise NotEnoughCases(_nothing(excluded))
    found = [items[one.study_id] for one in loaded]
    return Cases(
        file,
        np.asarray([design.task.classes.index(item.answers[asked]) for item in found], np.int64),
        [item.patient_key for item in found],
        [one.row for one in loaded] if design.columns else [],
    )


def _nothing(excluded: dict[UUID, str]) -> str:
    """Why no case is left, with the commonest reason."""
    text = "The dataset has no labeled case with a usable input outside the test set"
    reasons = Counter(excluded.values()).most_common(1)
    return f"{text} ({reasons[0][0]})." if reasons else f"{text}."


def _run_fold(
    job: CrossValidation,
    design: Design,
    cases: Cases,
    fold_of: NDArray[np.int64],
    fold: int,
) -> dict[str, Any]:
    """Figures on one fold of a network that the others taught; the next one chose its epoch."""
    measured = fold_of == fold
    chooses = fold_of == (fold + 1) % job.fold_count
    teaches = ~(measured | chooses)

    def on_progress(progress: Progress) -> None:
        if progress.saved_step:
            job.note_kept()
        done = fold * FOLD_TOTAL + FOLD_TOTAL * progress.step // max(progress.steps, 1)
        jobs.report(job, step="train", done=done, total=job.fold_count * FOLD_TOTAL)

    config, task = design.config, design.task
    encoder = cases.encoder(design.columns, teaches)
    trained = train_in(
        process_count(),
        config=config,
        task=task,
        architecture=design.architecture,
        training=cases.samples(teaches, encoder),
        validation=cases.samples(chooses, encoder),
        seed=job.seed + fold,
        folder=_folder(job) / str(fold),
        on_progress=on_progress,
    )

    def predicted(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        members = Members([trained.network])
        blocks = _blocks(cases.samples(rows, encoder), BLOCK[design.architecture.spatial])
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


def _blocks(samples: Samples, size: int) -> Iterator[Block]:
    for start in range(0, len(samples), size):
        end = min(start + size, len(samples))
        columns = None if samples.columns is None else samples.columns[start:end]
        yield Block(np.stack([samples.images[row] for row in range(start, end)]), columns)


def _together(folds: list[dict[str, Any]]) -> dict[str, Any]:
    share = float(np.mean([fold["n"] / max(fold["training"], 1) for fold in folds]))
    return {
        name: asdict(over_folds([fold.get(name) for fold in folds], share))
        for name in FIGURES
        if any(name in fold for fold in folds)
    }


def _folder(job: CrossValidation) -> Path:
    return Path(settings.MODEL_ROOT) / "cross-validations" / str(job.pk)
