"""One round from frozen labels to a published ranking: where the database meets torch."""

from learning.pipeline.rounds import run_round

__all__ = ["run_round"]
