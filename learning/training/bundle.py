"""A model as a MONAI bundle: a folder that MONAI's own tools load, and that we load without code.

The files are those of `bundle_files`; detectors, whose network is our own, are in `detection.bundle`.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from learning.training.bundle_files import (
    FORMAT,
    LARGEST_WEIGHTS,
    MOST_CHANNELS,
    MOST_POINTS,
    RECORD,
    InvalidBundle,
    load_weights,
    loaded_config,
    metadata,
    opened,
    read_record,
    read_share,
    read_shares,
    write_folder,
    write_zip,
)
from learning.training.bundle_readme import readme
from learning.training.columns import ColumnEncoder, InvalidColumns, width_of
from learning.training.config import InvalidConfig, TrainConfig
from learning.training.detection import bundle as detection
from learning.training.detection.bundle import BoxModel
from learning.training.inputs import InvalidInput, columns_of
from learning.training.networks import Architecture, InvalidArchitecture
from learning.training.tasks import InvalidTask, Task, task_from_json

MOST_BRANCHES = 16
# MONAI's own inferer pads with one number for all images; networks learn an image padded with its minimum.
WINDOWS = (
    "$lambda inputs, network: torch.cat([monai.inferers.sliding_window_inference("
    "one, {size}, 2, network, overlap={overlap}, mode='gaussian', cval=float(one.min())"
    ") for one in inputs.split(1)])"
)


@dataclass(frozen=True)
class Model:
    """A network with everything that is needed to use it.

    `input` is InputSpec.as_json, or {} for one frame per study; `columns` is ColumnEncoder.as_json,
    or {} where it names none. `threshold` decides between two classes: of the second one's probability.
    `thresholds` are those of each finding or structure, or empty: see `operating_points`.
    `asked` is what makes the question besides the task, or {}: a number's UCUM unit, or the event.
    """

    network: nn.Module
    architecture: Architecture
    task: Task
    config: TrainConfig
    name: str = "Firstread model"
    version: str = "1"
    input: dict[str, Any] = field(default_factory=dict)
    threshold: float | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()
    asked: dict[str, str] = field(default_factory=dict)

    def encoder(self) -> ColumnEncoder | None:
        """What standardises its clinical values, None where it reads none. Raises InvalidColumns."""
        columns = columns_of(self.input)
        return ColumnEncoder.from_json(columns, self.columns) if columns else None


def export_bundle(model: Model | BoxModel, folder: Path) -> None:
    """Write the bundle into a folder, which must be empty or new."""
    if isinstance(model, BoxModel):
        configs, text = detection.configs_of(model), detection.readme_of(model)
    else:
        configs, text = _configs(model), _readme(model)
    write_folder(folder, configs, text, model.network)


def export_zip(model: Model | BoxModel, path: Path) -> None:
    """The same as one zip file."""
    write_zip(path, lambda folder: export_bundle(model, folder))


def import_bundle(path: Path, largest_weights: int = LARGEST_WEIGHTS) -> Model | BoxModel:
    """The model of a folder or zip that `export_bundle` wrote. Raises InvalidBundle.

    Nothing of the bundle is executed: the network comes from our registry, and only safetensors is
    read. A bundle of others, whose network is named by class, cannot be imported.
    """
    with opened(path) as read:
        record = read_record(read)
        is_boxes = record["task"].get("kind") == detection.KIND
        found = detection.described(record) if is_boxes else _described(record)
        load_weights(read, found.network, largest_weights)
    found.network.eval()
    return found


def _described(record: dict[str, Any]) -> Model:
    """Everything but the weights. Raises InvalidBundle naming the field."""
    field_ = "architecture"
    try:
        architecture = Architecture.from_json(record["architecture"])
        field_ = "task"
        task = task_from_json(record["task"])
        field_ = "config"
        config = TrainConfig.from_json(record["config"])
    except (InvalidArchitecture, InvalidTask, InvalidConfig, TypeError) as error:
        raise InvalidBundle(f"{RECORD}: {field_}: {error}") from None
    if architecture.outputs != task.outputs or architecture.entry.is_dense != task.is_dense:
        raise InvalidBundle(f"{RECORD}: architecture.outputs do not fit the task")
    if len(architecture.channels) > MOST_BRANCHES or max(architecture.channels) > MOST_CHANNELS:
        raise InvalidBundle(
            f"{RECORD}: architecture.channels: at most {MOST_BRANCHES} branches of "
            f"{MOST_CHANNELS} channels"
        )
    if math.prod(architecture.size) > MOST_POINTS:
        raise InvalidBundle(f"{RECORD}: architecture.size: more than {MOST_POINTS} points")
    threshold = record.get("threshold")
    return _checked(Model(
        architecture.build(), architecture, task, config, record["name"], record["version"],
        record["input"], None if threshold is None else read_share(threshold, "threshold"),
        record.get("columns", {}), _thresholds(record, task), _asked(record),
    ))  # fmt: skip


def _thresholds(record: dict[str, Any], task: Task) -> tuple[float, ...]:
    """Raises InvalidBundle unless each belongs to a class, and none calls a structure everywhere or never."""
    classes = getattr(task, "classes", ())
    found = read_shares(record.get("thresholds", []), "thresholds", len(classes))
    if task.is_dense and not all(0 < threshold < 1 for threshold in found):
        raise InvalidBundle(f"{RECORD}: thresholds of structures must be above 0 and below 1")
    return found


def _asked(record: dict[str, Any]) -> dict[str, str]:
    found = record.get("asked", {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidBundle(f"{RECORD}: asked must hold texts")
    return found


def _checked(model: Model) -> Model:
    """The model, if its input and what its network reads fit each other. Raises InvalidBundle."""
    field_ = "input"
    try:
        width = width_of(columns_of(model.input))
        field_ = "columns"
        model.encoder()
    except (InvalidInput, InvalidColumns) as error:
        raise InvalidBundle(f"{RECORD}: {field_}: {error}") from None
    if width != model.architecture.columns:
        raise InvalidBundle(
            f"{RECORD}: the network reads {model.architecture.columns} columns, the input has {width}"
        )
    return model


def _configs(model: Model) -> dict[str, dict[str, Any]]:
    record = {
        "format": FORMAT, "name": model.name, "version": model.version,
        "architecture": model.architecture.as_json(), "task": model.task.as_json(),
        "config": model.config.as_json(), "input": model.input, "threshold": model.threshold,
        **({"columns": model.columns} if model.columns else {}),
        **({"thresholds": list(model.thresholds)} if model.thresholds else {}),
        **({"asked": model.asked} if model.asked else {}),
    }  # fmt: skip
    inference = loaded_config(_network_def(model.architecture), _inferer(model))
    return {"metadata": _metadata(model), "inference": inference, "firstread": record}


def _readme(model: Model) -> str:
    return readme(
        model.name, model.version, model.architecture, model.task, model.threshold,
        model.thresholds, model.encoder(), is_frame=not model.input,
        is_mirrored=model.config.flip_at_test,
    )  # fmt: skip


def _inferer(model: Model) -> dict[str, Any] | str:
    if not model.task.is_dense:
        return {"_target_": "SimpleInferer"}
    size = list(model.architecture.size)
    return WINDOWS.format(size=size, overlap=model.config.window_overlap)


def _network_def(architecture: Architecture) -> dict[str, Any]:
    if architecture.is_plain():
        definition = architecture.definition()
        return {"_target_": definition.target, **definition.arguments}
    # Branches, columns and 2.5D are our own modules: loading needs this package installed.
    return {
        "_target_": "learning.training.networks.architecture.build_from_json",
        "record": architecture.as_json(),
    }


def _metadata(model: Model) -> dict[str, Any]:
    architecture, task = model.architecture, model.task
    names = list(getattr(task, "classes", ())) or [task.kind]
    names = ["background", *names] if task.is_dense else names
    size = list(architecture.size)
    return metadata(
        name=model.name, version=model.version, task=task.kind, network=architecture.network,
        image={
            "num_channels": sum(architecture.channels), "spatial_shape": size,
            "is_patch_data": task.is_dense,
        },
        outputs={
            "type": "image" if task.is_dense else "probabilities", "format": "logits",
            "num_channels": architecture.outputs, "spatial_shape": size if task.is_dense else [],
            "is_patch_data": task.is_dense,
            "channel_def": {str(n): name for n, name in enumerate(names)},
        },
    )  # fmt: skip
