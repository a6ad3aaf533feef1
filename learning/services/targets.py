"""Chooses what a model learns."""

import math
from typing import Any

from django.db import IntegrityError, transaction

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput
from annotation.labeling.models import LabelSchema, Project
from annotation.labeling.services.projects import current_schema
from learning.acquisition.names import (
    HEAD_CHOICES,
    HEAD_STRATEGIES_OF_KIND,
    NEED_MEMBERS,
    STRATEGIES_OF_KIND,
)
from learning.kinds import DRAWN, InvalidTarget, Wish, checked, is_on_series
from learning.models import Promotion, Target, TargetKind
from learning.services.asking import ring_asking
from learning.services.columns import check_columns
from learning.services.starts import check_start
from learning.training.config import InvalidConfig, TrainConfig
from learning.training.inputs import WINDOW_UNIT, InputSpec, columns_of
from learning.training.inputs import InvalidInput as InvalidInputSpec
from learning.training.knobs import without_effect
from learning.training.registry import NETWORKS

CHANGEABLE = (
    "strategy", "retrain_after", "config", "head_strategy", "refit_after", "input", "promotion",
    "start", "finding", "goal", "tolerance",
)  # fmt: skip
LEAST_SIDE = 8  # voxels of a volume with boxes: two cells of the network
USUAL_PATCH = (32, 64, 64)  # voxels (z, y, x): what two cores learn from in an evening


def has_head(kind: str, question: str, version: LabelSchema | None) -> bool:
    """Whether a light head learns it. Vectors are of studies: two series of a study have the same."""
    return kind in HEAD_STRATEGIES_OF_KIND and not _is_on_series(question, version)


def has_light_head(target: Target) -> bool:
    """The same of a target under the schema of today."""
    return has_head(target.kind, target.question, current_schema(target.project))


