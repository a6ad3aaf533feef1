"""Networks as model versions keep them: described by the row alone, weights under their hash."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max
from torch import nn

from annotation.labeling.schemas import Schema
from annotation.labeling.services.projects import current_schema
from learning.models import ModelVersion, Target
from learning.services.locking import lock_versions
from learning.training.bundle import Model
from learning.training.checkpoint import load_weights
from learning.training.config import TrainConfig
from learning.training.detection.bundle import BoxModel
from learning.training.detection.network import NAME, Detector, build_from_json
from learning.training.networks import Architecture
from learning.training.tasks import Task, task_from_json


def schema_of(version: ModelVersion) -> Schema | None:
    """What was asked when it was learned; one from elsewhere answers the questions of today."""
    dataset = version.round.dataset if version.round else None
    found = dataset.schema if dataset else current_schema(version.target.project)
    return found.schema if found else None


def weights_folder() -> Path:
    return Path(settings.MODEL_ROOT) / "weights"


def described(task: Task, architecture: Architecture, config: TrainConfig) -> dict[str, Any]:
    """The fields of a ModelVersion that describe its network; the task is the fitted one."""
    return {
        "task": task.as_json(), "architecture": architecture.as_json(), "config": config.as_json(),
    }  # fmt: skip


def next_number(target: Target) -> int:
    """The number of the target's next version; holds the target's row until the transaction ends."""
    lock_versions(target.pk)
    last = ModelVersion.objects.filter(target=target).aggregate(n=Max("number"))["n"]
    return (last or 0) + 1


def load_network(version: ModelVersion) -> nn.Module:
    """The network with its weights. Raises as `load_model` does."""
    return stored_network(version.architecture, version.weights_sha256)


def stored_network(architecture: dict[str, Any], weights_sha256: str) -> nn.Module:
    """The network of a description with its weights. Raises as `load_model` does."""
    network: nn.Module
    if architecture["network"] == NAME:
        network = build_from_json(architecture)
    else:
        network = Architecture.from_json(architecture).build()
    load_weights(network, weights_folder(), weights_sha256)
    return network


def load_model(version: ModelVersion) -> Model:
    """The network with all that is needed to use it.

    Raises ValueError where the weights do not match their hash, OSError where they are gone.
    """
    return Model(
        load_network(version).eval(),
        Architecture.from_json(version.architecture),
        task_from_json(version.task),
        TrainConfig.from_json(version.config),
        name=version.target.name,
        version=str(version.number),
        input=version.input,
        columns=version.columns,
        threshold=version.threshold,
        # That of two answers stands above, and a list of it belongs to no class.
        thresholds=() if version.threshold is not None else tuple(version.thresholds),
    )


def load_detector(version: ModelVersion) -> BoxModel:
    """The same of a target of boxes. Raises as `load_model` does."""
    network = load_network(version).eval()
    assert isinstance(network, Detector)  # noqa: S101  for the type checker
    return BoxModel(
        network, tuple(version.classes), TrainConfig.from_json(version.config),
        name=version.target.name, version=str(version.number), input=version.input,
        thresholds=tuple(version.thresholds),
    )  # fmt: skip
