"""Turns cases into vectors: where the database meets the encoders.

The encoder is fitted once on a sample of the project's cases; then every case gets its vector, those
that arrive later too. A killed worker loses one block.
"""

import io
from collections.abc import Iterator, Sequence
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotation.archive import selectors as archive
from annotation.archive.models import Instance
from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.labeling.models import Case
from learning.images import Image, ImageCache
from learning.models import EMBEDDING_SIZE, Embedding, EncoderVersion
from learning.training.pretraining.descriptor import SIDE, Whitening, describe, fit_whitening

SAMPLE = 2000  # cases that an encoder is fitted on
BLOCK = 100
NO_IMAGE = "no image that can be rendered"


class TooFewImages(DomainError):
    """An encoder cannot be fitted on so few cases."""


def run_encoder(encoder: EncoderVersion) -> None:
    """Fit the encoder if it is not, and embed every case that has no vector yet."""
    whitening = _fitted(encoder)
    waiting = _without_vector(encoder)
    total, done = waiting.count(), 0
    while block := list(waiting[:BLOCK]):
        jobs.report(encoder, step="embed", done=done, total=total)
        _embed(encoder, whitening, block)
        done += len(block)
    jobs.finish(encoder, jobs.JobState.COMPLETED)


def _without_vector(encoder: EncoderVersion) -> QuerySet[Case]:
    return (
        Case.objects.filter(project=encoder.project_id)
        .exclude(pk__in=Embedding.objects.filter(encoder=encoder).values("case"))
        .only("pk", "study_id")
        .order_by("shuffle_key")
    )


def _fitted(encoder: EncoderVersion) -> Whitening:
    if encoder.content:
        return _from_bytes(bytes(encoder.content))
    jobs.report(encoder, step="fit")
    cases = list(_without_vector(encoder)[:SAMPLE])
    images = [image for _, image in _images(cases, {})]
    if len(images) < 3:
        raise TooFewImages(f"An encoder needs at least 3 cases with an image, not {len(images)}.")
    whitening = fit_whitening(describe(images), EMBEDDING_SIZE)
    content = _to_bytes(whitening)
    if not EncoderVersion.ownership(encoder).update(content=content):
        raise jobs.JobFenced(str(encoder.pk))
    encoder.content = content
    return whitening


def _embed(encoder: EncoderVersion, whitening: Whitening, cases: Sequence[Case]) -> None:
    """Vectors of the cases; one without an image gets the reason instead."""
    refused: dict[UUID, str] = {}
    found = list(_images(cases, refused))
    rows = [Embedding(encoder=encoder, case_id=case, reason=why) for case, why in refused.items()]
    if found:
        vectors = _filled_up(whitening(describe(image for _, image in found)))
        rows += [
            Embedding(encoder=encoder, case_id=case, vector=vector)
            for (case, _), vector in zip(found, vectors, strict=True)
        ]
    Embedding.objects.bulk_create(rows, ignore_conflicts=True)


def _images(cases: Sequence[Case], refused: dict[UUID, str]) -> Iterator[tuple[UUID, Image]]:
    """The image that stands for each case; those without one get a reason."""
    instances = archive.find_training_instances([case.study_id for case in cases])
    by_instance: dict[UUID, UUID] = {}
    for case in cases:
        instance = instances.get(case.study_id)
        if instance is None:
            refused[case.pk] = NO_IMAGE
        else:
            by_instance[instance.pk] = case.pk

    def refuse(instance: Instance, why: str) -> None:
        refused[by_instance[instance.pk]] = why[:200] or NO_IMAGE

    wanted = [instances[case.study_id] for case in cases if case.study_id in instances]
    for instance, image in ImageCache(SIDE).load_many(wanted, refuse):
        yield by_instance[instance.pk], image


def _filled_up(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zeros behind shorter vectors; a constant image, whose vector is zero, points along the first axis."""
    filled = np.zeros((len(vectors), EMBEDDING_SIZE), np.float32)
    filled[:, : vectors.shape[1]] = vectors
    filled[~filled.any(axis=1), 0] = 1
    return filled


def _to_bytes(whitening: Whitening) -> bytes:
    file = io.BytesIO()
    np.savez(file, mean=whitening.mean, directions=whitening.directions)
    return file.getvalue()


def _from_bytes(content: bytes) -> Whitening:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Whitening(arrays["mean"], arrays["directions"])
