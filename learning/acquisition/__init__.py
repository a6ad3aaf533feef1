"""Which cases to label first: pure functions of predictions. Score: higher = label first."""

from learning.acquisition.strategies import STRATEGIES, Ranking, Strategy, rank

__all__ = ["STRATEGIES", "Ranking", "Strategy", "rank"]
