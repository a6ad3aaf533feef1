"""R95 against curves whose crossing is known by hand."""

import numpy as np
import pytest

from learning.heads.saving import Arm, Full, labels_to_reach, saving

LABELS = np.array([10, 20, 40, 80, 160])
RNG = np.random.default_rng


def arm(*values, replays=3):
    return Arm(LABELS, np.tile(np.array(values, float), (replays, 1)))


def test_the_logarithm_of_the_labels_is_interpolated():
    curve = np.array([0.5, 0.7, 0.9, 0.9, 0.9])
    assert labels_to_reach(LABELS, curve, 0.8) == pytest.approx(np.sqrt(20 * 40))


def test_one_lucky_refit_does_not_count():
    curve = np.array([0.5, 0.9, 0.5, 0.8, 0.9])  # the isotonic fit is 0.5, 0.7, 0.7, 0.8, 0.9
    assert labels_to_reach(LABELS, curve, 0.8) == pytest.approx(80)


def test_what_the_first_labels_reach_and_what_none_reach():
    assert labels_to_reach(LABELS, np.full(5, 0.9), 0.8) == 10
    assert labels_to_reach(LABELS, np.full(5, 0.7), 0.8) == float("inf")


def test_half_the_labels_are_a_ratio_of_one_half():
    ours, control = arm(0.5, 0.95, 1, 1, 1), arm(0.5, 0.5, 0.95, 1, 1)
    found = saving(ours, control, Full(np.ones(3)), RNG(0), resamples=20)
    assert (found.labels, found.control_labels) == pytest.approx((20, 40))
    assert found.low == found.high == pytest.approx(0.5) == found.ratio


def test_a_control_that_never_gets_there_counts_with_its_budget():
    found = saving(arm(0.5, 0.95, 1, 1, 1), arm(0, 0, 0, 0, 0), Full(np.ones(3)), RNG(0))
    assert found.ratio == pytest.approx(20 / 160)


def test_the_interval_holds_the_noise_of_replays_and_of_test_cases():
    fast, slow = [0.5, 0.95, 1, 1, 1], [0.5, 0.5, 0.5, 0.95, 1]
    control, full = arm(*slow, replays=4), Full(np.ones(4), np.ones((2, 4)))
    mixed = Arm(LABELS, np.array([fast, fast, fast, slow], float))
    among_replays = saving(mixed, control, full, RNG(0), resamples=200)
    assert among_replays.low < among_replays.ratio < among_replays.high
    ours = np.tile(np.array(fast, float), (4, 1))
    redrawn = np.stack([ours, np.tile(np.array(slow, float), (4, 1))])
    theirs = Arm(LABELS, control.values, np.stack([control.values] * 2))
    among_cases = saving(Arm(LABELS, ours, redrawn), theirs, full, RNG(0), resamples=200)
    assert (among_cases.low, among_cases.high) == pytest.approx((0.25, 1.0))
