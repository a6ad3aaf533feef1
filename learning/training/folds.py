"""Folds of a cross-validation by patient, and what they say together."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from learning.training.metrics.intervals import Estimate

LIMITS = {
    "mean_absolute_error": (0.0, math.inf), "root_mean_square_error": (0.0, math.inf),
    "mean_hd95_mm": (0.0, math.inf),
    "r2": (-math.inf, 1.0), "spearman": (-1.0, 1.0), "quadratic_kappa": (-1.0, 1.0),
}  # fmt: skip


def patient_folds(
    patients: Sequence[str], strata: Sequence[int], folds: int, seed: int
) -> NDArray[np.int64]:
    """(n,) fold of each sample: a patient lies in one, and every stratum is spread over all.

    Patients who must stay together go by one name. A patient belongs to the rarest stratum of its samples.
    The order of the samples changes nothing.
    Raises ValueError for fewer patients than folds.
    """
    sizes = dict(zip(*np.unique(np.asarray(strata, np.int64), return_counts=True), strict=True))
    stratum_of: dict[str, int] = {}
    for patient, stratum in zip(patients, strata, strict=True):
        known = stratum_of.setdefault(patient, stratum)
        stratum_of[patient] = min(known, stratum, key=lambda s: (sizes[s], s))
    if len(stratum_of) < folds:
        raise ValueError(f"{folds} folds need as many patients; there are {len(stratum_of)}")
    names = sorted(stratum_of)
    chance = dict(zip(names, np.random.default_rng(seed).random(len(names)), strict=True))
    dealt = sorted(names, key=lambda name: (stratum_of[name], chance[name]))
    fold_of = {name: place % folds for place, name in enumerate(dealt)}
    return np.asarray([fold_of[patient] for patient in patients], np.int64)


def strata_of(kind: str, truth: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) what is to be spread over the folds, of answers as the task of this kind encodes them.

    The answer; of findings the rarest that a case shows; the fifth in which a number lies; the event.
    """
    if kind == "many":
        is_shown = truth == 1
        frequency = np.where(is_shown, is_shown.sum(axis=0), np.inf)
        return np.where(is_shown.any(axis=1), 1 + frequency.argmin(axis=1), 0).astype(np.int64)
    if kind == "number":
        fifths = np.quantile(truth, (0.2, 0.4, 0.6, 0.8))
        return np.searchsorted(fifths, truth).astype(np.int64)
    answers = truth[:, 1] if kind == "time_to_event" else truth
    return np.asarray(answers, np.int64)


def limits_of(figure: str) -> tuple[float, float]:
    """What a figure cannot be below and above."""
    return LIMITS.get(figure, (0.0, 1.0))


def over_folds(
    values: Sequence[float | None], test_share: float, limits: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """The mean of a figure over folds with a 95 % interval; None where a fold has no such figure.

    Folds share training data, so their spread alone is too small: it is corrected by the ratio of
    measured to training samples (Nadeau & Bengio 2003, eq. 9).
    """
    known = np.asarray([v for v in values if v is not None], float)
    if len(known) == 0:
        return Estimate(None, None, None)
    mean = float(known.mean())
    if len(known) < 2:
        return Estimate(mean, None, None)
    error = math.sqrt((1 / len(known) + test_share) * float(known.var(ddof=1)))
    reach = float(stats.t.ppf(0.975, len(known) - 1)) * error
    return Estimate(mean, max(mean - reach, limits[0]), min(mean + reach, limits[1]))
