"""Encoders of projects and the vectors that they made."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray
from pgvector.django import CosineDistance

from annotation.archive import selectors as archive
from annotation.core.jobs import UNFINISHED, JobState
from annotation.core.tasks import ring
from annotation.datasets import services as datasets
from annotation.labeling.models import Case, Project
from learning.models import EMBEDDING_SIZE, Embedding, EncoderKind, EncoderVersion, Target
from learning.services.samples import SAMPLE, training_cases
from learning.services.seen import studies_seen_by

# The binary form has a fixed size per row: 100,000 vectors are read in a second, not in twenty.
COPY = """
COPY (SELECT case_id, vector FROM learning_embedding
      WHERE encoder_id = %(encoder)s AND vector IS NOT NULL {of_cases} ORDER BY case_id)
TO STDOUT (FORMAT BINARY)
"""
ALL = COPY.format(of_cases="")
SOME = COPY.format(of_cases="AND case_id = ANY(%(cases)s)")
HEADER_BYTES, TRAILER_BYTES = 19, 2
MIN_CASES = 20  # below, an encoder and a ranking are noise
MIN_TO_LEARN = 200  # below, there is too little to learn from without labels
GROWTH = 4  # so many times the training cases that an encoder has seen are worth a new one
LOOKED_AT = 10 * SAMPLE  # cases: at least a tenth of the patients are there to be trained on
RETRY_AFTER = timedelta(minutes=10)  # a failed encoder may have had too few images
ROW = np.dtype(
    [
        ("columns", ">i2"), ("id_bytes", ">i4"), ("case", "V16"), ("vector_bytes", ">i4"),
        ("size", ">i2"), ("unused", ">i2"), ("vector", ">f4", EMBEDDING_SIZE),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Space:
    """Cases and their vectors (n, EMBEDDING_SIZE) of length 1, in the same order."""

    cases: list[UUID]
    vectors: NDArray[np.float32]


def embed_due() -> int:
    """Queue encoders wherever a project with a light head needs one; returns how many."""
    targets = Target.objects.filter(refit_after__gt=0).select_related("project")
    projects = {target.project_id: target.project for target in targets}
    return sum(_queue_what_is_due(project) for project in projects.values())


@transaction.atomic
def _queue_what_is_due(project: Project) -> bool:
    """First the encoder that needs no training, then the learned one, then one of its kind that has seen
    more, then what arrives later.

    One after the other: a project has at most one unfinished encoder.
    """
    known = list(_embedding(project).defer("content").order_by("number"))
    if any(encoder.state in UNFINISHED for encoder in known):
        return False
    whole = Case.objects.filter(~archive.is_arriving("study"), project=project)
    cases = whole[:MIN_TO_LEARN].count()
    keeps_sides = _tells_sides_apart(project)
    kinds = {one.kind for one in known if not (keeps_sides and _mixes_sides(one))}
    if EncoderKind.DESCRIPTOR not in kinds:
        return cases >= MIN_CASES and create_encoder(project, EncoderKind.DESCRIPTOR) is not None
    is_stopped = any(encoder.state == JobState.CANCELLED for encoder in known)
    if EncoderKind.CONTRASTIVE not in kinds and cases >= MIN_TO_LEARN and not is_stopped:
        return create_encoder(project, EncoderKind.CONTRASTIVE) is not None
    newest = known[-1]
    if newest.is_ready and not is_stopped and _is_outgrown(newest, whole):
        return create_encoder(project, EncoderKind(newest.kind)) is not None
    # The newest ready one serves; a later one that failed must not keep new cases from its vectors.
    serving = max((e.number for e in known if e.is_ready), default=0)
    needed = [encoder for encoder in known if encoder.number >= serving]
    for encoder in needed:
        _forget_outdated(encoder)
    return any(_lacks_vectors(encoder) and _reopen_idle(encoder) for encoder in needed)


def _tells_sides_apart(project: Project) -> bool:
    """Whether left and right are different answers to a target of the project."""
    return Target.objects.filter(project=project, config__flip=False).exists()


def _mixes_sides(encoder: EncoderVersion) -> bool:
    """Whether it learned that an image and its mirror image are the same."""
    return encoder.kind == EncoderKind.CONTRASTIVE and bool(encoder.recipe.get("flip", True))


def _embedding(project: Project) -> QuerySet[EncoderVersion]:
    return EncoderVersion.objects.filter(project=project).exclude(kind=EncoderKind.PRETRAINED)


def _is_outgrown(encoder: EncoderVersion, whole: QuerySet[Case]) -> bool:
    """Whether it has learned from few of the training cases that are there by now: it began when the first
    had come. Each one that follows sees at least twice as many, so there are few of them.
    """
    seen = studies_seen_by(encoder)
    # Where that was not noted yet, it began with these at the earliest.
    learned = MIN_TO_LEARN if seen is None else len(seen)
    wanted = min(GROWTH * learned, SAMPLE)
    if wanted < 2 * learned or whole[:wanted].count() < wanted:
        return False
    looked_at = whole.order_by("shuffle_key")[:LOOKED_AT]
    mine = training_cases(looked_at, datasets.policy_of(encoder.project))
    return sum(1 for _ in islice(mine, wanted)) == wanted


def _lacks_vectors(encoder: EncoderVersion) -> bool:
    embedded = Embedding.objects.filter(encoder=encoder, case=OuterRef("pk"))
    waiting = Case.objects.filter(~Exists(embedded), project=encoder.project_id)
    return waiting.filter(~archive.is_arriving("study")).exists()


def _forget_outdated(encoder: EncoderVersion) -> None:
    """A case of which more images have come may show something else now, or be usable at last.

    Since the run began: what it had looked at may have grown before its end.
    """
    made = Embedding.objects.filter(encoder=encoder)
    made.filter(archive.has_more_images("case__study", since="encoder__started_at")).delete()


def _reopen_idle(encoder: EncoderVersion) -> bool:
    """One that failed waits first; one that somebody has stopped waits for somebody."""
    if encoder.state == JobState.FAILED:
        ended = encoder.finished_at
        return (
            ended is not None
            and ended < timezone.now() - RETRY_AFTER
            and reopen(encoder, state=JobState.FAILED)
        )
    return reopen(encoder, state=JobState.COMPLETED)


def reopen(encoder: EncoderVersion, *, state: JobState) -> bool:
    """Queue an encoder that ended so again, for the cases that it has not seen; False where it did not."""
    reopened = EncoderVersion.objects.filter(pk=encoder.pk, state=state).update(
        state=JobState.PENDING, attempt=0, kept_attempt=0, progress={}, error="", started_at=None,
        finished_at=None, cancel_requested=False,
    )  # fmt: skip
    if reopened:
        ring_encoder(encoder)
    return bool(reopened)


def create_encoder(
    project: Project, kind: EncoderKind = EncoderKind.DESCRIPTOR
) -> EncoderVersion | None:
    """A new encoder, queued; None where another process was faster."""
    last = EncoderVersion.objects.filter(project=project).aggregate(n=Max("number"))["n"] or 0
    try:
        with transaction.atomic():
            created = EncoderVersion.objects.create(
                project=project, number=last + 1, kind=kind,
                recipe={"flip": not _tells_sides_apart(project)},
            )  # fmt: skip
    except IntegrityError:
        return None
    ring_encoder(created)
    return created


def ring_encoder(encoder: EncoderVersion) -> None:
    from learning.tasks import embed_cases, pretrain_network

    is_pretraining = encoder.kind == EncoderKind.PRETRAINED
    ring(pretrain_network if is_pretraining else embed_cases, str(encoder.pk))


def ready_encoder(project: Project) -> EncoderVersion | None:
    """The newest encoder that has embedded the project; cases that arrived since may wait for it."""
    return EncoderVersion.objects.filter(project=project, is_ready=True).order_by("-number").first()


def find_encoders(project: Project) -> QuerySet[EncoderVersion]:
    """The project's encoders, newest first, with how many cases they embedded or could not."""
    has_vector = Q(embeddings__vector__isnull=False)
    return (
        _embedding(project)
        .defer("content")
        .annotate(
            embedded=Count("embeddings", filter=has_vector),
            without_image=Count("embeddings", filter=Q(embeddings__vector__isnull=True)),
        )
        .order_by("-number")
    )


