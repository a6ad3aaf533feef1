"""Which options of a recipe act for which kind of target: forms offer these, and others are refused."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from learning.training.config import CHOICES, LIMITS, TrainConfig

_ALL = frozenset(asdict(TrainConfig()))
_PATCHES = {"foreground_share", "window_overlap"}
_IMBALANCE = {"class_weights", "oversample", "focal_gamma", "label_smoothing"}
_UNLABELED = {name for name in _ALL if name.startswith("unlabeled")}
_NUMBERS = _ALL - _PATCHES - _IMBALANCE - _UNLABELED
KNOBS_OF_KIND: dict[str, frozenset[str]] = {
    "one": _ALL - _PATCHES,
    "many": _ALL - _PATCHES - {"label_smoothing"},
    "ordinal": _NUMBERS | _UNLABELED | {"class_weights", "oversample"},
    "number": _NUMBERS,
    "time_to_event": _NUMBERS,
    # The size is that of the input.
    "segmentation": _ALL - _IMBALANCE - _UNLABELED - {"side"} | {"class_weights", "focal_gamma"},
    # The detector is one network with a loss of its own.
    "boxes": frozenset({
        "side", "batch_size", "epochs", "min_steps", "max_steps", "learning_rate", "weight_decay",
        "evaluations", "foreground_share", "window_overlap", "modality", "flip", "scale", "shift",
        "contrast",
    }),
}  # fmt: skip


@dataclass(frozen=True)
class Knob:
    """One training option as a form shows it, and the kinds of target for which it acts."""

    name: str
    type: str  # number, whole, flag or choice
    usual: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    kinds: tuple[str, ...]


def knobs() -> list[Knob]:
    """All options with their usual values and limits."""
    types = {bool: "flag", int: "whole", float: "number", str: "choice"}
    found = []
    for name, usual in asdict(TrainConfig()).items():
        low, high = LIMITS.get(name, (None, None))
        kinds = tuple(kind for kind, known in KNOBS_OF_KIND.items() if name in known)
        choices = CHOICES.get(name, ())
        found.append(Knob(name, types[type(usual)], usual, low, high, choices, kinds))
    return found


def without_effect(kind: str, names: Iterable[str]) -> list[str]:
    """Those of the options that do nothing for this kind of target."""
    return sorted(set(names) - KNOBS_OF_KIND[kind])
