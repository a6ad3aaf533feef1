"""One sentence for the reader: why this case comes now (reference C7)."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from learning.acquisition.pool import Floats, Labeled, Pool
from learning.acquisition.uncertainty import probabilities_of

AUDIT = "Random audit: keeps our accuracy honest"
HELD_OUT = "Keeps the accuracy honest"  # of validation and test cases


def undecided(probabilities: Floats, classes: Sequence[str]) -> str:
    """The model cannot decide between two exclusive answers; probabilities (C,)."""
    first, second = np.argsort(-probabilities, kind="stable")[:2]
    return (
        f"The model cannot decide between {classes[first]} {probabilities[first]:.2f}"
        f" and {classes[second]} {probabilities[second]:.2f}"
    )


def unclear_label(probabilities: Floats, classes: Sequence[str]) -> str:
    """Of independent labels, the one nearest to one half."""
    unclear = int(np.abs(probabilities - 0.5).argmin())
    return (
        f"The model cannot decide whether there is {classes[unclear]}"
        f" ({probabilities[unclear]:.2f})"
    )


def disagreement(members: Floats, classes: Sequence[str]) -> str:
    """How many members vote for which answer; members (m, C)."""
    votes = np.bincount(members.argmax(axis=1), minlength=members.shape[1])
    said = [f"{votes[c]} say {classes[c]}" for c in np.argsort(-votes, kind="stable") if votes[c]]
    if len(said) == 1:
        return f"The {len(members)} models agree on the answer but not on how sure it is"
    return f"Of {len(members)} models {' and '.join(said[:2])}"


def possible_finding(probability: float, name: str, labeled: int) -> str:
    """A probable case of a rare finding."""
    return f"Could be a rare {name} ({probability:.2f}; {labeled} labeled so far)"


def unlike(components: Mapping[str, float]) -> str:
    """Far from all labels, or typical of many cases without one."""
    similar = int(components.get("similar_cases", 0))
    if "distance" not in components:
        return f"Typical of {similar} similar cases without a label"
    distance = f"nearest labeled case at distance {components['distance']:.2f}"
    if similar:
        return f"Unlike anything labeled ({distance}; {similar} similar unlabeled cases)"
    return f"Unlike anything labeled ({distance})"


def unclear_mask(arm: str) -> str:
    """The part of a segmentation that is uncertain."""
    if arm.startswith("class "):
        return f"The outline of {arm.removeprefix('class ')} is unclear here"
    return "The outlines are unclear here"


def unclear_boxes(components: Mapping[str, float]) -> str:
    """An image with uncertain boxes."""
    if components.get("objects", 0) == 0:
        return "The model finds nothing here and needs to know whether that is right"
    return f"The model is unsure about its boxes ({int(components['objects'])} possible objects)"


def wide_spread(variance: float) -> str:
    """A predicted number with a wide spread."""
    return f"The model's estimate is uncertain (± {np.sqrt(max(variance, 0)):.2f})"


def likely_range(low: float, high: float, unit: str) -> str:
    """Where a predicted number lies, with two digits of the half that it may be off."""
    half = (high - low) / 2
    decimals = max(1 - math.floor(math.log10(half)), 0) if half > 0 else 0
    ends = [f"{round(end, decimals) + 0.0:.{decimals}f}" for end in (low, high)]  # never "-0"
    return f"The model is unsure: {' to '.join(ends)} {unit}".rstrip()


def why(pool: Pool, labeled: Labeled, row: int, arm: str, components: Mapping[str, float]) -> str:
    """The sentence that fits the arm that chose a row."""
    if arm == "variance" and "low" in pool.components:
        low, high = (float(pool.components[name][row]) for name in ("low", "high"))
        return likely_range(low, high, pool.unit)
    if arm in _FROM_COMPONENTS:
        return _FROM_COMPONENTS[arm](components)
    if arm.startswith("class ") or arm == "mask":
        return unclear_mask(arm)
    return _of_answers(pool, labeled, row, arm, components)


def _of_answers(
    pool: Pool, labeled: Labeled, row: int, arm: str, components: Mapping[str, float]
) -> str:
    names = class_names(pool)
    if arm == "positive":
        found = int(labeled.counts(len(names))[-1])
        return possible_finding(components["positive"], names[-1], found)
    if pool.answers == "many":
        return unclear_label(probabilities_of(pool)[row], names)
    if arm == "bald" and pool.members is not None:
        return disagreement(pool.members[:, row], names)
    return undecided(probabilities_of(pool)[row], names)


def class_names(pool: Pool) -> Sequence[str]:
    """The pool's class names, or numbers where it has none."""
    source = pool.probabilities if pool.probabilities is not None else pool.members
    count = 0 if source is None else source.shape[-1]
    return pool.classes or tuple(f"class {number}" for number in range(count))


def _at_random(_components: Mapping[str, float]) -> str:
    return "Drawn at random"


_FROM_COMPONENTS: dict[str, Callable[[Mapping[str, float]], str]] = {
    "random": _at_random,
    "uniform": _at_random,
    "typical": unlike,
    "far": unlike,
    "boxes": unclear_boxes,
    "variance": lambda components: wide_spread(components["variance"]),
}
