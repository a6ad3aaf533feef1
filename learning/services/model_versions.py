"""Puts a model version into production, or an earlier one back."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.locks import wait_for_locks
from annotation.core.tasks import ring
from learning.models import ModelVersion, ModelVersionState, Promotion, Target
from learning.services import ordering, scorings
from learning.services.comparison import Evidence, compare_versions
from learning.services.locking import (
    lock_versions,
    lock_versions_if_free,
    lock_versions_or_refuse,
)
from learning.services.suggestions import suggest_predictions


@transaction.atomic
def promote(*, version: ModelVersion, actor: User | None) -> ModelVersion:
    """Make this the production model of its target; the former one is retired and can return.

    Its suggestions and its order go live with it, which takes seconds where the pool is large: a person
    who waits for an answer gets `promote_soon`.
    """
    lock_versions(version.target_id)
    if _change_production(version, actor):
        _hand_out(version)
    return version


@transaction.atomic
def promote_soon(*, version: ModelVersion, actor: User) -> ModelVersion:
    """The same at once, but for the suggestions and the order, which a task hands to the readers.

    Until then they keep what the former model said, under its name. Raises Conflict while another model
    of the target is being handed out.
    """
    lock_versions_or_refuse(version.target_id)
    if _change_production(version, actor):
        version.is_taking_over = True
        version.save(update_fields=["is_taking_over"])
        ring_takeover(version)
    return version


@transaction.atomic
def take_over(version_id: UUID) -> None:
    """Hand out what `promote_soon` left; nothing where it is done, or another was promoted since.

    Where somebody else is at the target's models, the sweeper rings again.
    """
    wait_for_locks()
    target_id = ModelVersion.objects.values_list("target_id", flat=True).get(pk=version_id)
    is_mine = lock_versions_if_free(target_id)
    version = taking_over().filter(pk=version_id).first() if is_mine else None
    if version is None:
        return
    _hand_out(version)
    version.is_taking_over = False
    version.save(update_fields=["is_taking_over"])


def taking_over() -> QuerySet[ModelVersion]:
    """Versions whose suggestions and order are still to be handed out."""
    return ModelVersion.objects.filter(state=ModelVersionState.PRODUCTION, is_taking_over=True)


def ring_takeover(version: ModelVersion) -> None:
    from learning.tasks import hand_out_model

    ring(hand_out_model, str(version.pk))


def consider(version: ModelVersion) -> Evidence:
    """Compare a new version with production, keep the evidence, and promote it where that is enough.

    A target whose models are promoted by hand gets the evidence only. The worklist follows a version that
    is not promoted too, unless it is shown to be worse: it knows of more labels. Inside the transaction that
    publishes the version.
    """
    production = production_of(version.target)
    evidence = compare_versions(version, production)
    version.evidence = evidence.as_json()
    version.save(update_fields=["evidence"])
    if version.target.promotion == Promotion.WHEN_NOT_WORSE and evidence.is_enough:
        promote(version=version, actor=None)
    elif evidence.may_order:
        ordering.follow(version)
    return evidence


def production_of(target: Target) -> ModelVersion | None:
    """The version that the target's project uses now."""
    return (
        ModelVersion.objects.filter(target=target, state=ModelVersionState.PRODUCTION)
        .select_related("round")
        .first()
    )


def _change_production(version: ModelVersion, actor: User | None) -> bool:
    """Whether it was another until now; the caller holds the target's row."""
    versions = ModelVersion.objects.filter(target=version.target_id)
    was = versions.values_list("state", flat=True).get(pk=version.pk)
    versions.filter(state=ModelVersionState.PRODUCTION).exclude(pk=version.pk).update(
        state=ModelVersionState.RETIRED, is_taking_over=False
    )
    versions.filter(pk=version.pk).update(state=ModelVersionState.PRODUCTION)
    audit.record(
        actor=actor, action="model_promoted", target=version,
        project_id=version.target.project_id, number=version.number,
    )  # fmt: skip
    version.refresh_from_db()
    return bool(was != ModelVersionState.PRODUCTION)


def _hand_out(version: ModelVersion) -> None:
    """Give the readers its suggestions and its order, and ask it about what it has not looked at."""
    suggest_predictions(version)
    ordering.follow(version)
    scorings.request_missing(version)
