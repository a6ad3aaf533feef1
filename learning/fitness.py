"""Whether the model of a bundle answers a target: the same question, from the same images."""

from collections.abc import Iterable

from annotation.core.errors import DomainError
from annotation.labeling.schemas import Schema
from annotation.labeling.services.projects import current_schema
from learning.models import Target, TargetKind
from learning.pipeline.base import NotEnoughLabels
from learning.pipeline.kinds import kind_of
from learning.training.bundle import Model
from learning.training.bundle_files import RECORD
from learning.training.detection.bundle import BoxModel
from learning.training.inputs import InputSpec

# A grade and a voxel's class are numbers; other values are named by their class, in the model's own order.
IN_ORDER = (TargetKind.ORDINAL, TargetKind.SEGMENTATION)
OTHER_INPUT = (
    f"{RECORD}: input: the model looks at other series, another grid or other columns than this target "
    "shows"
)


class UnfitModel(DomainError):
    """The bundle is whole, but its model does not answer this target; names file and field."""


def asked_of(target: Target, schema: Schema | None) -> dict[str, str]:
    """What makes the question besides its kind and options: a number's UCUM unit, or the event.

    The unit of a time to an event does not matter to a risk.
    """
    if target.kind == TargetKind.NUMBER:
        question = schema.question(target.question) if schema else None
        return {"unit": question.unit.code if question and question.unit else ""}
    if target.kind == TargetKind.TIME_TO_EVENT:
        return {name: target.options[name] for name in ("event_question", "event_option")}
    return {}


def require_fitting(target: Target, model: Model | BoxModel) -> None:
    """Raises UnfitModel unless the model answers the target's question from the target's images."""
    if isinstance(model, BoxModel):
        _require_boxes(target, model)
        return
    _require_task(target, model)
    _require_same_question(target, model)
    if target.input:
        _require_same_input(target, model)
    else:
        _require_frame(model)


def _require_boxes(target: Target, model: BoxModel) -> None:
    """In the order of the target's labels: a detection names its class by number."""
    schema = current_schema(target.project)
    known = schema.schema.labels if schema else []
    labels = [key for key in target.options.get("labels", []) if key in known]
    if list(model.classes) != labels:
        raise UnfitModel(_other_task(target, model.classes, labels))
    wanted, given = (InputSpec.from_json(i) if i else None for i in (target.input, model.input))
    if given != wanted:
        raise UnfitModel(OTHER_INPUT)


def _other_task(target: Target, has: Iterable[str], wanted: Iterable[str]) -> str:
    return (
        f"{RECORD}: task: the model tells apart {', '.join(has)}; "
        f"{target.name} asks for {', '.join(wanted) or target.kind}"
    )


def _require_task(target: Target, model: Model) -> None:
    has, wanted = list(getattr(model.task, "classes", ())), _classes(target, model)
    if model.task.kind != target.kind:
        raise UnfitModel(
            f"{RECORD}: task: the model is of the kind {model.task.kind}; "
            f"{target.name} asks for {target.kind}"
        )
    if set(has) != set(wanted):
        raise UnfitModel(_other_task(target, has, wanted))
    if has != wanted and target.kind in IN_ORDER:
        raise UnfitModel(f"{_other_task(target, has, wanted)}, in this order")


def _classes(target: Target, model: Model) -> list[str]:
    """Those of the schema as it is now."""
    schema = current_schema(target.project)
    if schema is None:
        return []
    config = model.config.as_json()
    try:
        return kind_of(target, schema.schema, config, target.strategy, 0).classes
    except NotEnoughLabels as error:
        raise UnfitModel(str(error)) from None


def _require_same_question(target: Target, model: Model) -> None:
    """A bundle from before this was written says nothing of it, and is taken."""
    schema = current_schema(target.project)
    for name, wanted in asked_of(target, schema.schema if schema else None).items():
        has = model.asked.get(name, wanted)
        if has != wanted:
            raise UnfitModel(
                f"{RECORD}: asked: {name} of the model is {has or 'none'}; "
                f"that of {target.name} is {wanted or 'none'}"
            )


def _require_frame(model: Model) -> None:
    architecture, side = model.architecture, model.config.side
    is_frame = not model.input and architecture.is_plain() and sum(architecture.channels) == 1
    if not is_frame or architecture.dimensions != "2d" or architecture.size != (side, side):
        raise UnfitModel(
            f"{RECORD}: architecture: this target shows one grey frame of {side} by {side} pixels "
            f"per study; the model looks at something else"
        )


def _require_same_input(target: Target, model: Model) -> None:
    wanted, architecture = InputSpec.from_json(target.input), model.architecture
    if not model.input or InputSpec.from_json(model.input) != wanted:
        raise UnfitModel(OTHER_INPUT)
    seen = (architecture.dimensions, architecture.size, architecture.channels)
    is_seen = seen == (wanted.dimensions, wanted.size, wanted.branches)
    if not is_seen or architecture.neighbours != wanted.neighbours:
        raise UnfitModel(f"{RECORD}: architecture: the network does not fit the input beside it")
    # Windows of an image are cut by the recipe's network.
    if model.task.is_dense and model.config.network != architecture.network:
        raise UnfitModel(f"{RECORD}: config: network is not that of the architecture")
