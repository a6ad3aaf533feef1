"""Pre-trains a target's own network on what its rounds would show it: where the database meets it.

Patients who are held out from training are left out here too, so that no figure of a round was
measured on images that its network has seen. A killed worker goes on from its checkpoint.
"""

import shutil
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import torch
from django.conf import settings

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case
from annotation.labeling.services.projects import current_schema
from learning.embedding import report_learning
from learning.exclusions import summary_of
from learning.models import EncoderVersion
from learning.pipeline.base import Kind
from learning.pipeline.kinds import kind_of
from learning.services.seen import note_seen
from learning.services.trackers import ring_trackers
from learning.stored_models import weights_folder
from learning.training.checkpoint import Checkpoints, save_tensors
from learning.training.data import ArrayFile
from learning.training.detection.windows import cut_window
from learning.training.loop import choose_device
from learning.training.pretraining.own_network import Run
from learning.training.run import Progress

MOST_IMAGES = 10_000
MOST_BYTES = 4 << 30  # of them, on the disk
FEWEST_IMAGES = 8
BATCH = {2: 128, 3: 16}
STEPS = {"cpu": 500, "cuda": 3000}
WINDOWS = 4  # of an image that is larger than what the network takes at once


class TooFewImages(DomainError):
    """A network cannot learn from so few images."""


def run_pretraining(encoder: EncoderVersion) -> None:
    """Do everything that is left of a claimed pre-training. Raises with the reason where it cannot."""
    folder = Path(settings.MODEL_ROOT) / "encoders" / str(encoder.pk)
    cases = _cases(encoder)
    kind = _kind(encoder, len(cases))
    images = _load(encoder, kind, cases, folder)
    device = choose_device()
    curves = list(encoder.curves)

    def on_progress(progress: Progress) -> None:
        figures = progress.figures
        if figures and not any(known["step"] == figures["step"] for known in curves):
            curves.append({name: figures[name] for name in ("step", "loss")})
            EncoderVersion.ownership(encoder).update(curves=curves)
        report_learning(encoder, progress)

    found = kind.pretrain(images, Run(
        steps=encoder.recipe["steps"] or STEPS[device.type],
        batch_size=min(BATCH[_axes(encoder)], len(images)), seed=encoder.number,
        store=Checkpoints(folder), flip=kind.config.flip, on_progress=on_progress, device=device,
    ))  # fmt: skip
    kept = EncoderVersion.ownership(encoder).update(
        weights_sha256=save_tensors(found.weights, weights_folder()),
        architecture=found.architecture,
    )
    if not kept:
        raise jobs.JobFenced(str(encoder.pk))
    jobs.finish(encoder, jobs.JobState.COMPLETED)
    ring_trackers(encoder)
    shutil.rmtree(folder, ignore_errors=True)


def _kind(encoder: EncoderVersion, count: int) -> Kind:
    """With the whole recipe, which the pre-training keeps: a resume must not choose another."""
    target, schema = copy(encoder.target), current_schema(encoder.project)
    assert target is not None and schema is not None  # noqa: S101  for the type checker
    target.input = encoder.recipe.get("input", {})
    found = kind_of(target, schema.schema, encoder.recipe["config"], target.strategy, count)
    encoder.recipe = {**encoder.recipe, "config": found.config.as_json()}
    if not EncoderVersion.ownership(encoder).update(recipe=encoder.recipe):
        raise jobs.JobFenced(str(encoder.pk))
    return found


def _cases(encoder: EncoderVersion) -> list[Case]:
    """Those of the patients who may be trained on, always in the same order.

    A copy of a test patient's picture would move to the test set with the next dataset: it is left out.
    """
    splitter = Splitter(datasets.regrouped_policy(encoder.project))
    return [
        case
        for case in Case.objects.filter(project=encoder.project)
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
        if splitter.split(splitter.patient_key(case)) == Split.TRAIN
    ]


def _load(encoder: EncoderVersion, kind: Kind, cases: list[Case], folder: Path) -> ArrayFile:
    """The (channels, *space) inputs, in a file of which only the rows of a batch come into memory.

    In a random order, so that those for which there is no room are no kind of their own.
    """
    refused: dict[UUID, str] = {}
    found = kind.inputs.choose(cases, refused)
    order = np.random.default_rng(encoder.number).permutation(len(found))[:MOST_IMAGES]
    chosen = [found[row] for row in order]
    note_seen(encoder, (one.study_id for one in chosen))

    def on_progress(done: int) -> None:
        jobs.report(encoder, step="load", done=done, total=len(chosen))

    loaded = (image for _, image in kind.inputs.load(chosen, refused, on_progress))
    inputs = _cut(loaded, kind.window, encoder.number)
    images = ArrayFile.write(folder / "images", _within(inputs, MOST_BYTES))
    if not EncoderVersion.ownership(encoder).update(left_out=summary_of(refused)):
        raise jobs.JobFenced(str(encoder.pk))
    count = len(images) // (WINDOWS if kind.window else 1)
    if count < FEWEST_IMAGES:
        raise TooFewImages(
            f"Pre-training needs at least {FEWEST_IMAGES} images of training patients, not {count}."
        )
    return images


def _cut(images: Iterator[Any], window: tuple[int, ...], seed: int) -> Iterator[Any]:
    """Some windows of each image anywhere in it, where the network does not take it whole."""
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = np.zeros((0, 2 * len(window)), np.float32), np.zeros(0, np.int64)
    for image in images:
        if not window:
            yield image
            continue
        for _ in range(WINDOWS):
            yield cut_window(image, boxes, labels, window, 0.0, generator)[0]


def _within(images: Iterator[Any], most_bytes: int) -> Iterator[Any]:
    """The first of them that need no more room than that together."""
    for image in images:
        most_bytes -= image.nbytes
        if most_bytes < 0:
            return
        yield image


def _axes(encoder: EncoderVersion) -> int:
    return 2 if encoder.recipe.get("input", {}).get("dimensions", "2d") == "2d" else 3
