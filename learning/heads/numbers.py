"""Ridge regression of a number by scikit-learn, and how far its predictions may be off.

The strength of the ridge is the one that foresees left-out labels best. The spread is that of the same
ridge read as a Bayesian model (Bishop 2006, §3.3): weights with a normal prior, and noise as large as
the left-out labels were surprising. A bootstrap would call cases certain that are unlike all labels,
because every member shrinks what it has not seen to nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge, RidgeCV

from learning.heads.losses import Doubles

STRENGTHS = tuple(float(10**power) for power in np.arange(0, 5.5, 0.5))
LEAST_SHARE = 0.01  # directions that labels have narrowed by less are not kept


@dataclass(frozen=True)
class NumberFit:
    """Row 0 of weights (1 + m, d) and biases (1 + m,) is of all labels, the others of the members.

    The variance of what is expected at x is `level_variance` + `weight_variance` (|x|^2 - |narrowed x|^2).
    """

    weights: Doubles
    biases: Doubles
    noise: float  # variance of a label around what is expected
    level_variance: float
    weight_variance: float  # of each weight before any label
    narrowed: Doubles  # (r, d)


def fit_number(
    points: NDArray[np.float32],
    numbers: Doubles,
    strengths: tuple[float, ...],
    member_weights: Doubles,
    folds: NDArray[np.int64] | None = None,
) -> NumberFit:
    """A ridge for numbers (n,) at centred points (n, d), and one per row of case weights (m, n).

    Cases of one of the `folds` (n,) are left out together; None: one case at a time. With one label
    nothing is known of the noise, and it is 0.
    """
    x, count = points.astype(np.float64), len(points)
    strength, noise = (
        _chosen(x, numbers, strengths)
        if folds is None
        else _chosen_by_folds(x, numbers, strengths, folds)
    )
    fits = [Ridge(alpha=strength).fit(x, numbers)]
    fits += [Ridge(alpha=strength).fit(x, numbers, sample_weight=w) for w in member_weights]
    return NumberFit(
        np.stack([fit.coef_ for fit in fits]), np.asarray([fit.intercept_ for fit in fits]), noise,
        noise / count, noise / strength, _narrowed(x, strength),
    )  # fmt: skip


def _chosen(x: Doubles, numbers: Doubles, strengths: tuple[float, ...]) -> tuple[float, float]:
    """The strength with the least squared error of left-out labels, and the noise by these errors."""
    count = len(x)
    if count < 2:
        return strengths[0], 0.0
    tried = RidgeCV(alphas=np.array(strengths), store_cv_results=True).fit(x, numbers)
    strength = float(tried.alpha_)
    errors = np.asarray(tried.cv_results_[:, strengths.index(strength)], np.float64)
    narrowed = _narrowed(x, strength)
    leverage = (np.square(x).sum(axis=1) - np.square(x @ narrowed.T).sum(axis=1)) / strength
    # A left-out label varies by noise / (1 - leverage): what is foreseen of it is doubtful too.
    return strength, float(np.mean(errors * np.maximum(1 - 1 / count - leverage, 0)))


def _chosen_by_folds(
    x: Doubles, numbers: Doubles, strengths: tuple[float, ...], folds: NDArray[np.int64]
) -> tuple[float, float]:
    """The same where the labels of a whole fold are left out at once.

    Another case of the same patient would tell most of a left-out one, and the noise would seem small.
    """
    tried = np.asarray(strengths)
    errors, doubts = np.empty((2, len(tried), len(x)))
    for fold in range(folds.max() + 1):
        is_out = folds == fold
        centre, level = x[~is_out].mean(axis=0), numbers[~is_out].mean()
        rest, seen = x[~is_out] - centre, x[is_out] - centre
        squares, directions = np.linalg.eigh(rest.T @ rest)
        shrunk = 1 / (np.maximum(squares, 0) + tried[:, None])  # (strengths, d)
        told, seen = directions.T @ (rest.T @ (numbers[~is_out] - level)), seen @ directions
        errors[:, is_out] = np.square(numbers[is_out] - level - (shrunk * told) @ seen.T)
        doubts[:, is_out] = shrunk @ np.square(seen).T + 1 / len(rest)
    best = int(errors.mean(axis=1).argmin())
    # A left-out label varies by noise (1 + doubt), as in `_chosen`, where 1 + doubt = 1 / (1 - leverage).
    return strengths[best], float(np.mean(errors[best] / (1 + doubts[best])))


def _narrowed(x: Doubles, strength: float) -> Doubles:
    """Directions (r, d), each as long as the root of the share of prior doubt that labels took away."""
    squares, directions = np.linalg.eigh(x.T @ x)
    share = np.maximum(squares, 0) / (np.maximum(squares, 0) + strength)
    is_kept = share >= LEAST_SHARE
    return np.asarray(np.sqrt(share[is_kept])[:, None] * directions[:, is_kept].T)
