"""The queue: how its arms interleave, and what their chances are."""

from collections import Counter

import numpy as np
import pytest

from learning.acquisition.pool import Labeled, Pool
from learning.acquisition.queueing import Arms, queue
from learning.acquisition.strategies import STRATEGIES

MARGIN = STRATEGIES["power_margin"]


def make_pool(count=400):
    return Pool(probabilities=np.random.default_rng(0).dirichlet([3, 1], count))


def served(count=50, seed=0, pool=None, **options):
    found = make_pool() if pool is None else pool
    return queue(MARGIN, found, Labeled(), count, np.random.default_rng(seed), **options)


def arm_of(place):
    arm = place.pick.arm
    return arm if arm in ("audit", "repeat", "easy") else "ranked"


def test_each_ten_places_hold_seven_ranked_and_one_of_each_check():
    places = served(50, repeats=30)
    assert [p.rank for p in places] == list(range(50))
    for start in range(0, 50, 10):
        assert Counter(map(arm_of, places[start : start + 10])) == {
            "ranked": 7, "audit": 1, "repeat": 1, "easy": 1,
        }  # fmt: skip


def test_places_within_ten_cannot_be_guessed():
    audits = {next(p.rank for p in served(10, seed) if arm_of(p) == "audit") for seed in range(60)}
    assert audits == set(range(10))


def test_no_case_comes_twice_and_repeats_come_from_those_read():
    places = served(300, repeats=20)
    rows = [p.pick.row for p in places if not p.is_repeat]
    again = [p.pick.row for p in places if p.is_repeat]
    assert len(rows) == len(set(rows))
    assert len(again) == len(set(again)) == 20
    assert max(again) < 20


def test_the_same_seed_serves_the_same():
    assert served(40, 3, repeats=9) == served(40, 3, repeats=9)
    assert served(40, 3, repeats=9) != served(40, 4, repeats=9)


def test_without_anything_to_repeat_the_place_is_ranked():
    assert Counter(map(arm_of, served(50))) == {"ranked": 40, "audit": 5, "easy": 5}


def test_without_predictions_nothing_is_called_easy():
    pool = Pool(components={"variance": np.random.default_rng(0).random(100)})
    places = queue(STRATEGIES["variance"], pool, Labeled(), 20, np.random.default_rng(0))
    assert Counter(map(arm_of, places)) == {"ranked": 18, "audit": 2}


def test_other_ratios_are_kept_and_impossible_ones_refused():
    places = served(100, arms=Arms(audit=5, repeat=0, easy=0))
    assert Counter(map(arm_of, places)) == {"audit": 50, "ranked": 50}
    with pytest.raises(ValueError, match="fit into 10"):
        Arms(audit=9, repeat=1, easy=1)
    with pytest.raises(ValueError, match="fit into 10"):
        Arms(audit=-1)


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_a_small_pool_is_served_without_twins(size):
    rows = [p.pick.row for p in served(20, pool=make_pool(size)) if not p.is_repeat]
    assert len(rows) == len(set(rows)) <= size


@pytest.mark.parametrize("size", [1, 2, 5, 37])
def test_a_small_pool_is_served_to_its_end(size):
    assert len(served(10 * size, pool=make_pool(size))) == size


def test_the_audit_is_an_even_sample_whatever_the_strategy_prefers():
    pool, hits = make_pool(40), np.zeros(40)
    for seed in range(800):
        for place in served(10, seed, pool=pool):
            hits[place.pick.row] += arm_of(place) == "audit"
    assert np.abs(hits / 800 - 1 / 40).max() < 4.5 * np.sqrt(1 / 40 / 800)
    (audit,) = [p.pick for p in served(10, pool=pool) if arm_of(p) == "audit"]
    assert audit.propensity == pytest.approx(1 / 40)
    assert audit.reason == "Random audit: keeps our accuracy honest"


def test_easy_cases_are_the_certain_ones():
    pool = make_pool()
    sure = pool.probabilities.max(axis=1)
    easy = [p.pick.row for p in served(100) if arm_of(p) == "easy"]
    assert sure[easy].min() > np.quantile(sure, 0.85)
