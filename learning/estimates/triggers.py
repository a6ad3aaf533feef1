"""When the network is worth training again (reference C4): the labels grew, or it got worse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GROWTH = 0.2
MIN_NEW = 25
WINDOW = 50  # ranked labels whose prequential loss is looked at
STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Advice:
    """Whether to act, and the sentences that say why."""

    is_due: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Prequential:
    """The last labels' losses of predictions made before the label, and what the head expected."""

    value: float
    expected: float
    standard_error: float
    count: int

    @property
    def exceeds_forecast(self) -> bool:
        return (
            self.count >= WINDOW
            and self.value > self.expected + STANDARD_ERRORS * self.standard_error
        )


def prequential(losses: Sequence[float], expected: Sequence[float]) -> Prequential:
    """Losses of the last WINDOW labels against the losses that the head itself foresaw.

    `expected` is per label the loss the head expects, for the log-loss its entropy. Raises
    ValueError where the two differ in length or are not finite.
    """
    ours, foreseen = np.asarray(losses, float), np.asarray(expected, float)
    if ours.shape != foreseen.shape or ours.ndim != 1:
        raise ValueError(f"{len(losses)} losses and {len(expected)} expected losses")
    if not (np.isfinite(ours).all() and np.isfinite(foreseen).all()):
        raise ValueError("losses must be finite")
    ours, foreseen = ours[-WINDOW:], foreseen[-WINDOW:]
    count = len(ours)
    if count == 0:
        return Prequential(0.0, 0.0, float("inf"), 0)
    error = (ours - foreseen).std(ddof=1) / np.sqrt(count) if count > 1 else float("inf")
    return Prequential(float(ours.mean()), float(foreseen.mean()), float(error), count)


def retraining(*, new: int, before: int, least: int, recent: Prequential) -> Advice:
    """Whether `new` labels since a training on `before` are worth another; fewer than `least` never are.

    Geometric growth bounds all training together at about six times the last run.
    """
    if new < max(least, 1):
        return Advice(False, ())
    reasons = []
    if new >= GROWTH * before:
        reasons.append(f"{new} new labels since the last training on {before}")
    if recent.exceeds_forecast:
        reasons.append(
            f"the last {recent.count} labels surprised the model:"
            f" loss {recent.value:.2f}, expected {recent.expected:.2f}"
        )
    return Advice(bool(reasons), tuple(reasons))
