"""Puts a model version into production, or an earlier one back."""

from django.db import transaction

from annotation.accounts.models import User
from annotation.core import audit
from learning.models import ModelVersion, ModelVersionState
from learning.services.suggestions import suggest_predictions


@transaction.atomic
def promote(*, version: ModelVersion, actor: User | None) -> ModelVersion:
    """Make this the production model of its target; the former one is retired and can return."""
    versions = ModelVersion.objects.select_for_update().filter(target=version.target_id)
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
    return version


def is_not_worse(candidate: ModelVersion, production: ModelVersion | None) -> bool:
    """Whether the candidate's test AUC reaches the lower bound of the production model's interval."""
    if production is None:
        return True
    new = (candidate.metrics.get("auc") or {}).get("value")
    old = production.metrics.get("auc") or {}
    if new is None:
        return False
    floor = old.get("low") if old.get("low") is not None else old.get("value")
    return floor is None or new >= floor
