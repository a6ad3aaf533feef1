"""One contract for all strategies, and their measures against hand-made values."""

import numpy as np
import pytest

from learning.acquisition.names import STRATEGY_TITLES
from learning.acquisition.strategies import STRATEGIES, rank, reason
from learning.acquisition.table import PredictionTable

INFORMED = [s for s in STRATEGIES.values() if not s.is_random]
TABLE = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3], [0.2, 0.8], [0.99, 0.01]])


def test_the_web_knows_every_strategy():
    assert list(STRATEGIES) == list(STRATEGY_TITLES)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda s: s.name)
def test_a_ranking_is_complete_seeded_and_best_first(strategy):
    first = rank(strategy, TABLE, np.random.default_rng(1))
    again = rank(strategy, TABLE, np.random.default_rng(1))
    np.testing.assert_array_equal(first.order, again.order)
    assert sorted(first.order) == list(range(len(TABLE)))
    assert (np.diff(first.scores[first.order]) <= 0).all()


@pytest.mark.parametrize("strategy", INFORMED, ids=lambda s: s.name)
def test_the_planted_uncertain_case_comes_first(strategy):
    assert rank(strategy, TABLE, np.random.default_rng(0)).order[0] == 1
    assert rank(strategy, TABLE, np.random.default_rng(0)).order[-1] == 4


@pytest.mark.parametrize("strategy", INFORMED, ids=lambda s: s.name)
def test_scores_do_not_depend_on_the_order_of_the_pool(strategy):
    shuffled = np.random.default_rng(5).permutation(len(TABLE))
    plain = rank(strategy, TABLE, np.random.default_rng(0)).scores
    moved = rank(strategy, TABLE[shuffled], np.random.default_rng(0)).scores
    np.testing.assert_allclose(moved, plain[shuffled])


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda s: s.name)
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_small_pools_are_ranked_too(strategy, count):
    """modAL silently returns one index for a strategy that forgets its scores at n = 2."""
    assert len(rank(strategy, TABLE[:count], np.random.default_rng(0)).order) == count


def test_ties_break_at_random_and_not_by_arrival():
    flat = np.full((50, 2), 0.5)
    orders = {
        tuple(rank(STRATEGIES["margin"], flat, np.random.default_rng(s)).order) for s in (1, 2)
    }
    assert len(orders) == 2


def test_measures_equal_their_definitions():
    rng = np.random.default_rng(0)
    p = np.array([[0.6, 0.3, 0.1]])
    pool = np.array([[0]])
    table = PredictionTable(p)
    assert STRATEGIES["margin"].measure(table, pool, rng)[0] == pytest.approx(1 - 0.3)
    assert STRATEGIES["least_confident"].measure(table, pool, rng)[0] == pytest.approx(0.4)
    entropy = -sum(x * np.log(x) for x in p[0])
    assert STRATEGIES["entropy"].measure(table, pool, rng)[0] == pytest.approx(entropy)


def test_poisoned_predictions_are_refused():
    with pytest.raises(ValueError, match="finite"):
        rank(STRATEGIES["margin"], np.array([[np.nan, 1.0]]), np.random.default_rng(0))


def test_the_reason_names_the_two_answers():
    text = reason(STRATEGIES["margin"], np.array([0.1, 0.46, 0.44]), ["a", "b", "c"])
    assert text == "The model cannot decide between b 0.46 and c 0.44"
