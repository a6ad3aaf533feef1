"""Embeddings and dropout at one named module, without changing a network's weights or their names."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def take_off_head(network: nn.Module, path: str) -> int:
    """Replace the last linear layer by nothing; returns how many features now come out."""
    parent, _, name = path.rpartition(".")
    owner = network.get_submodule(parent)
    head = getattr(owner, name)
    setattr(owner, name, nn.Identity())
    return int(head.in_features)


def mark_features(network: nn.Module, path: str, *, is_dense: bool, dropout: float) -> None:
    """Remember where the embedding is taken, and drop features there while training."""
    module = network.get_submodule(path)
    network.firstread_features = (path, is_dense)  # type: ignore[assignment]
    if not dropout:
        return
    if is_dense:
        module.register_forward_hook(
            lambda m, _inputs, output: torch.feature_dropout(output, dropout, m.training)
        )
    else:
        module.register_forward_pre_hook(
            lambda m, inputs: (functional.dropout(inputs[0], dropout, m.training),)
        )


def keep_dropping(network: nn.Module) -> None:
    """Leave only the dropout active in a network that evaluates (Gal & Ghahramani 2016).

    The flag of the one module is set, not those of its children: norms keep their statistics.
    """
    path, _ = _features_of(network)
    network.get_submodule(path).training = True


class embed:  # noqa: N801  reads as a verb: with embed(network) as caught
    """While open, every forward pass leaves its (b, d) embedding in `latest`."""

    def __init__(self, network: nn.Module) -> None:
        path, self._is_dense = _features_of(network)
        self._module = network.get_submodule(path)
        self.latest: Tensor | None = None

    def __enter__(self) -> "embed":
        if self._is_dense:
            self._hook = self._module.register_forward_hook(
                lambda _m, _inputs, output: self._keep(output)
            )
        else:
            self._hook = self._module.register_forward_pre_hook(
                lambda _m, inputs: self._keep(inputs[0])
            )
        return self

    def __exit__(self, *_: Any) -> None:
        self._hook.remove()

    def of(self, count: int) -> Tensor:
        """(count, d): slices of one study, which 2.5D networks see one by one, are averaged."""
        if self.latest is None:
            raise RuntimeError("no forward pass was made")
        return torch.unflatten(self.latest, 0, (count, -1)).mean(dim=1)

    def _keep(self, value: Tensor) -> None:
        value = value.detach().float()
        if value.ndim == 3:  # (b, tokens, d) of a transformer
            value = value.mean(dim=1)
        self.latest = value.flatten(2).mean(dim=2) if value.ndim > 3 else value


def _features_of(network: nn.Module) -> tuple[str, bool]:
    found: tuple[str, bool] = network.firstread_features  # type: ignore[assignment]
    return found
