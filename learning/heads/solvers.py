"""Fits of linear heads: many weightings of the same cases in one go, by L-BFGS or Newton."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from learning.heads.losses import Doubles, LossOf

MAX_STEPS = 100
TOLERANCE = 1e-4  # of the gradient per case: below, no ranking changes
MIN_STEP = 1e-3  # least distance of two thresholds of an ordinal head
NEWTON_STEPS = 25


@dataclass(frozen=True)
class Fitted:
    """Weights (S, K, d), biases (S, K), thresholds (S, C - 1) of ordinal heads else (S, 0)."""

    weights: Doubles
    biases: Doubles
    thresholds: Doubles


def minimize_loss(
    points: NDArray[np.float32], loss: LossOf, case_weights: Doubles, l2: float, start: Fitted
) -> Fitted:
    """Minimize sum of weighted losses + l2/2 |weights|^2 for all fits together, from `start`.

    One matrix product serves all fits, which is why folds and members cost next to nothing.
    """
    fits, outputs, size = start.weights.shape
    sizes = (start.weights.size, start.biases.size)
    scale = 1 / max(float(case_weights.sum()) / fits, 1)

    def unpack(vector: Doubles) -> Fitted:
        weights, biases, steps = np.split(vector, np.cumsum(sizes))
        return Fitted(
            weights.reshape(fits, outputs, size),
            biases.reshape(fits, outputs),
            _rising(steps.reshape(fits, -1)),
        )

    def objective(vector: Doubles) -> tuple[float, Doubles]:
        now = unpack(vector)
        flat = now.weights.reshape(-1, size)
        logits = (points @ flat.T.astype(np.float32)).astype(np.float64)
        logits = logits.reshape(-1, fits, outputs) + now.biases
        value, slope, steps = loss(logits, now.thresholds, case_weights)
        to_weights = slope.reshape(len(points), -1).T.astype(np.float32) @ points
        gradient = np.concatenate([
            (to_weights + l2 * flat).ravel(),
            slope.sum(axis=0).ravel(),
            _through_rising(steps, now.thresholds).ravel(),
        ])  # fmt: skip
        return scale * (value + 0.5 * l2 * float((flat * flat).sum())), scale * gradient

    begin = np.concatenate(
        [start.weights.ravel(), start.biases.ravel(), _steps(start.thresholds).ravel()]
    )
    found = minimize(
        objective, begin, jac=True, method="L-BFGS-B",
        options={"maxiter": MAX_STEPS, "gtol": TOLERANCE, "ftol": 1e-7},
    )  # fmt: skip
    return unpack(found.x)


def _rising(steps: Doubles) -> Doubles:
    """First threshold and logarithms of the steps -> rising thresholds."""
    if steps.shape[1] < 2:
        return steps
    rise = np.exp(np.clip(steps[:, 1:], -20, 20)) + MIN_STEP
    return np.concatenate([steps[:, :1], steps[:, :1] + np.cumsum(rise, axis=1)], axis=1)


def _steps(thresholds: Doubles) -> Doubles:
    if thresholds.shape[1] < 2:
        return thresholds
    rise = np.maximum(np.diff(thresholds, axis=1) - MIN_STEP, 1e-8)
    return np.concatenate([thresholds[:, :1], np.log(rise)], axis=1)


def _through_rising(slope: Doubles, thresholds: Doubles) -> Doubles:
    if slope.shape[1] < 2:
        return slope
    tail = np.cumsum(slope[:, ::-1], axis=1)[:, ::-1]  # a step lifts all thresholds above it
    rise = np.diff(thresholds, axis=1) - MIN_STEP
    return np.concatenate([tail[:, :1], tail[:, 1:] * rise], axis=1)


def cox(
    points: NDArray[np.float32], times: Doubles, events: Doubles, case_weights: Doubles,
    l2: float, start: Doubles,
) -> Fitted:  # fmt: skip
    """Cox regression, ties by Breslow, ridge-penalized, by Newton with halving; start (S, d)."""
    order = np.argsort(-times, kind="stable")  # longest first: risk sets are running sums
    x = points[order]
    last_of_tie = np.searchsorted(-times[order], -times[order], side="right") - 1
    found: list[Doubles] = []
    for w, begin in zip(case_weights, start, strict=True):
        # The members lie near the head: begin there.
        near = found[0] if found else begin
        found.append(_cox_one(x, events[order], w[order], last_of_tie, l2, near))
    return Fitted(
        np.asarray(found)[:, None, :], np.zeros((len(found), 1)), np.zeros((len(found), 0))
    )


def _cox_one(
    x: NDArray[np.float32],
    events: Doubles,
    w: Doubles,
    last_of_tie: NDArray[np.int64],
    l2: float,
    begin: Doubles,
) -> Doubles:
    beta = begin.copy()
    value = _cox_loss(x, events, w, last_of_tie, l2, beta)
    for _ in range(NEWTON_STEPS):
        slope, curve = _cox_derivatives(x, events, w, last_of_tie, l2, beta)
        if np.abs(slope).max() < TOLERANCE * max(float(w.sum()), 1):
            break
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > 1e-4:
            tried = beta - size * step
            reached = _cox_loss(x, events, w, last_of_tie, l2, tried)
            if reached <= value:
                beta, value = tried, reached
                break
            size /= 2
        else:
            break
    return beta


def _risks(
    x: NDArray[np.float32], w: Doubles, last_of_tie: NDArray[np.int64], beta: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """Linear predictor, weighted risks, and the summed risks of each one's risk set."""
    eta = np.clip(x @ beta, -50, 50)
    risk = w * np.exp(eta)
    return eta, risk, np.maximum(np.cumsum(risk)[last_of_tie], 1e-300)


def _cox_loss(
    x: NDArray[np.float32],
    events: Doubles,
    w: Doubles,
    last_of_tie: NDArray[np.int64],
    l2: float,
    beta: Doubles,
) -> float:
    eta, _, total = _risks(x, w, last_of_tie, beta)
    return float(-(w * events * (eta - np.log(total))).sum() + 0.5 * l2 * beta @ beta)


def _column_root(values: Doubles) -> NDArray[np.float32]:
    return np.sqrt(np.maximum(values, 0)).astype(np.float32)[:, None]


def _cox_derivatives(
    x: NDArray[np.float32],
    events: Doubles,
    w: Doubles,
    last_of_tie: NDArray[np.int64],
    l2: float,
    beta: Doubles,
) -> tuple[Doubles, Doubles]:
    _, risk, total = _risks(x, w, last_of_tie, beta)
    mean = np.cumsum(risk[:, None] * x, axis=0)[last_of_tie] / total[:, None]
    mean = mean.astype(np.float32)
    died = w * events
    slope = -(died @ (x - mean)) + l2 * beta
    # Each case counts with its risk in all risk sets it belongs to: two products, no loop.
    first_of_tie = np.searchsorted(last_of_tie, last_of_tie, side="left")
    exposure = np.cumsum((died / total)[::-1])[::-1][first_of_tie] * risk
    curve = ((x * _column_root(exposure)).T @ (x * _column_root(exposure))).astype(np.float64)
    curve -= (mean * _column_root(died)).T @ (mean * _column_root(died))
    curve[np.diag_indices_from(curve)] += l2
    return slope, curve
