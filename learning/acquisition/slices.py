"""Which slices of one volume to draw: few, apart from each other, by chance or by what is unclear.

Few slices of many volumes teach more than many of few (Zhang 2025), and neighbours show the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.acquisition.methods import CLASS_SHARE, FOREGROUND_SHARE
from learning.acquisition.pool import Floats, InvalidPool
from learning.acquisition.sampling import draw, powered
from learning.acquisition.uncertainty import entropy_of

CROWDED = (
    4  # two slices lie at least the series' length / (CROWDED * count) apart, while there is room
)

Wishes = Mapping[str, tuple[float, NDArray[np.float64]]]


@dataclass(frozen=True)
class SlicePick:
    """One slice: its number, the arm that drew it, and its chance given the picks before it."""

    slice: int
    arm: str
    propensity: float


def slice_scores(
    probabilities: Floats, names: tuple[str, ...], background: int = 0
) -> dict[str, NDArray[np.float64]]:
    """What is unclear on each slice of (C, z, y, x) probabilities, by the name of the score: (z,) each.

    `class:NAME` is the mean over the slice of H(p) p_c, `entropy` that of H(p), as of ClaSP's
    patches; `foreground` is 1 where any pixel is likelier a structure than background.
    """
    if probabilities.ndim != 4 or len(probabilities) != len(names):
        raise InvalidPool(f"probabilities {probabilities.shape} do not fit the classes {names}")
    if not np.isfinite(probabilities).all():
        raise InvalidPool("mask probabilities must be finite")
    found: dict[str, list[float]] = {name: [] for name in _score_names(names, background)}
    for at in range(probabilities.shape[1]):  # one by one: a whole body fills memory
        flat = probabilities[:, at].reshape(len(names), -1).astype(np.float64)
        unclear = entropy_of(flat.T)
        for c, name in enumerate(names):
            if c != background:
                found[f"class:{name}"].append(float((unclear * flat[c]).mean()))
        found["entropy"].append(float(unclear.mean()))
        found["foreground"].append(float((flat.argmax(axis=0) != background).any()))
    return {name: np.asarray(values) for name, values in found.items()}


def choose_slices(
    strategy: str, scores: Mapping[str, NDArray[np.float64]], count: int, rng: np.random.Generator
) -> list[SlicePick]:
    """Up to `count` different slices by a target's strategy, in slice order.

    `class_entropy` divides them over the classes by their unclearness (ClaSP PE); of
    `foreground_random` two thirds show a structure where the model sees any; every other strategy
    of masks draws with equal chances.
    """
    total = len(next(iter(scores.values())))
    wishes = _wishes(strategy, scores, total)
    apart = max(total // (CROWDED * max(count, 1)), 1)
    free, taken = np.ones(total, bool), np.zeros(total, bool)
    picks: list[SlicePick] = []
    while len(picks) < min(count, total):
        if not free.any():
            free = ~taken  # no room any more to stay apart
        rows = np.flatnonzero(free)
        part = {name: (share, wish[rows]) for name, (share, wish) in wishes.items()}
        drawn = draw(part, 1, rng)
        at = int(rows[drawn.rows[0]])
        picks.append(SlicePick(at, drawn.arms[0], float(drawn.propensities[0])))
        taken[at] = True
        free[max(at - apart + 1, 0) : at + apart] = False
    return sorted(picks, key=lambda pick: pick.slice)


def spread_slices(total: int, count: int, rng: np.random.Generator) -> list[SlicePick]:
    """Before any model: `count` slices at equal distances, from a random place on."""
    count = min(count, total)
    first = rng.random()
    places = [int((number + first) * total / count) for number in range(count)]
    return [SlicePick(at, "spread", count / total) for at in places]


def _wishes(strategy: str, scores: Mapping[str, NDArray[np.float64]], total: int) -> Wishes:
    anywhere = np.ones(total)
    if strategy == "class_entropy":
        classes = [name for name in scores if name.startswith("class:")]
        by_class = {name: (CLASS_SHARE / len(classes), powered(scores[name])) for name in classes}
        return {**by_class, "entropy": (1 - CLASS_SHARE, powered(scores["entropy"]))}
    if strategy == "foreground_random":
        return {
            "foreground": (FOREGROUND_SHARE, np.asarray(scores["foreground"], np.float64)),
            "anywhere": (1 - FOREGROUND_SHARE, anywhere),
        }
    return {"anywhere": (1.0, anywhere)}


def _score_names(names: tuple[str, ...], background: int) -> list[str]:
    classes = [f"class:{name}" for c, name in enumerate(names) if c != background]
    return [*classes, "entropy", "foreground"]