@transaction.atomic
def create_target(
    *,
    actor: User | None,
    project: Project,
    question: str = "",
    kind: str = "",
    options: dict[str, Any] | None = None,
    input: dict[str, Any] | None = None,
    strategy: str = "",
    retrain_after: int = 25,
    config: dict[str, Any] | None = None,
    head_strategy: str = "herding",
    refit_after: int = 5,
    promotion: str = Promotion.WHEN_NOT_WORSE,
    start: dict[str, Any] | None = None,
    finding: str = "",
    goal: float | None = None,
    tolerance: float | None = None,
) -> Target:
    """Learn a question, a layer of masks, or boxes; without a kind that of the question.

    Raises InvalidInput naming the field, Conflict where it is learned already.
    """
    schema = current_schema(project)
    try:
        wish = checked(Wish(kind, question, options), schema.schema if schema else None)
    except InvalidTarget as error:
        raise InvalidInput(str(error), field=error.field) from None
    spec = input or _usual_input(wish.kind, on_series=_is_on_series(wish.question, schema))
    strategy = strategy or STRATEGIES_OF_KIND[wish.kind][0]
    _check(wish.kind, strategy, config or {}, head_strategy, spec)
    _check_slices(wish.options, spec)
    _check_knobs(wish.kind, config or {})
    _check_passes(strategy, config or {})
    check_columns(project=project, columns=columns_of(spec))
    check_start(actor=actor, project=project, start=start or {})
    _check_finding(project, wish.question, finding)
    _check_ends(wish.kind, goal, tolerance)
    try:
        with transaction.atomic():
            target = Target.objects.create(
                project=project, kind=wish.kind, question=wish.question, options=wish.options,
                input=spec, strategy=strategy, retrain_after=retrain_after, config=config or {},
                head_strategy=head_strategy,
                refit_after=refit_after if has_head(wish.kind, wish.question, schema) else 0,
                promotion=promotion, start=start or {}, finding=finding, goal=goal, tolerance=tolerance,
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("This is learned already.", field="question") from None
    audit.record(actor=actor, action="target_created", target=target, project_id=project.pk)
    ring_asking(target)
    return target


@transaction.atomic
def change_target(*, actor: User, target: Target, **changes: Any) -> Target:
    """Change strategy, policy or recipe; the next round uses them."""
    locked = Target.objects.select_for_update().get(pk=target.pk)
    now = {name: changes.get(name, getattr(locked, name)) for name in CHANGEABLE}
    _check(locked.kind, now["strategy"], now["config"], now["head_strategy"], now["input"])
    _check_slices(locked.options, now["input"])
    _check_knobs(locked.kind, changes.get("config", {}))
    if {"strategy", "config"} & changes.keys():
        _check_passes(now["strategy"], now["config"])
    if "input" in changes:
        check_columns(project=locked.project, columns=columns_of(now["input"]))
    check_start(actor=actor, project=locked.project, start=changes.get("start", {}))
    _check_finding(locked.project, locked.question, changes.get("finding", ""))
    _check_ends(locked.kind, now["goal"], now["tolerance"])
    schema = current_schema(locked.project)
    if now["refit_after"] and not has_head(locked.kind, locked.question, schema):
        raise InvalidInput("No light head learns this kind of target.", field="refit_after")
    if _is_on_series(locked.question, schema) and not now["input"]:
        raise InvalidInput(
            "The question is answered on series: the input must choose one.", field="input"
        )
    for name, value in now.items():
        setattr(locked, name, value)
    locked.save()
    said = {
        name: value for name, value in changes.items() if name != "input"
    }  # may hold categories
    audit.record(
        actor=actor, action="target_changed", target=locked, project_id=locked.project_id,
        **said, fields=sorted(changes),
    )  # fmt: skip
    return locked


def _check_ends(kind: str, goal: float | None, tolerance: float | None) -> None:
    """Errors of numbers are in their unit; every other figure that decides is 1 at best."""
    in_unit = kind == TargetKind.NUMBER
    for field, value in (("goal", goal), ("tolerance", tolerance)):
        if value is None:
            continue
        if not math.isfinite(value) or value <= 0 or (value > 1 and not in_unit):
            limits = "above 0" if in_unit else "above 0 and at most 1"
            raise InvalidInput(f"{field} must be {limits}.", field=field)


def _usual_input(kind: str, *, on_series: bool) -> dict[str, Any]:
    """Masks are learned in volumes, series from their middle image, unless somebody says otherwise."""
    if kind == TargetKind.SEGMENTATION:
        return InputSpec(size=USUAL_PATCH, dimensions="3d", keeps_size=True).as_json()
    side = TrainConfig().side
    return InputSpec(size=(side, side)).as_json() if on_series else {}


def _is_on_series(question: str, version: LabelSchema | None) -> bool:
    return is_on_series(question, version.schema if version else None)


def _check(
    kind: str, strategy: str, config: dict[str, Any], head_strategy: str, spec: dict[str, Any]
) -> None:
    known = STRATEGIES_OF_KIND[kind]
    if strategy not in known:
        raise InvalidInput(f"Strategies of this kind: {', '.join(known)}.", field="strategy")
    of_head = HEAD_STRATEGIES_OF_KIND.get(kind, HEAD_CHOICES)
    if head_strategy not in of_head:
        raise InvalidInput(
            f"A light head of this kind ranks by: {', '.join(of_head)}.", field="head_strategy"
        )
    try:
        TrainConfig.from_json(config)
    except InvalidConfig as error:
        raise InvalidInput(str(error), field="config") from None
    _check_input(kind, spec)


def _check_passes(strategy: str, config: dict[str, Any]) -> None:
    if strategy in NEED_MEMBERS and config.get("dropout") == 0:
        raise InvalidInput(
            f"dropout: the strategy {strategy} compares passes with random dropout; leave it out or "
            "choose another strategy.",
            field="config",
        )


def _check_finding(project: Project, question: str, finding: str) -> None:
    schema = current_schema(project)
    asked = schema.schema.question(question) if schema and question else None
    known = asked.option_keys if asked else ()
    if finding and finding not in known:
        raise InvalidInput(
            f"finding must be an option of the question ({', '.join(known)}).", field="finding"
        )


def _check_knobs(kind: str, config: dict[str, Any]) -> None:
    idle = without_effect(kind, config)
    if "unlabeled" in idle:
        raise InvalidInput(
            f"unlabeled: a target of the kind {kind} cannot learn from unlabeled images; only answers "
            "with probabilities can (one, many, ordinal).",
            field="config",
        )
    if idle:
        raise InvalidInput(
            f"{', '.join(idle)}: without effect for this kind of target.", field="config"
        )
    if config.get("flip") is False and config.get("flip_at_test"):
        raise InvalidInput(
            "flip_at_test: a network that never saw a mirror image cannot predict from one; "
            "leave it out where flip is off.",
            field="config",
        )
    network = config.get("network", "")
    if network and NETWORKS[network].is_dense != (kind == TargetKind.SEGMENTATION):
        raise InvalidInput(f"network: {network} does not learn this kind.", field="config")


def _check_input(kind: str, spec: dict[str, Any]) -> None:
    if not spec and kind != TargetKind.SEGMENTATION:
        return
    try:
        found = InputSpec.from_json(spec)
    except InvalidInputSpec as error:
        raise InvalidInput(str(error), field="input") from None
    if found.keeps_size != (kind == TargetKind.SEGMENTATION) and kind != TargetKind.BOXES:
        raise InvalidInput(
            "keeps_size belongs to masks, which need it, and to boxes in volumes.", field="input"
        )
    if found.columns and kind in DRAWN:
        raise InvalidInput(
            "columns: masks and boxes are drawn from the image alone; only answers can use "
            "clinical values.",
            field="input",
        )
    if kind == TargetKind.BOXES:
        _check_volume_of_boxes(found)


def _check_slices(options: dict[str, Any] | None, spec: dict[str, Any]) -> None:
    """After the input itself was checked."""
    if (options or {}).get("slices") and InputSpec.from_json(spec).dimensions != "3d":
        raise InvalidInput(
            "slices: single slices are asked of volumes (3d); a flat input sees one slice anyway.",
            field="options",
        )


def _check_volume_of_boxes(spec: InputSpec) -> None:
    if spec.dimensions != "3d":
        raise InvalidInput(
            "dimensions: boxes are learned in volumes (3d), or without an input on each study's "
            "one image.",
            field="input",
        )
    if len(spec.branches) > 1:
        raise InvalidInput("channels: the network of boxes has one branch.", field="input")
    if spec.keeps_size and any(side % WINDOW_UNIT for side in spec.size):
        raise InvalidInput(f"size: sides of windows are multiples of {WINDOW_UNIT}.", field="input")
    if min(spec.size) < LEAST_SIDE:
        raise InvalidInput(f"size: boxes need sides of at least {LEAST_SIDE}.", field="input")
