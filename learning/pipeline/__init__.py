"""One round from frozen labels to a published ranking: where the database meets torch."""

from learning.pipeline.rounds import load_network, run_round

__all__ = ["load_network", "run_round"]
