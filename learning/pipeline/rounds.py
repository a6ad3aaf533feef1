"""The steps of a round. Every write goes through the round's ownership, so a worker that was thought
dead changes nothing.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import transaction

from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Dataset, Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case, CaseState
from annotation.labeling.schemas import Schema
from learning.column_values import current_rows, with_rows
from learning.images import exclusions_by_case
from learning.models import Round, Target, TargetKind
from learning.pipeline.answers import Answers
from learning.pipeline.base import Foreseen, Kind, Learned, NotEnoughLabels
from learning.pipeline.boxes import Boxes
from learning.pipeline.examples import load_examples
from learning.pipeline.masks import Masks
from learning.pipeline.publishing import Finished, publish
from learning.pipeline.ranking import ranked
from learning.starting import starter
from learning.stored_models import weights_folder
from learning.training.checkpoint import save_weights
from learning.training.inputs import columns_of, keywords_among
from learning.training.loop import choose_device
from learning.training.run import Progress

DRAWN: dict[str, type[Kind]] = {TargetKind.SEGMENTATION: Masks, TargetKind.BOXES: Boxes}


def run_round(round_: Round) -> None:
    """Do everything that is left of a claimed round. Raises with the reason where it cannot."""
    dataset = _frozen_dataset(round_)
    kind = _kind_of(round_, dataset)
    excluded: dict[UUID, str] = {}
    folder = run_folder(round_)
    examples = load_examples(round_, dataset, kind, folder, excluded)
    learned = _learn(round_, kind, examples, folder)
    jobs.report(round_, step="evaluate")
    judged = kind.judge(learned, examples, np.random.default_rng(round_.seed))
    found = _foresee(round_, kind, learned, excluded)
    judged.metrics["excluded"] = exclusions_by_case(excluded)
    judged.metrics["device"] = str(choose_device())
    order = ranked(round_, kind, found, kind.labeled(examples))
    publish(
        round_,
        Finished(
            judged=judged, learned=learned, classes=kind.classes, foreseen=[f for f, _ in found],
            order=order, config=kind.config.as_json(), training_labels=len(examples[Split.TRAIN]),
            weights_sha256=save_weights(learned.network, weights_folder()),
        ),
    )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)


def run_folder(round_: Round) -> Path:
    return Path(settings.MODEL_ROOT) / "rounds" / str(round_.pk)


def kind_of(
    target: Target, schema: Schema, overrides: dict[str, Any], strategy: str, sample_count: int
) -> Kind:
    """How the target is learned."""
    made = DRAWN.get(target.kind, Answers)
    return made(target, schema, overrides, strategy, sample_count)


def _frozen_dataset(round_: Round) -> Dataset:
    """The labels as they stood when the round began; a resumed round keeps its own."""
    if round_.dataset is not None:
        return round_.dataset
    jobs.report(round_, step="freeze")
    target = round_.target
    with transaction.atomic():
        dataset = datasets.freeze(
            project=target.project,
            name=f"Round {round_.number} of {target.name}"[:120],
            actor=None,
            is_for_round=True,
            keywords=keywords_among(columns_of(target.input)),
        )
        if not Round.ownership(round_).update(dataset=dataset):
            raise jobs.JobFenced(str(round_.pk))
    round_.dataset = dataset
    return dataset


def _kind_of(round_: Round, dataset: Dataset) -> Kind:
    """With the whole recipe, which the round keeps: a resume must not choose another."""
    found = kind_of(
        round_.target, dataset.schema.schema, round_.config, round_.strategy, dataset.items.count()
    )
    recipe = found.config.as_json()
    if recipe != round_.config:
        if not Round.ownership(round_).update(config=recipe):
            raise jobs.JobFenced(str(round_.pk))
        round_.config = recipe
    return found


def _learn(round_: Round, kind: Kind, examples: dict[Split, Any], folder: Path) -> Learned:
    curves = list(round_.curves)

    def on_progress(progress: Progress) -> None:
        figures = progress.figures
        if figures and not any(known["step"] == figures["step"] for known in curves):
            curves.append(figures)
            if not Round.ownership(round_).update(curves=curves):
                raise jobs.JobFenced(str(round_.pk))
        jobs.report(round_, step="train", done=progress.step, total=progress.steps)

    steps = kind.config.steps(len(examples[Split.TRAIN]))
    jobs.report(round_, step="train", done=0, total=steps)
    return kind.learn(
        examples, seed=round_.seed, folder=folder, on_progress=on_progress, start=starter(round_)
    )


def _foresee(
    round_: Round, kind: Kind, learned: Learned, excluded: dict[UUID, str]
) -> list[tuple[Foreseen, bool]]:
    """What the network says of every open case, and whether the split holds it out."""
    target = round_.target
    cases = list(
        Case.objects.filter(project=target.project, state=CaseState.OPEN)
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
    )
    splitter = Splitter(datasets.policy_of(target.project))
    held_out = {
        case.pk: splitter.split(splitter.patient_key(case)) != Split.TRAIN for case in cases
    }
    chosen = with_rows(
        kind.inputs.choose(cases, excluded),
        current_rows(target.project, cases, kind.columns), kind.columns, excluded,
    )  # fmt: skip
    found: list[tuple[Foreseen, bool]] = []
    # Held-out cases measure the model, so it must not have a say in their labels.
    for is_held_out in (False, True):
        part = [one for one in chosen if held_out[one.case_id] == is_held_out]
        loaded: Iterator[tuple[Any, Any]] = kind.inputs.load(part, excluded)
        for one in kind.foresee(learned, loaded, is_suggested=not is_held_out):
            found.append((one, is_held_out))
            if len(found) % 20 == 0:
                jobs.report(round_, step="score", done=len(found), total=len(chosen))
    jobs.report(round_, step="score", done=len(found), total=len(chosen))
    return found


__all__ = ["NotEnoughLabels", "kind_of", "run_folder", "run_round"]
