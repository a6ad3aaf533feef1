"""Weights to start from: another model's, a local safetensors file, or one from a hub.

Only safetensors is read: a file that can hold code is refused, whatever it is called.
"""

import importlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

PREFIXES = ("module.", "network.", "model.", "encoder.", "backbone.")
BRANCH = re.compile(r"^branches\.\d+\.")  # of networks.fusion.Fusion
FEWEST_SHARED = 0.5  # of the encoder's weights; with fewer it is another network


class UnusableWeights(ValueError):
    """These weights cannot be started from; says why."""


@dataclass(frozen=True)
class Transferred:
    """Which of the network's tensors were taken over, and which begin fresh."""

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]


#: What may load weights into a fresh network; the second makes the same network with one answer more
Start = Callable[[nn.Module, Callable[[], nn.Module]], object]


def start_afresh(_network: nn.Module, _with_one_more: Callable[[], nn.Module]) -> None:
    """A Start that takes over nothing."""


def start_from_file(network: nn.Module, path: Path) -> Transferred:
    """Take over every tensor whose name and shape fit. Raises UnusableWeights.

    Where the file has more or fewer input channels, the first layer begins with their mean.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableWeights(f"{path.name} cannot be read: {error.strerror}") from None
    return start_from_bytes(network, content, path.name)


def start_from_bytes(
    network: nn.Module, content: bytes, name: str, but_not: Collection[str] = ()
) -> Transferred:
    """The same with the content of a safetensors file, called `name`."""
    try:
        found = safetensors.torch.load(content)
    except SafetensorError as error:
        raise UnusableWeights(f"{name} is no readable safetensors file: {error}") from None
    return start_from(network, found, but_not)


def tensors_of_answers(
    network: nn.Module, with_one_more: Callable[[], nn.Module]
) -> frozenset[str]:
    """The tensors that know the answers by their order: those that one answer more makes larger."""
    with torch.random.fork_rng(devices=[]):
        larger = with_one_more().state_dict()
    own = network.state_dict()
    return frozenset(name for name, value in own.items() if larger[name].shape != value.shape)


def start_from_hub(
    network: nn.Module,
    repository: str,
    file: str = "model.safetensors",
    revision: str = "main",
    endpoint: str | None = None,
) -> Transferred:
    """Fetch a safetensors file of a hub's repository and start from it. Raises UnusableWeights."""
    return start_from_file(network, fetch_from_hub(repository, file, revision, endpoint))


def fetch_from_hub(
    repository: str,
    file: str = "model.safetensors",
    revision: str = "main",
    endpoint: str | None = None,
    cache: Path | None = None,
) -> Path:
    """The file in a folder of this machine. Raises UnusableWeights.

    `endpoint` is a hospital's own mirror; without it the hub's public address is asked.
    """
    if not file.endswith(".safetensors"):
        raise UnusableWeights(f"{file} is not a safetensors file")
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        raise UnusableWeights("install the extra `hub` to fetch weights from a hub") from None
    try:
        found = hub.hf_hub_download(
            repository, file, revision=revision, endpoint=endpoint, cache_dir=cache, token=False
        )
    except (hub.errors.HfHubHTTPError, hub.errors.HFValidationError, OSError) as error:
        raise UnusableWeights(f"{repository}: {error}") from None
    return Path(found)


def start_from(
    network: nn.Module, weights: dict[str, Tensor], but_not: Collection[str] = ()
) -> Transferred:
    """Take over tensors by name and shape, but not some. Raises UnusableWeights: it is another network."""
    own = network.state_dict()
    given = {_plain(name): value for name, value in weights.items()}
    taken: dict[str, Tensor] = {}
    for name, mine in own.items():
        theirs = _counterpart(name, given)
        if theirs is not None and (fitted := _fitted(theirs, mine)) is not None:
            taken[name] = fitted
    learned = {name for name, value in own.items() if value.is_floating_point()}
    shared = sum(own[name].numel() for name in learned & set(taken))
    if shared < FEWEST_SHARED * sum(own[name].numel() for name in learned):
        raise UnusableWeights(
            f"only {len(learned & set(taken))} of {len(learned)} tensors fit: this is another network"
        )
    bad = [name for name in taken if not torch.isfinite(taken[name]).all()]
    if bad:
        raise UnusableWeights(f"{bad[0]} holds values that are not numbers")
    kept = {name: value for name, value in taken.items() if name not in but_not}
    network.load_state_dict(own | kept)
    return Transferred(tuple(sorted(kept)), tuple(sorted(set(own) - set(kept))))


def _counterpart(name: str, given: dict[str, Tensor]) -> Tensor | None:
    """By name; a network without branches fits each branch, and begins with the first one of others."""
    plain = _plain(name)
    without = _plain(BRANCH.sub("", plain))
    found = (given.get(key) for key in (plain, without, f"branches.0.{plain}"))
    return next((tensor for tensor in found if tensor is not None), None)


def _plain(name: str) -> str:
    while name.startswith(PREFIXES):
        name = name.split(".", 1)[1]
    return name


def _fitted(theirs: Tensor, mine: Tensor) -> Tensor | None:
    """Their tensor in the shape of mine, or None."""
    if theirs.shape == mine.shape:
        return theirs.to(mine.dtype)
    is_first_layer = (
        theirs.ndim == mine.ndim >= 4
        and theirs.shape[0] == mine.shape[0]
        and theirs.shape[2:] == mine.shape[2:]
        and min(theirs.shape[1], mine.shape[1]) <= 4
    )
    if not is_first_layer:
        return None
    # The response to the same picture in every channel stays what it was.
    mean = theirs.sum(dim=1, keepdim=True) / mine.shape[1]
    return mean.expand(mine.shape).to(mine.dtype).clone()
