"""What the outcomes of a target say: how wrong the predictions were, and how surprising the labels."""

import math
from collections.abc import Sequence

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from learning.estimates.balanced import Doubles, MeanOf, balanced
from learning.estimates.lure import Estimate, as_rate
from learning.models import HeadVersion, Outcome, Target

MIN_PROBABILITY = 1e-6
MIN_DEVIATION = 1e-9  # of a number, in its unit


def foretold(target: Target) -> QuerySet[Outcome]:
    """The outcomes that figures count: foreseen by a head, of cases that have a label as it was last read."""
    return Outcome.objects.filter(target=target, said__isnull=False).exclude(labels=[])


def prediction_of(outcome: Outcome) -> tuple[HeadVersion, list[float]]:
    """Of an outcome that has one."""
    assert outcome.head is not None and outcome.said is not None  # noqa: S101
    return outcome.head, outcome.said


def error_of(outcomes: Sequence[Outcome], mean: MeanOf) -> Estimate | None:
    """The share of wrong answers; of independent labels the balanced error, of numbers the absolute."""
    if any(outcome.labels is not None for outcome in outcomes):
        return balanced(mean, *_by_label(outcomes))
    found = mean(np.asarray([_loss_of(outcome) for outcome in outcomes], float))
    is_rate = all(outcome.number is None for outcome in outcomes)
    return as_rate(found) if found and is_rate else found


def surprise_of(outcome: Outcome) -> tuple[float, float]:
    """The log-loss of what was said, and what the head itself expected: its entropy.

    Of independent labels the mean over those that were looked for. Of a number the squared error in
    squares of the deviation, of which 1 is expected: the log-loss without what the unit adds to both.
    """
    head, said = prediction_of(outcome)
    if outcome.number is not None:
        expected, deviation = said
        return ((outcome.number - expected) / max(deviation, MIN_DEVIATION)) ** 2, 1.0
    if outcome.labels is None:
        p = np.maximum(np.asarray(said, float), MIN_PROBABILITY)
        return -math.log(p[head.classes.index(outcome.answer)]), float(-(p * np.log(p)).sum())
    pairs = [(s, y) for s, y in zip(said, outcome.labels, strict=True) if y is not None]
    p, truth = np.asarray(pairs, float).T
    p = np.clip(p, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return _cross_entropy(truth, p), _cross_entropy(p, p)


def _cross_entropy(truth: Doubles, said: Doubles) -> float:
    return float(-(truth * np.log(said) + (1 - truth) * np.log1p(-said)).mean())


def _loss_of(outcome: Outcome) -> float:
    head, said = prediction_of(outcome)
    if outcome.number is not None:
        return abs(outcome.number - said[0])
    return head.classes[int(np.argmax(said))] != outcome.answer


def _by_label(outcomes: Sequence[Outcome]) -> tuple[Doubles, NDArray[np.bool_]]:
    """Truth and errors (n, L) by the labels' names: a later schema may have more of them."""
    heads = [prediction_of(outcome)[0] for outcome in outcomes]
    names = list(dict.fromkeys(name for head in heads for name in head.classes))
    truth = np.full((len(outcomes), len(names)), np.nan)
    is_wrong = np.zeros(truth.shape, bool)
    for row, outcome in enumerate(outcomes):
        head, said = prediction_of(outcome)
        columns = [names.index(name) for name in head.classes]
        truth[row, columns] = np.asarray(outcome.labels, float)  # None becomes NaN
        is_wrong[row, columns] = (np.asarray(said) >= 0.5) != (truth[row, columns] == 1)
    return truth, is_wrong
