"""Folds keep patients whole, and their mean says how sure it is."""

import numpy as np
import pytest

from learning.training.folds import limits_of, over_folds, patient_folds, strata_of


def test_every_patient_lies_in_one_fold_and_rare_answers_in_all():
    patients = [f"p{number // 2}" for number in range(60)]  # two studies each
    strata = [int(number // 2 % 5 == 0) for number in range(60)]  # six patients with the finding
    folds = patient_folds(patients, strata, 3, seed=4)
    assert all(
        len({f for f, p in zip(folds, patients, strict=True) if p == q}) == 1 for q in patients
    )
    assert np.bincount(folds).tolist() == [20, 20, 20]
    assert np.bincount(folds[np.asarray(strata) == 1]).tolist() == [4, 4, 4]
    assert patient_folds(patients, strata, 3, seed=5).tolist() != folds.tolist()


def test_a_patient_belongs_to_its_rarest_answer_and_order_changes_nothing():
    patients, strata = ["a", "a", "b", "c", "d", "e"], [0, 1, 0, 1, 0, 0]
    folds = patient_folds(patients, strata, 2, seed=0)
    assert folds[0] == folds[1] != folds[3]  # a and c have the finding, so they are apart
    rows = np.asarray([5, 2, 0, 4, 1, 3])
    again = patient_folds([patients[r] for r in rows], [strata[r] for r in rows], 2, seed=0)
    assert again.tolist() == folds[rows].tolist()


def test_what_is_spread_over_the_folds_by_kind():
    findings = np.asarray([[1, 1], [1, 0], [0, np.nan], [1, 0]])  # the second is the rarer one
    assert strata_of("many", findings).tolist() == [2, 1, 0, 1]
    assert strata_of("number", np.arange(10.0)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert strata_of("time_to_event", np.asarray([[3.0, 1], [9.0, 0]])).tolist() == [1, 0]
    assert strata_of("ordinal", np.asarray([2, 0])).tolist() == [2, 0]


def test_an_error_may_be_above_one_and_a_correlation_below_zero():
    assert over_folds([4.0, 6.0], 0.5, limits_of("mean_absolute_error")).high > 6
    assert over_folds([4.0, 6.0], 0.5, limits_of("mean_absolute_error")).low == 0
    assert over_folds([-0.5, -0.3], 0.5, limits_of("spearman")).value == pytest.approx(-0.4)
    assert over_folds([-0.5, -0.3], 0.5, limits_of("spearman")).low == -1


def test_more_folds_than_patients_are_refused():
    with pytest.raises(ValueError, match="3 folds need as many patients; there are 2"):
        patient_folds(["a", "b", "a"], [0, 1, 0], 3, seed=0)


def test_the_interval_over_folds_by_hand():
    """Mean 0.8, variance 0.01, so sqrt((1/3 + 1/2) * 0.01) = 0.09129; t(2) is 4.3027."""
    found = over_folds([0.7, 0.8, 0.9], 0.5)
    assert found.value == pytest.approx(0.8)
    assert found.low == pytest.approx(0.8 - 4.30265 * 0.0912871, abs=1e-5)
    assert found.high == 1.0
    assert over_folds([0.7, None, None], 0.5).low is None
    assert over_folds([None], 0.5).value is None
