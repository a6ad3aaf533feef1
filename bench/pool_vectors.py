"""Vectors for replays, of encoders that have seen one replay's pool alone, as a project's have.

An encoder that learns from more knows too much: where half of its images show a finding, that finding is
not rare to it, whatever the pool is thinned to afterwards.
"""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.radiographs import SPLITS
from learning.acquisition.pool import Rows, normalized
from learning.training.checkpoint import Checkpoints
from learning.training.loop import choose_device
from learning.training.pretraining.contrastive import ContrastiveConfig
from learning.training.pretraining.default import fit_default_encoder
from learning.training.pretraining.descriptor import describe, fit_whitening

Images = NDArray[np.float16]
Vectors = NDArray[np.float32]
STEPS = 500  # of SimCLR: those of a project on a machine without a GPU
BLOCK = 100


class Encoder(Protocol):
    """Gives (n, d) vectors of length 1 of all radiographs to a replay with this pool."""

    def __call__(self, pool: Rows) -> Vectors: ...


def descriptor(images: Images) -> Encoder:
    """The first encoder of a project, HOG whitened, for (n, side, side) images."""
    described = describe(iter(images))
    return lambda pool: fit_whitening(described[np.sort(pool)])(described)


def contrastive(images: Images, folder: Path, steps: int = STEPS) -> Encoder:
    """The second one, SimCLR beside HOG: eight minutes of one core a pool, so `folder` keeps its vectors."""
    config = ContrastiveConfig()
    config = replace(config, schedule=replace(config.schedule, steps=steps))
    folder.mkdir(parents=True, exist_ok=True)

    def encode(pool: Rows) -> Vectors:
        rows = np.sort(pool)
        kept = folder / f"{hashlib.sha256(rows.tobytes()).hexdigest()}.npy"
        if not kept.exists():
            np.save(folder / "part.npy", learned(rows))
            (folder / "part.npy").rename(kept)  # an interrupted run leaves no half of one
        return np.load(kept)

    def learned(rows: Rows) -> Vectors:
        with tempfile.TemporaryDirectory() as checkpoints:
            encoder = fit_default_encoder(
                images[rows, None], config, seed=0, store=Checkpoints(Path(checkpoints)),
                device=choose_device(),
            )  # fmt: skip
        return encoder.embed(
            images[start : start + BLOCK, None] for start in range(0, len(images), BLOCK)
        )

    return encode


def of_all_training(path: Path, name: str) -> Encoder:
    """What `bench.encoders --keep` wrote: the same for every pool, made of all training images."""
    kept = np.load(path)
    vectors = normalized(np.concatenate([kept[f"{name}/{split}"] for split in SPLITS]))
    return lambda _pool: vectors


def remembered(encoder: Encoder) -> Encoder:
    """The same, asked once for each pool: every strategy replays the same ones."""
    found: dict[bytes, Vectors] = {}

    def encode(pool: Rows) -> Vectors:
        key = np.sort(pool).tobytes()
        if key not in found:
            found[key] = encoder(pool)
        return found[key]

    return encode
