"""Checkpoints that survive a kill at any moment, and weights that hold no code."""

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

KEPT = 2


class Checkpoints:
    """The newest two checkpoints of one run, each with the hash that proves it whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write beside, sync, rename: a half checkpoint is never found.

        Raises OSError where the disk is full; the checkpoints before it stay.
        """
        partial = self.folder / "checkpoint.part"
        # In memory first: torch's own writer ends the process when a disk is full.
        content = io.BytesIO()
        torch.save(state, content)
        digest = hashlib.sha256(content.getbuffer()).hexdigest()
        _write(partial, content.getbuffer())
        partial.rename(self.folder / f"{step:09d}-{digest}.pt")
        for old in self._newest_first()[KEPT:]:
            old.unlink()

    def load(self) -> dict[str, Any] | None:
        """The newest checkpoint whose content matches its hash, or None."""
        for path in self._newest_first():
            if path.stem.split("-")[1] == _digest(path):
                state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
                return state
        return None

    def newest_step(self) -> int:
        """Of the newest one, whole or not; 0 where there is none."""
        return max((int(path.stem.split("-")[0]) for path in self.folder.glob("*.pt")), default=0)

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("*.pt"), reverse=True)


def save_weights(network: torch.nn.Module, folder: Path) -> str:
    """Write safetensors under their SHA-256 and return it."""
    return save_tensors(network.state_dict(), folder)


def save_tensors(tensors: dict[str, torch.Tensor], folder: Path) -> str:
    """The same for tensors by their names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = _serialized(tensors)
    sha256 = hashlib.sha256(data).hexdigest()
    write_whole(weights_path(folder, sha256), data)
    return sha256


def apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As safetensors takes them: in the machine's memory, contiguous, none of them under two names.

    MONAI's DynUNet has its layers twice, once as the chain that they are.
    """
    found: dict[str, torch.Tensor] = {}
    held: set[int] = set()
    for name, tensor in tensors.items():
        kept = tensor.detach().cpu().contiguous()
        found[name] = kept.clone() if kept.untyped_storage().data_ptr() in held else kept
        held.add(kept.untyped_storage().data_ptr())
    return found


def hash_of(network: torch.nn.Module) -> str:
    """The SHA-256 that `save_weights` would write the network under."""
    return hashlib.sha256(_serialized(network.state_dict())).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write beside, sync, rename: half a file is never found. Raises OSError where the disk is full."""
    partial = path.with_name(f"{path.stem}.{os.getpid()}.part")
    _write(partial, content)
    partial.rename(path)


def load_weights(network: torch.nn.Module, folder: Path, sha256: str) -> None:
    """Load weights into the network. Raises ValueError where the file was changed."""
    path = weights_path(folder, sha256)
    if _digest(path) != sha256:
        raise ValueError(f"the weights {sha256[:12]} do not match their hash")
    network.load_state_dict(safetensors.torch.load_file(path))


def weights_path(folder: Path, sha256: str) -> Path:
    return folder / f"{sha256}.safetensors"


def _serialized(tensors: dict[str, torch.Tensor]) -> bytes:
    return safetensors.torch.save(apart(tensors))


def _write(path: Path, content: bytes | memoryview) -> None:
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
