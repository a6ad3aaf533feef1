"""Every knob of training on one page, with the reason beside each surprising value."""

from dataclasses import asdict, dataclass, fields
from typing import Any


class InvalidConfig(ValueError):
    """An override names no knob, or has a value of the wrong type or range; says which."""


@dataclass(frozen=True)
class TrainConfig:
    """A frozen recipe; defaults were chosen on the validation split of NIH radiographs."""

    network: str = "resnet10"
    side: int = 128  # pixels; 192 gained nothing on 700 radiographs and took 2.2x the time
    batch_size: int = 32
    epochs: int = 30
    min_steps: int = 200  # few labels make short epochs: train at least this many steps
    max_steps: int = 20_000
    learning_rate: float = 3e-3  # peak of one-cycle; higher than usual because batch norm is on
    weight_decay: float = 0.05
    warmup_share: float = 0.2
    label_smoothing: float = 0.05  # text-mined and hurried labels are noisy
    class_weights: bool = True  # inverse square root of the frequency
    flip: bool = True
    rotate_degrees: float = 11.0
    scale: float = 0.15
    shift: float = 0.06  # share of the side
    contrast: float = 0.2
    noise: float = 0.05
    patience: int = 0  # evaluations without a better validation loss; 0 trains to the end
    evaluations: int = 10  # how often the validation set is looked at, spread over the run
    flip_at_test: bool = True
    mixed_precision: bool = True  # on CUDA only
    threads: int = 1  # per worker on CPU; two workers on two cores are faster than one on both

    @classmethod
    def from_json(cls, overrides: dict[str, Any]) -> "TrainConfig":
        """The defaults with overrides. Raises InvalidConfig naming the knob."""
        known = {field.name: field.type for field in fields(cls)}
        defaults = asdict(cls())
        for name, value in overrides.items():
            if name not in known:
                raise InvalidConfig(f"{name} is no training option")
            wanted = type(defaults[name])
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted:
                raise InvalidConfig(f"{name} must be of type {wanted.__name__}")
            defaults[name] = value
        config = cls(**defaults)
        config._check()
        return config

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def _check(self) -> None:
        limits = {
            "side": (16, 1024), "batch_size": (1, 4096), "epochs": (1, 10_000),
            "min_steps": (0, 1_000_000), "max_steps": (1, 10_000_000), "evaluations": (1, 1000),
            "threads": (1, 256), "patience": (0, 1000),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidConfig(f"{name} must lie between {low} and {high}")

    def steps(self, sample_count: int) -> int:
        """How many optimiser steps a run takes on so many samples."""
        wanted = self.epochs * max(sample_count // self.batch_size, 1)
        return min(max(wanted, self.min_steps), self.max_steps)
