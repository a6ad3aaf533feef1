"""Pre-trains a target's own network on the project's images: where the database meets it.

Patients who are held out from training are left out here too, so that no figure of a round was
measured on images that its network has seen. A killed worker goes on from its checkpoint.
"""

import shutil
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case
from learning.images import choose_images, load_images
from learning.models import EncoderVersion
from learning.stored_models import weights_folder
from learning.training.checkpoint import Checkpoints, save_tensors
from learning.training.config import TrainConfig
from learning.training.loop import choose_device
from learning.training.networks import Architecture
from learning.training.pretraining.own_network import pretrain_own

MOST_IMAGES = 10_000  # held in memory: 320 MB at 128 pixels
FEWEST_IMAGES = 8
BATCH = 128
STEPS = {"cpu": 500, "cuda": 3000}


class TooFewImages(DomainError):
    """A network cannot learn from so few images."""


def run_pretraining(encoder: EncoderVersion) -> None:
    """Do everything that is left of a claimed pre-training. Raises with the reason where it cannot."""
    config = TrainConfig.from_json(encoder.recipe["config"])
    architecture = Architecture(config.network, 2, size=(config.side, config.side))
    images = _load(encoder, config.side)
    device = choose_device()
    folder = Path(settings.MODEL_ROOT) / "encoders" / str(encoder.pk)
    curves = list(encoder.curves)

    def on_report(figures: dict[str, float], step: int, steps: int) -> None:
        if not any(known["step"] == figures["step"] for known in curves):
            curves.append(figures)
        EncoderVersion.ownership(encoder).update(curves=curves)
        jobs.report(encoder, step="learn", done=step, total=steps)

    weights = pretrain_own(
        architecture, images, steps=encoder.recipe["steps"] or STEPS[device.type],
        batch_size=min(BATCH, len(images)), seed=encoder.number, store=Checkpoints(folder),
        on_report=on_report, device=device,
    )  # fmt: skip
    kept = EncoderVersion.ownership(encoder).update(
        weights_sha256=save_tensors(weights, weights_folder()), architecture=architecture.as_json()
    )
    if not kept:
        raise jobs.JobFenced(str(encoder.pk))
    jobs.finish(encoder, jobs.JobState.COMPLETED)
    shutil.rmtree(folder, ignore_errors=True)


def _load(encoder: EncoderVersion, side: int) -> NDArray[np.float16]:
    """(n, 1, side, side) images of the patients who may be trained on, always the same ones."""
    splitter = Splitter(datasets.policy_of(encoder.project))
    cases = [
        case
        for case in Case.objects.filter(project=encoder.project)
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
        if splitter.split(splitter.patient_key(case)) == Split.TRAIN
    ]
    refused: dict[UUID, str] = {}
    chosen = choose_images(cases, refused)
    if len(chosen) > MOST_IMAGES:
        rows = np.random.default_rng(encoder.number).choice(len(chosen), MOST_IMAGES, replace=False)
        chosen = [chosen[row] for row in sorted(rows)]

    def on_progress(done: int) -> None:
        jobs.report(encoder, step="load", done=done, total=len(chosen))

    images = [image for _, image in load_images(chosen, side, refused, on_progress)]
    if len(images) < FEWEST_IMAGES:
        raise TooFewImages(
            f"Pre-training needs at least {FEWEST_IMAGES} images of training patients, "
            f"not {len(images)}."
        )
    return np.stack(images)[:, None]
