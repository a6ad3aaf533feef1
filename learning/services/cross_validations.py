"""Starts and stops cross-validations."""

import secrets

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from annotation.accounts.models import User
from annotation.core import audit, jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.tasks import ring
from annotation.datasets.models import Dataset, DatasetItem
from learning.models import CrossValidation, Target
from learning.training.inputs import columns_of, keywords_among

FOLDS = (3, 10)  # fewest and most: one is measured on, one chooses the epoch, one at least teaches


@transaction.atomic
def request_cross_validation(
    *,
    actor: User | None,
    target: Target,
    fold_count: int = 5,
    dataset: Dataset | None = None,
    seed: int | None = None,
) -> CrossValidation:
    """Queue it on a frozen dataset, by default the project's newest. Raises Conflict, InvalidInput."""
    if not FOLDS[0] <= fold_count <= FOLDS[1]:
        raise InvalidInput(f"Choose {FOLDS[0]} to {FOLDS[1]} folds.", field="fold_count")
    chosen = _dataset(target, dataset)
    try:
        with transaction.atomic():
            created = CrossValidation.objects.create(
                target=target, dataset=chosen, requested_by=actor, fold_count=fold_count,
                seed=secrets.randbelow(2**31) if seed is None else seed,
                config=target.config, input=target.input,
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("A cross-validation of this target is under way already.") from None
    audit.record(
        actor=actor, action="cross_validation_requested", target=created,
        project_id=target.project_id, folds=fold_count, dataset=str(chosen.pk),
    )  # fmt: skip
    ring_cross_validation(created)
    return created


def _dataset(target: Target, wanted: Dataset | None) -> Dataset:
    """The wanted or newest one that holds the header values which the target reads."""
    if wanted and wanted.project_id != target.project_id:
        raise InvalidInput("Choose a dataset of the target's project.", field="dataset")
    known = Dataset.objects.filter(project=target.project_id)
    known = known.filter(pk=wanted.pk) if wanted else known.order_by("-number")
    keywords = keywords_among(columns_of(target.input))
    holding = DatasetItem.objects.filter(dataset=OuterRef("pk"), clinical__dicom__has_keys=keywords)
    chosen = known.filter(Exists(holding)).first() if keywords else known.first()
    if chosen is not None:
        return chosen
    if keywords and known.exists():
        raise Conflict(
            f"No dataset was frozen with {', '.join(keywords)}: run a round, which freezes one."
        )
    raise Conflict("Freeze a dataset first, or run a round, which freezes one.")


def ring_cross_validation(job: CrossValidation) -> None:
    from learning.tasks import run_cross_validation

    ring(run_cross_validation, str(job.pk))


@transaction.atomic
def cancel_cross_validation(*, actor: User, job: CrossValidation) -> None:
    """Stop it; the figures of finished folds stay."""
    if job.is_finished:
        raise Conflict("The cross-validation has ended already.", state=job.state)
    jobs.request_cancel(job)
    audit.record(
        actor=actor, action="cross_validation_cancelled", target=job,
        project_id=job.target.project_id,
    )  # fmt: skip
