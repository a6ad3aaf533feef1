"""Which class learns which kind of target."""

from copy import copy
from typing import Any

from annotation.labeling.schemas import Schema
from learning.models import Round, Target, TargetKind
from learning.pipeline.answers import Answers
from learning.pipeline.base import Kind
from learning.pipeline.boxes import Boxes
from learning.pipeline.masks import Masks

DRAWN: dict[str, type[Kind]] = {TargetKind.SEGMENTATION: Masks, TargetKind.BOXES: Boxes}


def kind_of(
    target: Target, schema: Schema, overrides: dict[str, Any], strategy: str, sample_count: int
) -> Kind:
    """How the target is learned."""
    made = DRAWN.get(target.kind, Answers)
    return made(target, schema, overrides, strategy, sample_count)


def kind_of_round(round_: Round) -> Kind:
    """The same of a round whose dataset is frozen, whatever its target has been changed to since."""
    dataset = round_.dataset
    assert dataset is not None  # noqa: S101  for the type checker
    target = copy(round_.target)
    target.input = round_.input
    return kind_of(
        target, dataset.schema.schema, round_.config, round_.strategy, dataset.items.count()
    )
