"""Puts a model version into production, or an earlier one back."""

from django.db import transaction

from annotation.accounts.models import User
from annotation.core import audit
from learning.models import ModelVersion, ModelVersionState, Promotion, Target
from learning.services import ordering, scorings
from learning.services.comparison import Evidence, compare_versions
from learning.services.locking import lock_versions
from learning.services.suggestions import suggest_predictions


@transaction.atomic
def promote(*, version: ModelVersion, actor: User | None) -> ModelVersion:
    """Make this the production model of its target; the former one is retired and can return."""
    lock_versions(version.target_id)
    versions = ModelVersion.objects.filter(target=version.target_id)
    states = {known.pk: known.state for known in versions}
    versions.filter(state=ModelVersionState.PRODUCTION).exclude(pk=version.pk).update(
        state=ModelVersionState.RETIRED
    )
    versions.filter(pk=version.pk).update(state=ModelVersionState.PRODUCTION)
    audit.record(
        actor=actor, action="model_promoted", target=version,
        project_id=version.target.project_id, number=version.number,
    )  # fmt: skip
    version.refresh_from_db()
    if states[version.pk] != ModelVersionState.PRODUCTION:
        suggest_predictions(version)
        ordering.follow(version)
        scorings.request_missing(version)
    return version


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