def load_space(encoder: EncoderVersion) -> Space:
    """All vectors of an encoder, ordered by case."""
    return _copied(ALL, {"encoder": encoder.pk})


def load_part(encoder: EncoderVersion, cases: Iterable[UUID]) -> Space:
    """The vectors of these cases, ordered by case; without those that have none."""
    return _copied(SOME, {"encoder": encoder.pk, "cases": list(cases)})


def _copied(statement: str, parameters: dict[str, Any]) -> Space:
    connection.ensure_connection()
    with connection.connection.cursor().copy(statement, parameters) as copy:
        raw = b"".join(bytes(piece) for piece in copy)
    rows = np.frombuffer(raw[HEADER_BYTES:-TRAILER_BYTES], ROW)
    cases = [UUID(bytes=bytes(case)) for case in rows["case"]]
    return Space(cases, np.ascontiguousarray(rows["vector"], np.float32))


def similar_cases(case: Case, count: int = 10) -> list[tuple[Case, float]]:
    """The project's nearest other cases and their cosine distances (0 = the same), nearest first."""
    encoder = ready_encoder(case.project)
    own = Embedding.objects.filter(encoder=encoder, case=case, vector__isnull=False).first()
    if own is None:
        return []
    found = (
        Embedding.objects.filter(encoder=encoder, vector__isnull=False)
        .exclude(case=case)
        .select_related("case__study")
        .annotate(distance=CosineDistance("vector", own.vector))
        .order_by("distance")[:count]
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # The index holds all projects: without this it may give up before it meets ours.
        cursor.execute("set local hnsw.iterative_scan = strict_order")
        return [(row.case, float(row.distance)) for row in found]
