"""One sentence for the reader: why this case comes now (reference C7)."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from learning.acquisition.pool import Floats, Labeled, Pool
from learning.acquisition.uncertainty import finding_of, probabilities_of

SENTENCES = {
    "held_out": "Keeps the accuracy honest",
    "random": "Drawn at random",
    "undecided": "The model cannot decide between {first} {first_p:.2f} and {second} {second_p:.2f}",
    "unclear_label": "The model cannot decide whether there is {label} ({p:.2f})",
    "unsure_together": "The {members} models agree on the answer but not on how sure it is",
    "votes": "Of {members} models {first_votes} say {first} and {second_votes} say {second}",
    "finding": "Could be a rare {label} ({p:.2f}; {labeled} labeled so far)",
    "typical": "Typical of {similar} similar cases without a label",
    "unlike": "Unlike anything labeled (nearest labeled case at distance {distance:.2f})",
    "unlike_many": "Unlike anything labeled (nearest labeled case at distance {distance:.2f}; "
    "{similar} similar unlabeled cases)",
    "outline": "The outline of {label} is unclear here",
    "outlines": "The outlines are unclear here",
    "nothing_found": "The model finds nothing here and needs to know whether that is right",
    "boxes": "The model is unsure about its boxes ({objects} possible objects)",
    "spread": "The model's estimate is uncertain (± {spread:.2f})",
    "range": "The model is unsure: {low:.{decimals}f} to {high:.{decimals}f} {unit}",
}


class Reason(str):
    """The sentence in English; `words` say the same in no language: {"code": ..., and its values}."""

    words: dict[str, Any]

    def __new__(cls, code: str, **values: Any) -> "Reason":
        made = super().__new__(cls, SENTENCES[code].format(**values).rstrip())
        made.words = {"code": code, **values}
        return made


HELD_OUT = Reason("held_out")  # of validation and test cases


def words_of(reason: str, question: str = "") -> dict[str, Any]:
    """What another language needs to say it; nothing where it is only a sentence.

    With the question, so that screens name its answers as readers know them, not by their keys.
    """
    if not isinstance(reason, Reason):
        return {}
    return {**reason.words, "question": question} if question else reason.words


def undecided(probabilities: Floats, told: Floats, classes: Sequence[str]) -> Reason:
    """The model cannot decide between the likeliest two exclusive answers; both arrays (C,)."""
    likeliest = np.argsort(-probabilities, kind="stable")[:2]
    first, second = likeliest[np.argsort(-told[likeliest], kind="stable")]
    return Reason(
        "undecided", first=classes[first], first_p=_short(told[first]),
        second=classes[second], second_p=_short(told[second]),
    )  # fmt: skip


def unclear_label(probabilities: Floats, classes: Sequence[str]) -> Reason:
    """Of independent labels, the one nearest to one half."""
    unclear = int(np.abs(probabilities - 0.5).argmin())
    return Reason("unclear_label", label=classes[unclear], p=_short(probabilities[unclear]))


def disagreement(members: Floats, classes: Sequence[str]) -> Reason:
    """How many members vote for which answer; members (m, C)."""
    votes = np.bincount(members.argmax(axis=1), minlength=members.shape[1])
    first, second = np.argsort(-votes, kind="stable")[:2]
    if not votes[second]:
        return Reason("unsure_together", members=len(members))
    return Reason(
        "votes", members=len(members), first=classes[first], first_votes=int(votes[first]),
        second=classes[second], second_votes=int(votes[second]),
    )  # fmt: skip


def possible_finding(probability: float, name: str, labeled: int) -> Reason:
    """A probable case of a rare finding."""
    return Reason("finding", p=_short(probability), label=name, labeled=labeled)


def unlike(components: Mapping[str, float]) -> Reason:
    """Far from all labels, or typical of many cases without one."""
    similar = int(components.get("similar_cases", 0))
    if "distance" not in components:
        return Reason("typical", similar=similar)
    distance = _short(components["distance"])
    if similar:
        return Reason("unlike_many", distance=distance, similar=similar)
    return Reason("unlike", distance=distance)


def unclear_mask(arm: str) -> Reason:
    """The part of a segmentation that is uncertain."""
    if arm.startswith("class "):
        return Reason("outline", label=arm.removeprefix("class "))
    return Reason("outlines")


def unclear_boxes(components: Mapping[str, float]) -> Reason:
    """An image with uncertain boxes."""
    objects = int(components.get("objects", 0))
    return Reason("boxes", objects=objects) if objects else Reason("nothing_found")


def wide_spread(variance: float) -> Reason:
    """A predicted number with a wide spread."""
    return Reason("spread", spread=_short(np.sqrt(max(variance, 0))))


def likely_range(low: float, high: float, unit: str) -> Reason:
    """Where a predicted number lies, with two digits of the half that it may be off."""
    half = (high - low) / 2
    decimals = max(1 - math.floor(math.log10(half)), 0) if half > 0 else 0
    low, high = (round(end, decimals) + 0.0 for end in (low, high))  # never "-0"
    return Reason("range", low=low, high=high, decimals=decimals, unit=unit)


def why(
    pool: Pool, labeled: Labeled, row: int, arm: str, components: Mapping[str, float]
) -> Reason:
    """The sentence that fits the arm that chose a row."""
    if arm == "variance" and "low" in pool.components:
        low, high = (float(pool.components[name][row]) for name in ("low", "high"))
        return likely_range(low, high, pool.unit)
    if arm in _FROM_COMPONENTS:
        return _FROM_COMPONENTS[arm](components)
    if arm.startswith("class ") or arm == "mask":
        return unclear_mask(arm)
    return _of_answers(pool, labeled, row, arm)


def _of_answers(pool: Pool, labeled: Labeled, row: int, arm: str) -> Reason:
    names = class_names(pool)
    if arm == "positive":
        finding = finding_of(pool, labeled)
        found = int(labeled.counts(len(names))[finding])
        return possible_finding(float(_told(pool)[row, finding]), names[finding], found)
    if pool.answers == "many":
        return unclear_label(probabilities_of(pool)[row], names)
    if arm == "bald" and pool.members is not None:
        return disagreement(pool.members[:, row], names)
    return undecided(probabilities_of(pool)[row], _told(pool)[row], names)


def _told(pool: Pool) -> Floats:
    return probabilities_of(pool) if pool.told is None else pool.told


def class_names(pool: Pool) -> Sequence[str]:
    """The pool's class names, or numbers where it has none."""
    source = pool.probabilities if pool.probabilities is not None else pool.members
    count = 0 if source is None else source.shape[-1]
    return pool.classes or tuple(f"class {number}" for number in range(count))


def _short(value: float) -> float:
    """As it is said; finite, for JSON knows no other."""
    return round(float(value), 2)


def _at_random(_components: Mapping[str, float]) -> Reason:
    return Reason("random")


_FROM_COMPONENTS: dict[str, Callable[[Mapping[str, float]], Reason]] = {
    "random": _at_random,
    "uniform": _at_random,
    "foreground": _at_random,
    "typical": unlike,
    "far": unlike,
    "boxes": unclear_boxes,
    "variance": lambda components: wide_spread(components["variance"]),
}
