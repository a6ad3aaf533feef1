"""modAL's estimator interface over predictions that are already made.

The query never runs a network: it is deterministic, testable and fast (docs/decisions/0007).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating]


class PredictionTable:
    """An estimator whose samples are row numbers of a (cases, classes) table."""

    def __init__(self, probabilities: Probabilities) -> None:
        if probabilities.ndim != 2 or probabilities.shape[1] < 2:
            raise ValueError(
                f"probabilities must be (cases, classes >= 2), not {probabilities.shape}"
            )
        if not np.isfinite(probabilities).all():
            raise ValueError("probabilities must be finite")
        self.probabilities = probabilities
        self.classes_ = np.arange(probabilities.shape[1])

    def fit(self, X: Any, y: Any, **_: Any) -> "PredictionTable":  # noqa: N803  sklearn's names
        """Part of the interface; a table has nothing to learn."""
        del X, y
        return self

    def predict_proba(self, X: NDArray[np.int64], **_: Any) -> Probabilities:  # noqa: N803
        return np.asarray(self.probabilities[np.asarray(X)[:, 0]])

    def predict(self, X: NDArray[np.int64], **_: Any) -> NDArray[np.int64]:  # noqa: N803
        return np.asarray(self.predict_proba(X).argmax(axis=1))
