"""The files of a bundle, in a folder or a ZIP, and what all of them hold; it knows no kind of model.

configs/metadata.json    what goes in and out, in MONAI's words
configs/inference.json   the network and its weights, for monai.bundle.ConfigParser
configs/firstread.json   architecture, task, input and recipe: all that an import here reads
docs/README.md           how to run it without this product
models/model.safetensors weights
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import monai
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from learning.training.checkpoint import apart

WEIGHTS = "models/model.safetensors"
RECORD = "configs/firstread.json"
FORMAT = 1
LARGEST_RECORD = 4 << 20  # bytes of JSON
LARGEST_WEIGHTS = 8 << 30
MOST_CHANNELS = 64  # of one branch
MOST_POINTS = 2**28  # of one input: a larger network could not be run, and a lie would fill memory
Json = dict[str, Any]
Reader = Callable[[str, int], bytes]  # (name, most bytes)


class InvalidBundle(ValueError):
    """This folder or file is no bundle that can be imported; says why."""


def write_folder(folder: Path, configs: dict[str, Json], readme: str, network: nn.Module) -> None:
    """Write the bundle into a folder, which must be empty or new; configs by name."""
    for name in ("configs", "models", "docs"):
        (folder / name).mkdir(parents=True)
    (folder / "docs" / "README.md").write_text(readme)
    for name, content in configs.items():
        (folder / "configs" / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    safetensors.torch.save_file(apart(network.state_dict()), folder / WEIGHTS)


def write_zip(path: Path, write: Callable[[Path], None]) -> None:
    """One ZIP of the folder that `write` fills."""
    with TemporaryDirectory(dir=path.parent) as folder:
        root = Path(folder) / "bundle"
        write(root)
        # Weights do not compress; the time is better spent elsewhere.
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(root.rglob("*.*")):
                archive.write(file, file.relative_to(root))


def loaded_config(network_def: Json, inferer: Json | str) -> Json:
    """What monai.bundle.ConfigParser needs to build the network, load it and predict."""
    return {
        "bundle_root": ".",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "network_def": network_def,
        "weights": {
            "_target_": "safetensors.torch.load_file",
            "filename": f"$@bundle_root + '/{WEIGHTS}'",
        },
        "loaded": "$@network_def.load_state_dict(@weights)",
        "network": "$(@loaded, @network_def.to(@device).eval())[1]",
        "inferer": inferer,
    }


def metadata(
    *, name: str, version: str, task: str, network: str, image: Json, outputs: Json
) -> Json:
    """What goes in and out: `image` and `outputs` without what is the same for all."""
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/"
        "0.8.1/meta_schema_20240725.json",
        "version": version,
        "changelog": {version: "exported"},
        "monai_version": str(monai.__version__),
        "pytorch_version": str(torch.__version__),
        "numpy_version": "2.0",
        "required_packages_version": {"einops": "0.8", "safetensors": "0.4"},
        "name": name,
        "task": task,
        "description": f"{name}: {network} for a {task} target",
        "authors": "Firstread",
        "copyright": "see the exporting project",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image", "format": "magnitude", "dtype": "float32", "value_range": [],
                    "channel_def": {str(n): f"channel {n}" for n in range(image["num_channels"])},
                    **image,
                }
            },
            "outputs": {"pred": {"dtype": "float32", "value_range": [], **outputs}},
        },
    }  # fmt: skip


def read_record(read: Reader) -> Json:
    """The checked head of our own description. Raises InvalidBundle."""
    try:
        record: Json = json.loads(read(RECORD, LARGEST_RECORD))
    except ValueError as error:
        if isinstance(error, InvalidBundle):
            raise
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
    return record


def load_weights(read: Reader, network: nn.Module, largest: int) -> None:
    """Load the network's weights. Raises InvalidBundle where they do not fit or are no numbers."""
    try:
        network.load_state_dict(safetensors.torch.load(read(WEIGHTS, largest)))
    except (SafetensorError, RuntimeError) as error:
        raise InvalidBundle(f"{WEIGHTS} does not fit the network: {error}") from None
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise InvalidBundle(f"{WEIGHTS} holds values that are not numbers")


def read_share(value: Any, name: str) -> float:
    """A number between 0 and 1. Raises InvalidBundle."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidBundle(f"{RECORD}: {name} must lie between 0 and 1")
    return float(value)


def read_shares(value: Any, name: str, count: int) -> tuple[float, ...]:
    """So many numbers between 0 and 1, or none. Raises InvalidBundle."""
    if not isinstance(value, list) or len(value) not in (0, count):
        raise InvalidBundle(f"{RECORD}: {name} must be one for each class, or none")
    return tuple(read_share(one, name) for one in value)


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """A reader of files by their name, of a folder or a zip. Raises InvalidBundle."""
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
