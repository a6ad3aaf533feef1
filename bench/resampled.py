"""Figures of many rankings of the same test cases on many bootstrap samples of them, in a few products."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def patient_draws(patients: NDArray[np.str_], count: int, rng: np.random.Generator) -> Floats:
    """How often each of `count` samples of patients holds each case: (count, n)."""
    names, place = np.unique(patients, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
    return np.asarray(drawn[:, place], np.float32)


def areas(truth: NDArray[np.int64], scores: Floats, weights: Floats) -> Floats:
    """AUC of rankings (T, n) under weights (B, n): (B, T)."""
    positive, negative = truth == 1, truth == 0
    above = scores[:, positive, None] - scores[:, None, negative]
    won = ((np.sign(above) + 1) / 2).reshape(len(scores), -1).astype(np.float32)
    pairs = weights[:, positive, None] * weights[:, None, negative]
    pairs = pairs.reshape(len(weights), -1)
    return np.asarray(pairs @ won.T / pairs.sum(axis=1, keepdims=True), np.float64)


def precisions(
    truth: NDArray[np.int64], scores: Floats, weights: Floats, prevalence: float
) -> Floats:
    """Average precision as if `prevalence` of the cases were positive, by weighting them: (B, T).

    Tied scores count in the order of the cases.
    """
    positive = truth == 1
    of_positive = weights * positive
    of_negative = weights * ~positive
    of_positive = of_positive * (prevalence / of_positive.sum(axis=1, keepdims=True))
    of_negative = of_negative * ((1 - prevalence) / of_negative.sum(axis=1, keepdims=True))
    found = []
    for row in scores:
        order = np.argsort(-row, kind="stable")
        hits = np.cumsum(of_positive[:, order], axis=1)
        called = hits + np.cumsum(of_negative[:, order], axis=1)
        share = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        found.append((of_positive[:, order] * share).sum(axis=1) / prevalence)
    return np.asarray(found, np.float64).T
