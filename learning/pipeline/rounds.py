"""The steps of a round. Every write goes through the round's ownership, so a worker that was thought
dead changes nothing.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Dataset, Split
from annotation.labeling.outgrown import find_outgrown_cases
from learning.exclusions import SENTENCES, summary_of
from learning.kinds import learned_classes
from learning.models import Round
from learning.pipeline import ablation
from learning.pipeline.answers import Answers
from learning.pipeline.base import Kind, Learned, NotEnoughLabels
from learning.pipeline.catching_up import catch_up
from learning.pipeline.examples import load_examples
from learning.pipeline.judging import judge_once
from learning.pipeline.kinds import kind_of, kind_of_round
from learning.pipeline.publishing import Finished, publish
from learning.pipeline.ranking import ranked
from learning.pipeline.scoring import cases_without_files, score_pool
from learning.services.leaks import refuse_leaks
from learning.starting import starter
from learning.training.config import NO_UNLABELED
from learning.training.inputs import columns_of, keywords_among
from learning.training.loop import choose_device
from learning.training.memory import Shortages, noted
from learning.training.run import Progress


def run_round(round_: Round) -> None:
    """Do everything that is left of a claimed round. Raises with the reason where it cannot."""
    with noted() as shortages:
        _run(round_, shortages)


def _run(round_: Round, shortages: Shortages) -> None:
    dataset = _frozen_dataset(round_)
    # Studies may have come since the start was chosen.
    refuse_leaks(project=round_.target.project, start=round_.start)
    kind = _kind_of(round_)
    excluded = _outgrown(round_)
    folder = run_folder(round_)
    examples = load_examples(round_, dataset, kind, folder, excluded)
    _note_excluded(round_, excluded)
    learned = _learn(round_, kind, examples, folder)
    judged = judge_once(round_, kind, learned, examples, folder)
    catch_up(round_, dataset, folder)
    learned = replace(learned, thresholds=judged.thresholds)
    unusable: dict[UUID, str] = {}  # to the model; a read that teaches nothing says nothing of that
    found = score_pool(round_, kind, learned, unusable)
    judged.metrics.update(summary_of(excluded | unusable))
    if learned.unlabeled:
        judged.metrics["unlabeled"] = learned.unlabeled
    judged.metrics["device"] = str(choose_device())
    if shortages:
        judged.metrics["memory"] = shortages
    taught = learned_classes(learned.task, kind.classes)
    if unlearned := [name for name in kind.classes if name not in taught]:
        judged.metrics["unlearned"] = unlearned
    order = ranked(round_, kind, found, kind.labeled(examples), taught)
    publish(
        round_,
        Finished(
            judged=judged, learned=learned, classes=kind.classes, foreseen=[f for f, _ in found],
            order=order, config=kind.config.as_json(), training_labels=len(examples[Split.TRAIN]),
            weights_sha256=round_.scorer["weights_sha256"], unusable=_to_any_machine(unusable),
        ),
    )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)


def _note_excluded(round_: Round, excluded: dict[UUID, str]) -> None:
    """At once: where too few are left to learn from, nothing else says why."""
    metrics = summary_of(excluded)
    if not Round.ownership(round_).update(metrics=metrics):
        raise jobs.JobFenced(str(round_.pk))


def _outgrown(round_: Round) -> dict[UUID, str]:
    """The finished cases that are in no dataset before they are read again, as exclusions."""
    cases = find_outgrown_cases(round_.target.project)
    return dict.fromkeys(cases, SENTENCES["outgrown"])


def _to_any_machine(excluded: dict[UUID, str]) -> dict[UUID, str]:
    """Without the cases whose files this machine lacks: another may be able to use them."""
    elsewhere = cases_without_files(excluded)
    return {case: why for case, why in excluded.items() if case not in elsewhere}


def run_folder(round_: Round) -> Path:
    return Path(settings.MODEL_ROOT) / "rounds" / str(round_.pk)


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
            keywords=keywords_among(columns_of(round_.input)),
        )
        if not Round.ownership(round_).update(dataset=dataset):
            raise jobs.JobFenced(str(round_.pk))
    round_.dataset = dataset
    return dataset


def _kind_of(round_: Round) -> Kind:
    """With the whole recipe, which the round keeps: a resume must not choose another."""
    found = kind_of_round(round_)
    recipe = found.config.as_json()
    if recipe != round_.config:
        if not Round.ownership(round_).update(config=recipe):
            raise jobs.JobFenced(str(round_.pk))
        round_.config = recipe
    return found


def _learn(round_: Round, kind: Kind, examples: dict[Split, Any], folder: Path) -> Learned:
    curves = list(round_.curves)

    def on_progress(progress: Progress) -> None:
        if progress.figures and _is_news(curves, progress.figures):
            _keep_curves(round_, curves)
        if progress.saved_step:
            round_.note_kept()
        jobs.report(
            round_, step="train", done=progress.step, total=progress.steps,
            seconds_left=round(progress.seconds_left), **_particulars(progress),
        )  # fmt: skip

    start = starter(round_, kind.classes)
    if isinstance(kind, Answers) and kind.config.unlabeled != NO_UNLABELED:
        return ablation.learn(
            round_, kind, examples, folder=folder, on_progress=on_progress, start=start
        )
    jobs.report(round_, step="train", done=0, total=kind.config.steps(len(examples[Split.TRAIN])))
    return kind.learn(
        examples, seed=round_.seed, folder=folder, on_progress=on_progress, start=start
    )


def _keep_curves(round_: Round, curves: list[dict[str, float]]) -> None:
    if not Round.ownership(round_).update(curves=curves):
        raise jobs.JobFenced(str(round_.pk))


def _is_news(curves: list[dict[str, float]], figures: dict[str, float]) -> bool:
    """Whether the point of the curves at this step did not hold the figures yet; it does now."""
    for point in curves:
        if point["step"] == figures["step"]:
            is_known = figures.keys() <= point.keys()
            point.update({name: v for name, v in figures.items() if name not in point})
            return not is_known
    curves.append(figures)
    return True


def _particulars(progress: Progress) -> dict[str, int]:
    """How many images are learned from at once, where memory is short of a step, and which training it is."""
    found = {"images_at_once": progress.images_at_once} if progress.is_short else {}
    return found | ({"training": progress.training} if progress.training else {})


__all__ = ["NotEnoughLabels", "kind_of", "run_folder", "run_round"]
