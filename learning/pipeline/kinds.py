"""Which class learns which kind of target."""

from copy import copy
from typing import Any

from annotation.labeling.schemas import Schema
from learning.kinds import is_on_series
from learning.models import ModelVersion, Round, Target, TargetKind
from learning.pipeline.answers import Answers
from learning.pipeline.base import Kind
from learning.pipeline.image_boxes import ImageBoxes
from learning.pipeline.masks import Masks
from learning.pipeline.series_answers import SeriesAnswers
from learning.pipeline.volume_boxes import VolumeBoxes


def kind_of(
    target: Target, schema: Schema, overrides: dict[str, Any], strategy: str, sample_count: int
) -> Kind:
    """How the target is learned."""
    return _class_of(target, schema)(target, schema, overrides, strategy, sample_count)


def kind_of_round(round_: Round) -> Kind:
    """The same of a round whose dataset is frozen, whatever its target has been changed to since."""
    dataset = round_.dataset
    assert dataset is not None  # noqa: S101  for the type checker
    target = copy(round_.target)
    target.input = round_.input
    overrides = _network_begun_with(round_) | round_.config
    return kind_of(target, dataset.schema.schema, overrides, round_.strategy, dataset.items.count())


def _network_begun_with(round_: Round) -> dict[str, Any]:
    """Weights of the target's own model fit one network; which is recommended changes with the labels."""
    version = ModelVersion.objects.filter(
        pk=round_.start.get("model_version"), target=round_.target_id
    ).first()
    return {"network": version.config["network"]} if version and "network" in version.config else {}


def answers_of(target: Target, schema: Schema) -> type[Answers]:
    """Of a target whose question is answered: on the study, or on a series."""
    return SeriesAnswers if is_on_series(target.question, schema) else Answers


def _class_of(target: Target, schema: Schema) -> type[Kind]:
    if target.kind == TargetKind.SEGMENTATION:
        return Masks
    if target.kind == TargetKind.BOXES:
        return VolumeBoxes if target.input else ImageBoxes
    return answers_of(target, schema)
