"""A model as a MONAI bundle: a folder that MONAI's own tools load, and that we load without code.

configs/metadata.json    what goes in and out, in MONAI's words
configs/inference.json   the network and its weights, for monai.bundle.ConfigParser
configs/firstread.json   architecture, task, input and recipe: all that an import here reads
docs/README.md           how to run it without this product
models/model.safetensors weights
"""

import json
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import monai
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from learning.training.bundle_readme import readme
from learning.training.columns import ColumnEncoder, InvalidColumns, width_of
from learning.training.config import InvalidConfig, TrainConfig
from learning.training.inputs import InvalidInput, columns_of
from learning.training.networks import Architecture, InvalidArchitecture
from learning.training.tasks import InvalidTask, Task, task_from_json

WEIGHTS = "models/model.safetensors"
RECORD = "configs/firstread.json"
FORMAT = 1
LARGEST_RECORD = 4 << 20  # bytes of JSON
LARGEST_WEIGHTS = 8 << 30
MOST_BRANCHES = 16
MOST_CHANNELS = 64  # of one branch
MOST_POINTS = 2**28  # of one input: a larger network could not be run, and a lie would fill memory


class InvalidBundle(ValueError):
    """This folder or file is no bundle that can be imported; says why."""


@dataclass(frozen=True)
class Model:
    """A network with everything that is needed to use it.

    `input` is InputSpec.as_json, or {} for one frame per study; `columns` is ColumnEncoder.as_json,
    or {} where it names none. `threshold` decides between two classes: of the second one's probability.
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

    def encoder(self) -> ColumnEncoder | None:
        """What standardises its clinical values, None where it reads none. Raises InvalidColumns."""
        columns = columns_of(self.input)
        return ColumnEncoder.from_json(columns, self.columns) if columns else None


def export_bundle(model: Model, folder: Path) -> None:
    """Write the bundle into a folder, which must be empty or new."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "docs").mkdir()
    record = {
        "format": FORMAT, "name": model.name, "version": model.version,
        "architecture": model.architecture.as_json(), "task": model.task.as_json(),
        "config": model.config.as_json(), "input": model.input, "threshold": model.threshold,
        **({"columns": model.columns} if model.columns else {}),
    }  # fmt: skip
    text = readme(
        model.name, model.version, model.architecture, model.task, model.threshold, model.encoder()
    )
    (folder / "docs" / "README.md").write_text(text)
    for name, content in {
        "metadata": _metadata(model), "inference": _inference(model), "firstread": record,
    }.items():  # fmt: skip
        (folder / "configs" / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.network.state_dict().items()}
    safetensors.torch.save_file(tensors, folder / WEIGHTS)


def export_zip(model: Model, path: Path) -> None:
    """The same as one zip file."""
    with TemporaryDirectory(dir=path.parent) as folder:
        export_bundle(model, Path(folder) / "bundle")
        # Weights do not compress; the time is better spent elsewhere.
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted((Path(folder) / "bundle").rglob("*.*")):
                archive.write(file, file.relative_to(Path(folder) / "bundle"))


def import_bundle(path: Path, largest_weights: int = LARGEST_WEIGHTS) -> Model:
    """The model of a folder or zip that `export_bundle` wrote. Raises InvalidBundle.

    Nothing of the bundle is executed: the network comes from our registry, and only safetensors is
    read. A bundle of others, whose network is named by class, cannot be imported.
    """
    with _files(path) as read:
        record = _record(read(RECORD, LARGEST_RECORD))
        architecture, task, config = _described(record)
        network = architecture.build()
        try:
            network.load_state_dict(safetensors.torch.load(read(WEIGHTS, largest_weights)))
        except (SafetensorError, RuntimeError) as error:
            raise InvalidBundle(f"{WEIGHTS} does not fit the network: {error}") from None
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise InvalidBundle(f"{WEIGHTS} holds values that are not numbers")
    return _checked(Model(
        network.eval(), architecture, task, config, record["name"], record["version"],
        record["input"], _threshold(record), record.get("columns", {}),
    ))  # fmt: skip


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


def _described(record: dict[str, Any]) -> tuple[Architecture, Task, TrainConfig]:
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
    return architecture, task, config


def _threshold(record: dict[str, Any]) -> float | None:
    value = record.get("threshold")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidBundle(f"{RECORD}: threshold must lie between 0 and 1")
    return float(value)


