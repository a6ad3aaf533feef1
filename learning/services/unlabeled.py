"""What became of a round's unlabeled images, and how a target stops paying for those that did not help."""

from typing import Any

from django.db.models import TextChoices

from annotation.core import audit
from learning.models import Round, Target
from learning.training.config import NO_UNLABELED


class Decision(TextChoices):
    """Whether a round's network has learned from unlabeled images, and why not."""

    KEPT = "kept"  # better than without them by more than chance
    LEFT_OFF = "left_off"  # no better than without them
    # Not tried, and so not lost: the next round asks again
    FEW_PATIENTS = "few_patients"  # of validation, to tell
    FEW_OF_RAREST = "few_of_rarest"  # of the validation patients, those with the rarest answer
    ONE_ANSWER = "one_answer"  # among the validation cases, of which no figure can be taken
    NO_IMAGES = "no_images"  # no open case of a training patient can be used


def has_learned_unlabeled(metrics: dict[str, Any]) -> bool:
    """Whether the network of a round with these metrics has seen images beyond its dataset."""
    found: dict[str, Any] = metrics.get("unlabeled") or {}
    return found.get("decision") == Decision.KEPT


def leave_off(round_: Round) -> None:
    """After a lost ablation the target trains without, until somebody chooses it again.

    Inside the transaction that publishes the round; a recipe that was changed meanwhile stays.
    """
    found = round_.metrics.get("unlabeled") or {}
    if found.get("decision") != Decision.LEFT_OFF:
        return
    target = Target.objects.select_for_update().get(pk=round_.target_id)
    if target.config.get("unlabeled") != found["method"]:
        return
    target.config = {**target.config, "unlabeled": NO_UNLABELED}
    target.save(update_fields=["config"])
    audit.record(
        actor=None, action="unlabeled_left_off", target=target, project_id=target.project_id,
        round=round_.number, method=found["method"],
    )  # fmt: skip
