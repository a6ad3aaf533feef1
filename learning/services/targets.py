"""Chooses what a model learns."""

from typing import Any

from django.db import IntegrityError, transaction

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput
from annotation.labeling.models import Project
from annotation.labeling.services.projects import current_schema
from learning.acquisition.names import HEAD_STRATEGY_TITLES, STRATEGY_TITLES
from learning.models import Promotion, Target
from learning.training.config import InvalidConfig, TrainConfig


@transaction.atomic
def create_target(
    *,
    actor: User | None,
    project: Project,
    question: str,
    strategy: str = "margin",
    retrain_after: int = 25,
    config: dict[str, Any] | None = None,
    head_strategy: str = "adaptive",
    refit_after: int = 5,
    promotion: str = Promotion.WHEN_NOT_WORSE,
) -> Target:
    """Learn one single-choice question of the project's schema."""
    schema = current_schema(project)
    asked = schema.schema.question(question) if schema else None
    if asked is None or asked.kind != "one" or asked.scope != "study":
        raise InvalidInput(
            "Choose a question on the study with exactly one answer.", field="question"
        )
    _check(strategy, config or {}, head_strategy)
    try:
        with transaction.atomic():
            target = Target.objects.create(
                project=project, question=question, strategy=strategy,
                retrain_after=retrain_after, config=config or {}, head_strategy=head_strategy,
                refit_after=refit_after, promotion=promotion,
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("This question is learned already.", field="question") from None
    audit.record(actor=actor, action="target_created", target=target, project_id=project.pk)
    return target


@transaction.atomic
def change_target(*, actor: User, target: Target, **changes: Any) -> Target:
    """Change strategy, policy or recipe; the next round uses them."""
    locked = Target.objects.select_for_update().get(pk=target.pk)
    _check(
        changes.get("strategy", locked.strategy),
        changes.get("config", locked.config),
        changes.get("head_strategy", locked.head_strategy),
    )
    for name in (
        "strategy",
        "retrain_after",
        "config",
        "head_strategy",
        "refit_after",
        "promotion",
    ):
        if name in changes:
            setattr(locked, name, changes[name])
    locked.save()
    audit.record(
        actor=actor, action="target_changed", target=locked, project_id=locked.project_id, **changes
    )
    return locked


def _check(strategy: str, config: dict[str, Any], head_strategy: str) -> None:
    if strategy not in STRATEGY_TITLES:
        raise InvalidInput(f"Known strategies: {', '.join(STRATEGY_TITLES)}.", field="strategy")
    if head_strategy not in HEAD_STRATEGY_TITLES:
        raise InvalidInput(
            f"Known strategies: {', '.join(HEAD_STRATEGY_TITLES)}.", field="head_strategy"
        )
    try:
        TrainConfig.from_json(config)
    except InvalidConfig as error:
        raise InvalidInput(str(error), field="config") from None
