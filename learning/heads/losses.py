"""Losses of linear heads with their gradients, for many weightings of the same cases at once.

S is the number of fits (the head, its folds, its bootstrap members), K of outputs, n of cases.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
LossOf = Callable[[Doubles, Doubles, Doubles], tuple[float, Doubles, Doubles]]
"""(outputs (n, S, K), thresholds (S, C - 1), case weights (S, n)) -> loss and both gradients."""


def softmax(logits: Doubles) -> Doubles:
    """Over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def sigmoid(logits: Doubles) -> Doubles:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))


def exclusive(labels: NDArray[np.int64]) -> LossOf:
    """Cross-entropy of class numbers (n,)."""
    rows = np.arange(len(labels))

    def loss(
        outputs: Doubles, thresholds: Doubles, weights: Doubles
    ) -> tuple[float, Doubles, Doubles]:
        p = softmax(outputs)
        hit = p[rows, :, labels]
        value = -float((weights.T * np.log(np.maximum(hit, 1e-30))).sum())
        p[rows, :, labels] -= 1
        return value, p * weights.T[:, :, None], np.zeros_like(thresholds)

    return loss


def independent(labels: Doubles) -> LossOf:
    """Binary cross-entropy of labels (n, K) in 0, 1 or NaN where nobody has answered."""
    known = np.isfinite(labels)[:, None, :]
    truth = np.nan_to_num(labels)[:, None, :]

    def loss(
        outputs: Doubles, thresholds: Doubles, weights: Doubles
    ) -> tuple[float, Doubles, Doubles]:
        w = weights.T[:, :, None] * known
        value = float((w * (np.logaddexp(0, outputs) - truth * outputs)).sum())
        return value, w * (sigmoid(outputs) - truth), np.zeros_like(thresholds)

    return loss


def ordered(labels: NDArray[np.int64]) -> LossOf:
    """Proportional odds (McCullagh 1980): P(y <= c) = sigmoid(threshold_c - output)."""

    def loss(
        outputs: Doubles, thresholds: Doubles, weights: Doubles
    ) -> tuple[float, Doubles, Doubles]:
        eta = outputs[:, :, 0].T  # (S, n)
        steps = np.pad(thresholds, ((0, 0), (1, 1)), constant_values=((0, 0), (-np.inf, np.inf)))
        above, below = sigmoid(steps[:, labels + 1] - eta), sigmoid(steps[:, labels] - eta)
        share = np.maximum(above - below, 1e-12)
        value = -float((weights * np.log(share)).sum())
        slope_above, slope_below = above * (1 - above), below * (1 - below)
        to_eta = weights * (slope_above - slope_below) / share
        to_steps = np.zeros_like(steps)
        for fit in range(len(steps)):
            np.add.at(to_steps[fit], labels + 1, -weights[fit] * slope_above[fit] / share[fit])
            np.add.at(to_steps[fit], labels, weights[fit] * slope_below[fit] / share[fit])
        return value, to_eta.T[:, :, None], to_steps[:, 1:-1]

    return loss


def ordered_probabilities(outputs: Doubles, thresholds: Doubles) -> Doubles:
    """The grades' probabilities (n, C) from one output (n,) and thresholds (C - 1,)."""
    up_to = sigmoid(thresholds[None, :] - outputs[:, None])
    padded = np.pad(up_to, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    return np.maximum(np.diff(padded, axis=1), 0)
