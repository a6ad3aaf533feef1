"""A detector as a MONAI bundle: what differs from the models of `learning.training.bundle`."""

import math
from dataclasses import dataclass, field
from typing import Any

from learning.training.bundle_files import (
    FORMAT,
    MOST_CHANNELS,
    MOST_POINTS,
    RECORD,
    InvalidBundle,
    loaded_config,
    metadata,
    read_shares,
)
from learning.training.bundle_readme import readme_of_boxes
from learning.training.config import InvalidConfig, TrainConfig
from learning.training.detection.network import NAME, Detector, DetectorShape
from learning.training.inputs import InputSpec, InvalidInput

KIND = "boxes"
WIDEST = 512  # features of the first level, and of the neck
Json = dict[str, Any]


@dataclass(frozen=True)
class BoxModel:
    """A detector with everything that is needed to use it.

    `input` is InputSpec.as_json, or {} for the one image of a study; `thresholds` are the scores from
    which a box of each class is shown, or empty.
    """

    network: Detector
    classes: tuple[str, ...]
    config: TrainConfig
    name: str = "Firstread model"
    version: str = "1"
    input: Json = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()

    @property
    def task(self) -> Json:
        return {"kind": KIND, "classes": list(self.classes)}

    @property
    def architecture(self) -> Json:
        return self.network.shape.as_json()

    @property
    def size(self) -> tuple[int, ...]:
        """What the network takes: the whole image, or a window of it."""
        return InputSpec.from_json(self.input).size if self.input else (self.config.side,) * 2

    @property
    def window(self) -> tuple[int, ...]:
        """That a larger image is gone over with; none: images have the size."""
        is_larger = bool(self.input) and InputSpec.from_json(self.input).keeps_size
        return self.size if is_larger else ()


def configs_of(model: BoxModel) -> dict[str, Json]:
    """The JSON files of the bundle by name."""
    record = {
        "format": FORMAT, "name": model.name, "version": model.version,
        "architecture": model.architecture, "task": model.task, "config": model.config.as_json(),
        "input": model.input, "thresholds": list(model.thresholds),
    }  # fmt: skip
    # The network is our own: loading needs this package installed.
    network = {
        "_target_": "learning.training.detection.network.build_from_json",
        "record": model.architecture,
    }
    inferer = {
        "_target_": "learning.training.detection.inferer.BoxInferer",
        "window": list(model.window), "window_overlap": model.config.window_overlap,
    }  # fmt: skip
    described = metadata(
        name=model.name, version=model.version, task=KIND, network=NAME,
        image={
            "num_channels": model.network.shape.channels, "spatial_shape": list(model.size),
            "is_patch_data": bool(model.window),
        },
        outputs={
            "type": "object", "format": "dict", "num_channels": 1, "is_patch_data": False,
            "spatial_shape": [], "channel_def": {str(n): c for n, c in enumerate(model.classes)},
        },
    )  # fmt: skip
    return {
        "metadata": described, "inference": loaded_config(network, inferer), "firstread": record,
    }  # fmt: skip


def readme_of(model: BoxModel) -> str:
    """Markdown; it holds nothing of any patient."""
    thresholds = dict(zip(model.classes, model.thresholds, strict=False))
    return readme_of_boxes(
        model.name, model.version, model.classes, thresholds,
        channels=model.network.shape.channels, size=model.size, is_frame=not model.input,
    )  # fmt: skip


def described(record: Json) -> BoxModel:
    """The model with fresh weights. Raises InvalidBundle naming the field."""
    classes, shape = _classes(record["task"]), _shape(record["architecture"])
    if shape.class_count != len(classes):
        raise InvalidBundle(f"{RECORD}: architecture.class_count does not fit the task")
    try:
        config = TrainConfig.from_json(record["config"])
    except (InvalidConfig, TypeError) as error:
        raise InvalidBundle(f"{RECORD}: config: {error}") from None
    _check_input(record["input"], shape)
    return BoxModel(
        Detector(shape), classes, config, record["name"], record["version"], record["input"],
        read_shares(record.get("thresholds", []), "thresholds", len(classes)),
    )  # fmt: skip


def _classes(task: Json) -> tuple[str, ...]:
    names = task.get("classes")
    is_listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not is_listed or not names or len(set(names)) != len(names):
        raise InvalidBundle(f"{RECORD}: task: classes must be different texts")
    return tuple(names)


def _shape(architecture: Json) -> DetectorShape:
    try:
        shape = DetectorShape.from_json(architecture)
    except ValueError as error:
        raise InvalidBundle(f"{RECORD}: architecture: {error}") from None
    if shape.channels > MOST_CHANNELS or max(shape.width, shape.neck) > WIDEST:
        raise InvalidBundle(
            f"{RECORD}: architecture: at most {MOST_CHANNELS} channels and {WIDEST} features"
        )
    return shape


def _check_input(value: Json, shape: DetectorShape) -> None:
    """Raises InvalidBundle unless the network can see what the input shows."""
    try:
        spec = InputSpec.from_json(value) if value else None
    except InvalidInput as error:
        raise InvalidBundle(f"{RECORD}: input: {error}") from None
    seen = (spec.spatial, len(spec.channels)) if spec else (2, 1)
    if seen != (shape.dimensions, shape.channels):
        raise InvalidBundle(f"{RECORD}: architecture: the network does not fit the input beside it")
    if spec and (spec.columns or math.prod(spec.size) > MOST_POINTS):
        raise InvalidBundle(
            f"{RECORD}: input: boxes are drawn from the image alone, of a usable size"
        )
