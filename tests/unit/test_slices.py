"""Which slices of a volume are worth drawing."""

from collections import Counter

import numpy as np
import pytest

from learning.acquisition.pool import InvalidPool
from learning.acquisition.slices import choose_slices, slice_scores, spread_slices

NAMES = ("background", "liver", "spleen")
DEPTH = 24


@pytest.fixture
def probabilities():
    """Sure everywhere but for slice 5, where liver is unclear, and slice 17, where spleen is."""
    found = np.zeros((3, DEPTH, 8, 8), np.float32)
    found[0] = 1
    found[:, 8:12, 2:5, 2:5] = np.array([0, 1, 0])[:, None, None, None]  # liver, plainly
    found[:, 5, :4] = np.array([0.4, 0.6, 0])[:, None, None]
    found[:, 17, :2] = np.array([0.4, 0, 0.6])[:, None, None]
    return found


def chosen(strategy, scores, count=2, seed=0):
    return choose_slices(strategy, scores, count, np.random.default_rng(seed))


def slices_of(picks):
    return [pick.slice for pick in picks]


def test_scores_are_the_means_of_a_slice(probabilities):
    scores = slice_scores(probabilities, NAMES)
    entropy = -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))
    assert scores["entropy"][5] == pytest.approx(entropy / 2)
    assert scores["class:liver"][5] == pytest.approx(0.6 * entropy / 2)
    assert scores["class:spleen"][17] == pytest.approx(0.6 * entropy / 4)
    assert scores["entropy"][9] == pytest.approx(0, abs=1e-9)
    assert np.flatnonzero(scores["foreground"]).tolist() == [5, 8, 9, 10, 11, 17]


def test_what_is_unclear_is_chosen_for_every_class(probabilities):
    scores = slice_scores(probabilities, NAMES)
    picks = [pick for seed in range(60) for pick in chosen("class_entropy", scores, 2, seed)]
    by_arm = Counter((pick.arm, pick.slice) for pick in picks)
    assert by_arm["class:liver", 5] > 15
    assert by_arm["class:spleen", 17] > 15
    assert {at for (arm, at) in by_arm if arm == "class:liver" and by_arm[arm, at] > 3} == {5}


def test_foreground_is_seen_in_two_thirds_and_elsewhere_too(probabilities):
    scores = slice_scores(probabilities, NAMES)
    seen = [
        scores["foreground"][pick.slice] > 0
        for seed in range(300)
        for pick in chosen("foreground_random", scores, 1, seed)
    ]
    blind = [
        scores["foreground"][pick.slice] > 0
        for seed in range(300)
        for pick in chosen("random", scores, 1, seed)
    ]
    # 0.9 (2/3 + 1/3 * 6/24) + 0.1 * 6/24; and 6/24.
    assert np.mean(seen) == pytest.approx(0.70, abs=0.08)
    assert np.mean(blind) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("strategy", ["class_entropy", "foreground_random", "random"])
def test_slices_are_different_in_order_apart_and_the_same_again(probabilities, strategy):
    scores = slice_scores(probabilities, NAMES)
    picks = chosen(strategy, scores, 3)
    assert picks == chosen(strategy, scores, 3)
    assert len(picks) == 3
    assert min(np.diff(slices_of(picks))) >= 2  # 24 / (4 * 3)
    assert all(0 < pick.propensity <= 1 for pick in picks)


@pytest.mark.parametrize("strategy", ["class_entropy", "foreground_random", "random"])
@pytest.mark.parametrize("count", [1, 12, DEPTH, DEPTH + 5])
def test_as_many_as_there_are(probabilities, strategy, count):
    scores = slice_scores(probabilities, NAMES)
    found = slices_of(chosen(strategy, scores, count))
    assert sorted(set(found)) == found
    assert len(found) == min(count, DEPTH)


def test_a_volume_in_which_nothing_is_seen_is_drawn_from_all_the_same():
    nothing = np.zeros((3, 6, 4, 4), np.float32)
    nothing[0] = 1
    scores = slice_scores(nothing, NAMES)
    for strategy in ("class_entropy", "foreground_random", "random"):
        found = {at for s in range(60) for at in slices_of(chosen(strategy, scores, 1, s))}
        assert found == set(range(6))


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InvalidPool, match="finite"):
        slice_scores(np.full((3, 2, 2, 2), np.nan, np.float32), NAMES)
    with pytest.raises(InvalidPool, match="do not fit"):
        slice_scores(np.ones((2, 2, 2, 2), np.float32), NAMES)


@pytest.mark.parametrize(("total", "count"), [(36, 3), (8, 8), (5, 9), (1, 2)])
def test_before_a_model_slices_lie_at_equal_distances(total, count):
    seen = set()
    for seed in range(100):
        found = slices_of(spread_slices(total, count, np.random.default_rng(seed)))
        assert len(set(found)) == len(found) == min(total, count)
        assert 0 <= min(found) <= max(found) < total
        seen |= set(found)
        if total == 36:
            assert set(np.diff(found)) <= {11, 12, 13}
    assert seen == set(range(total))