def _record(content: bytes) -> dict[str, Any]:
    try:
        record = json.loads(content)
    except ValueError as error:
        raise InvalidBundle(f"{RECORD} is no JSON: {error}") from None
    wanted = {"format": int, "name": str, "version": str, "architecture": dict, "task": dict,
              "config": dict, "input": dict}  # fmt: skip
    for name, kind in wanted.items():
        if not isinstance(record, dict) or not isinstance(record.get(name), kind):
            raise InvalidBundle(f"{RECORD}: {name} is missing or no {kind.__name__}")
    if not isinstance(record.get("columns", {}), dict):
        raise InvalidBundle(f"{RECORD}: columns is no dict")
    if record["format"] != FORMAT:
        raise InvalidBundle(f"{RECORD}: format {record['format']} is not known here")
    return record  # type: ignore[no-any-return]


@contextmanager
def _files(path: Path) -> Iterator[Any]:
    """A reader of files by their name, (name, most bytes) -> bytes, of a folder or a zip."""
    if path.is_dir():
        yield lambda name, most: _limited(path / name, name, most)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield lambda name, most: _unzipped(archive, name, most)
    except zipfile.BadZipFile:
        raise InvalidBundle("this is neither a folder nor a whole zip file") from None


def _limited(path: Path, name: str, most: int) -> bytes:
    if not path.is_file():
        raise InvalidBundle(f"{name} is missing; a bundle without it cannot be imported")
    if path.stat().st_size > most:
        raise InvalidBundle(f"{name} is larger than {most} bytes")
    return path.read_bytes()


def _unzipped(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    if name not in archive.namelist():
        raise InvalidBundle(f"{name} is missing; a bundle without it cannot be imported")
    if archive.getinfo(name).file_size > most:
        raise InvalidBundle(f"{name} is larger than {most} bytes")
    try:
        with archive.open(name) as file:
            content = file.read(most + 1)
    except (RuntimeError, NotImplementedError, zlib.error) as error:  # encrypted, unknown method
        raise InvalidBundle(f"{name} cannot be unpacked: {error}") from None
    if len(content) > most:
        raise InvalidBundle(f"{name} is larger than it says")
    return content


def _inference(model: Model) -> dict[str, Any]:
    """What monai.bundle.ConfigParser needs to build the network, load it and predict."""
    return {
        "bundle_root": ".",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "network_def": _network_def(model.architecture),
        "weights": {
            "_target_": "safetensors.torch.load_file",
            "filename": f"$@bundle_root + '/{WEIGHTS}'",
        },
        "loaded": "$@network_def.load_state_dict(@weights)",
        "network": "$(@loaded, @network_def.to(@device).eval())[1]",
        "inferer": (
            {
                "_target_": "SlidingWindowInferer", "roi_size": list(model.architecture.size),
                "sw_batch_size": 2, "overlap": model.config.window_overlap, "mode": "gaussian",
            }
            if model.task.is_dense
            else {"_target_": "SimpleInferer"}
        ),
    }  # fmt: skip


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
    channels = sum(architecture.channels)
    names = list(getattr(task, "classes", ())) or [task.kind]
    names = ["background", *names] if task.is_dense else names
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/"
        "0.8.1/meta_schema_20240725.json",
        "version": model.version,
        "changelog": {model.version: "exported"},
        "monai_version": str(monai.__version__),
        "pytorch_version": str(torch.__version__),
        "numpy_version": "2.0",
        "required_packages_version": {"safetensors": "0.4"},
        "name": model.name,
        "task": task.kind,
        "description": f"{model.name}: {architecture.network} for a {task.kind} target",
        "authors": "Firstread",
        "copyright": "see the exporting project",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image", "format": "magnitude", "num_channels": channels,
                    "spatial_shape": list(architecture.size), "dtype": "float32",
                    "value_range": [], "is_patch_data": task.is_dense,
                    "channel_def": {str(n): f"channel {n}" for n in range(channels)},
                }
            },
            "outputs": {
                "pred": {
                    "type": "image" if task.is_dense else "probabilities", "format": "logits",
                    "num_channels": architecture.outputs,
                    "spatial_shape": list(architecture.size) if task.is_dense else [],
                    "dtype": "float32", "value_range": [], "is_patch_data": task.is_dense,
                    "channel_def": {str(n): name for n, name in enumerate(names)},
                }
            },
        },
    }  # fmt: skip
