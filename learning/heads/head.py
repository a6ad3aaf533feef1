"""A linear head on embeddings: what it answers, and how it is kept (npz, never pickle)."""

import io
import json
from dataclasses import dataclass, field
from typing import Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from learning.heads.losses import ordered_probabilities, sigmoid, softmax

Kind = Literal["one", "many", "ordinal", "number", "time_to_event"]
BLOCK = 65_536
FORMAT = 1
_UNREADABLE = (OSError, EOFError, KeyError, TypeError, AttributeError, ValueError, BadZipFile)


class InvalidHead(ValueError):
    """Bytes that hold no head, or labels or embeddings that do not fit one; says which."""


@dataclass(frozen=True)
class Head:
    """Row 0 of the weights (1 + m, K, d) is the head, the others are its bootstrap members."""

    kind: Kind
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]  # (1 + m, K)
    thresholds: NDArray[np.float32]  # (1 + m, C - 1), ordinal only
    centre: NDArray[np.float32]  # (d,), taken off the embeddings
    scale: float  # the centred embeddings are multiplied by it
    temperature: float = 1.0  # outputs are divided by it: calibrated on out-of-fold predictions
    # Of exclusive answers with class weights what people are told takes these off again: (K,) are added
    # before the outputs are divided by a temperature of their own. Empty: nothing to take off.
    offsets: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    told_temperature: float = 1.0
    # Of a number, as `numbers.NumberFit` has them
    noise: float = 0.0
    level_variance: float = 0.0
    weight_variance: float = 0.0
    narrowed: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def class_count(self) -> int:
        """How many answers `predict` gives a case."""
        return int(
            self.thresholds.shape[1] + 1 if self.kind == "ordinal" else self.weights.shape[1]
        )

    def predict(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (n, C) as they may be told; numbers and log risks (n, 1). Raises InvalidHead."""
        if not len(self.offsets):
            return self._answers(embeddings, 0)
        outputs = self.outputs(embeddings).astype(np.float64) + self.offsets
        return softmax(outputs / self.told_temperature).astype(np.float32)

    def predict_weighted(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same with rare answers as likely as class weights make them: what cases are ranked by."""
        return self._answers(embeddings, 0)

    def predict_members(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """The bootstrap members' answers: (m, n, C), or (m, n) of numbers and log risks."""
        found = np.stack([self._answers(embeddings, m) for m in range(1, len(self.weights))])
        return found[:, :, 0] if self.kind in ("number", "time_to_event") else found

    def doubt(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Variance of the number that is expected of each case; labels near it narrow it: (n,)."""
        found = np.empty(len(embeddings))
        for start in range(0, len(embeddings), BLOCK):
            points = (embeddings[start : start + BLOCK] - self.centre) * np.float32(self.scale)
            unseen = np.square(points).sum(axis=1)
            unseen -= np.square(points @ self.narrowed.T).sum(axis=1)
            found[start : start + BLOCK] = np.maximum(unseen, 0)
        return self.level_variance + self.weight_variance * found

    def spread(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Standard deviation of a case's number around what is expected of it: (n,)."""
        return np.asarray(np.sqrt(self.doubt(embeddings) + self.noise))

    def outputs(self, embeddings: NDArray[np.float32], member: int = 0) -> NDArray[np.float32]:
        """What the linear map gives before temperature and activation: (n, K)."""
        if embeddings.ndim != 2 or embeddings.shape[1] != len(self.centre):
            raise InvalidHead(
                f"embeddings {embeddings.shape} do not have {len(self.centre)} columns"
            )
        slope = self.weights[member] * np.float32(self.scale)
        level = self.biases[member] - slope @ self.centre
        found = np.empty((len(embeddings), len(slope)), np.float32)
        for start in range(0, len(embeddings), BLOCK):
            found[start : start + BLOCK] = embeddings[start : start + BLOCK] @ slope.T + level
        return found

    def _answers(self, embeddings: NDArray[np.float32], member: int) -> NDArray[np.float32]:
        outputs = self.outputs(embeddings, member).astype(np.float64)
        if self.kind in ("number", "time_to_event"):
            return outputs.astype(np.float32)
        outputs /= self.temperature
        if self.kind == "one":
            return softmax(outputs).astype(np.float32)
        if self.kind == "many":
            return sigmoid(outputs).astype(np.float32)
        steps = self.thresholds[member].astype(np.float64) / self.temperature
        return ordered_probabilities(outputs[:, 0], steps).astype(np.float32)

    def to_bytes(self) -> bytes:
        """The head as an npz file."""
        about = {
            "format": FORMAT, "kind": self.kind, "scale": self.scale,
            "temperature": self.temperature, "told_temperature": self.told_temperature,
            "noise": self.noise, "level_variance": self.level_variance,
            "weight_variance": self.weight_variance,
        }  # fmt: skip
        file = io.BytesIO()
        np.savez(
            file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), weights=self.weights,
            biases=self.biases, thresholds=self.thresholds, centre=self.centre,
            narrowed=self.narrowed, offsets=self.offsets,
        )  # fmt: skip
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Head":
        """Raises InvalidHead unless these are the bytes of a head."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                named = {name: arrays[name] for name in arrays if name != "about"}
            if about.pop("format") != FORMAT:
                raise InvalidHead("the head was written by another version")
            return cls(**about, **named)
        except _UNREADABLE as error:
            raise InvalidHead(f"these bytes hold no head: {error}") from error
