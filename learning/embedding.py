"""Turns cases into vectors: where the database meets the encoders.

The encoder is fitted once on a sample of the training patients' cases, so that it knows nothing of those
who measure what is learned on its vectors; then every case gets its vector, those that arrive later too.
A killed worker loses one block.
"""

import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from uuid import UUID

import numpy as np
import safetensors.torch
import torch
from django.conf import settings
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotation.archive import selectors as archive
from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.datasets import services as datasets
from annotation.imaging.frames import FILE_MISSING
from annotation.labeling.models import Case
from learning.images import Image, choose_images, load_images
from learning.machine import FilesElsewhere
from learning.models import EMBEDDING_SIZE, Embedding, EncoderKind, EncoderVersion
from learning.services.samples import SAMPLE, training_cases
from learning.services.seen import note_seen
from learning.training.checkpoint import Checkpoints
from learning.training.loop import choose_device
from learning.training.pretraining.contrastive import ContrastiveConfig
from learning.training.pretraining.default import DefaultEncoder, fit_default_encoder, small_encoder
from learning.training.pretraining.descriptor import SIDE, Whitening, describe, fit_whitening
from learning.training.pretraining.views import ViewConfig
from learning.training.run import Progress

Embed = Callable[[NDArray[np.float16]], NDArray[np.float32]]
BLOCK = 100
STEPS = {"cpu": 500, "cuda": 3000}  # of learning without labels: eight minutes of one core


class TooFewImages(DomainError):
    """An encoder cannot be fitted on so few cases."""


def run_encoder(encoder: EncoderVersion) -> None:
    """Fit the encoder if it is not, and embed every case that has no vector yet."""
    embed = _fitted(encoder)
    waiting = _without_vector(encoder)
    total, done = waiting.count(), 0
    while block := list(waiting[:BLOCK]):
        jobs.report(encoder, step="embed", done=done, total=total)
        _embed_block(encoder, embed, block)
        encoder.note_kept()
        done += len(block)
    datasets.regrouped_policy(encoder.project)  # before heads learn from the new cases
    EncoderVersion.ownership(encoder).update(is_ready=True)
    jobs.finish(encoder, jobs.JobState.COMPLETED)


def _without_vector(encoder: EncoderVersion) -> QuerySet[Case]:
    return (
        Case.objects.filter(~archive.is_arriving("study"), project=encoder.project_id)
        .exclude(pk__in=Embedding.objects.filter(encoder=encoder).values("case"))
        .only("pk", "study_id")
        .order_by("shuffle_key")
    )


def _sample(encoder: EncoderVersion) -> list[Case]:
    """Cases of patients who may be trained on, in random order."""
    policy = datasets.regrouped_policy(encoder.project)
    found = list(islice(training_cases(_without_vector(encoder), policy), SAMPLE))
    note_seen(encoder, (case.study_id for case in found))
    return found


def _fitted(encoder: EncoderVersion) -> Embed:
    """The encoder as a function, fitted first where it has no content yet."""
    if encoder.content:
        return _from_bytes(bytes(encoder.content))
    jobs.report(encoder, step="fit")
    images = [image for _, image in _images(_sample(encoder), {})]
    if len(images) < 3:
        raise TooFewImages(
            f"An encoder needs at least 3 training patients' cases with an image, not {len(images)}."
        )
    if encoder.kind == EncoderKind.DESCRIPTOR:
        content = _to_bytes(fit_whitening(describe(images)), None)
    else:
        content = _learn(encoder, np.stack(images)[:, None])
    if not EncoderVersion.ownership(encoder).update(content=content):
        raise jobs.JobFenced(str(encoder.pk))
    return _from_bytes(content)


def report_learning(encoder: EncoderVersion, progress: Progress) -> None:
    """Where learning without labels stands, for whoever waits for the encoder."""
    if progress.saved_step:
        encoder.note_kept()
    jobs.report(
        encoder, step="learn", done=progress.step, total=progress.steps,
        seconds_left=round(progress.seconds_left),
    )  # fmt: skip


def _learn(encoder: EncoderVersion, images: NDArray[np.float16]) -> bytes:
    """Learn from the images without labels; a resumed run goes on from its checkpoint."""

    device = choose_device()
    config = ContrastiveConfig(
        views=ViewConfig(flip=encoder.recipe.get("flip", True)),
        schedule=replace(ContrastiveConfig().schedule, steps=STEPS[device.type]),
    )
    folder = Path(settings.MODEL_ROOT) / "encoders" / str(encoder.pk)
    learned = fit_default_encoder(
        images, config, seed=encoder.number, store=Checkpoints(folder),
        on_progress=partial(report_learning, encoder),
        device=device,
    )  # fmt: skip
    content = _to_bytes(learned.whitening, learned.network.cpu())
    shutil.rmtree(folder, ignore_errors=True)
    return content


def _embed_block(encoder: EncoderVersion, embed: Embed, cases: Sequence[Case]) -> None:
    """Vectors of the cases; one without an image gets the reason instead."""
    refused: dict[UUID, str] = {}
    found = _images(cases, refused)
    if FILE_MISSING in refused.values():
        raise FilesElsewhere  # a reason would keep these cases from another worker for good
    rows = [
        Embedding(encoder=encoder, case_id=case, reason=why[:200]) for case, why in refused.items()
    ]
    if found:
        vectors = _filled_up(embed(np.stack([image for _, image in found])))
        rows += [
            Embedding(encoder=encoder, case_id=case, vector=vector)
            for (case, _), vector in zip(found, vectors, strict=True)
        ]
    Embedding.objects.bulk_create(rows, ignore_conflicts=True)


def _images(cases: Sequence[Case], refused: dict[UUID, str]) -> list[tuple[UUID, Image]]:
    """The image that stands for each case; those without one get a reason."""
    loaded = load_images(choose_images(cases, refused), SIDE, refused)
    return [(chosen.case_id, image) for chosen, image in loaded]


def _filled_up(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zeros behind shorter vectors; a constant image, whose vector is zero, points along the first axis."""
    filled = np.zeros((len(vectors), EMBEDDING_SIZE), np.float32)
    filled[:, : vectors.shape[1]] = vectors
    filled[~filled.any(axis=1), 0] = 1
    return filled


def _to_bytes(whitening: Whitening, network: torch.nn.Module | None) -> bytes:
    """Arrays and safetensors in one npz: nothing in it can run."""
    weights = safetensors.torch.save(network.state_dict()) if network else b""
    file = io.BytesIO()
    np.savez(
        file, mean=whitening.mean, directions=whitening.directions,
        network=np.frombuffer(weights, np.uint8),
    )  # fmt: skip
    return file.getvalue()


def _from_bytes(content: bytes) -> Embed:
    """(n, side, side) images to (n, at most EMBEDDING_SIZE) vectors of length 1."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        whitening = Whitening(arrays["mean"], arrays["directions"])
        weights = arrays["network"].tobytes()
    if not weights:
        return lambda images: whitening(describe(images))
    network = small_encoder(2, seed=0)
    network.load_state_dict(safetensors.torch.load(weights))
    learned = DefaultEncoder(network.to(choose_device()), whitening)
    return lambda images: learned.embed([images[:, None]])
