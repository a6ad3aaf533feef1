"""Intervals of figures that are perfect on every patient who was tested."""

import numpy as np
import pytest

from learning.training.metrics.figures import Examined, figures

RNG = np.random.default_rng(0)
TRUTH = np.array([0] * 24 + [1] * 6)
PATIENTS = [str(number) for number in range(len(TRUTH))]


def exact(count):
    """Clopper and Pearson, all of so many right."""
    return pytest.approx(0.025 ** (1 / count))


def test_all_of_few_who_are_answered_rightly_have_an_interval():
    said = np.stack([1 - TRUTH, TRUTH], axis=1).astype(float)
    found = figures(Examined("one", TRUTH, said, PATIENTS, ("no", "yes"), (0.5,)), RNG)
    assert found["specificity"] == {"value": 1.0, "low": exact(24), "high": 1.0}
    assert found["sensitivity"]["low"] == exact(6)
    assert found["auc"]["low"] == exact(6)  # it rests on the rarer answer
    assert found["accuracy"]["low"] == exact(30)
    assert found["brier"] == {"value": 0.0, "low": 0.0, "high": 0.0}  # an error, no share


def test_none_of_few_is_no_proof_of_none_either():
    said = np.stack([TRUTH, 1 - TRUTH], axis=1).astype(float)
    found = figures(Examined("one", TRUTH, said, PATIENTS, ("no", "yes"), (0.5,)), RNG)
    assert found["sensitivity"] == {
        "value": 0.0,
        "low": 0.0,
        "high": pytest.approx(1 - 0.025 ** (1 / 6)),
    }


def test_each_finding_has_its_own_patients():
    truth = np.stack([TRUTH, np.where(np.arange(30) >= 27, np.nan, TRUTH)], axis=1).astype(float)
    said = np.stack([TRUTH, TRUTH], axis=1).astype(float)
    found = figures(Examined("many", truth, said, PATIENTS, ("a", "b"), (0.5, 0.5)), RNG)
    first, second = found["labels"]
    assert (first["auc"]["low"], second["auc"]["low"]) == (exact(6), exact(3))


def test_patients_count_and_not_their_images():
    said = np.stack([1 - TRUTH, TRUTH], axis=1).astype(float)
    pairs = [str(number // 2) for number in range(len(TRUTH))]
    found = figures(Examined("one", TRUTH, said, pairs, ("no", "yes"), (0.5,)), RNG)
    assert found["specificity"]["low"] == exact(12)
