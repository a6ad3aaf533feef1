"""Folds of a cross-validation by patient, and what they say together."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from learning.training.metrics.intervals import Estimate


def patient_folds(
    patients: Sequence[str], strata: Sequence[int], folds: int, seed: int
) -> NDArray[np.int64]:
    """(n,) fold of each sample: a patient lies in one, and every stratum is spread over all.

    A patient belongs to the rarest stratum of its samples. The order of the samples changes nothing.
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


def over_folds(values: Sequence[float | None], test_share: float) -> Estimate:
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
    return Estimate(mean, max(mean - reach, 0.0), min(mean + reach, 1.0))
