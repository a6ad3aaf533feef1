"""Temperature scaling: one number, fitted on validation, that makes probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
RANGE = (0.05, 20.0)  # a few perfectly separated cases would ask for 0
SMALLEST = 1e-12


def fit_temperature(logits: Floats, truth: NDArray[np.int64]) -> float:
    """The temperature of least cross-entropy on (n, classes) validation logits (Guo et al. 2017).

    1 where there is nothing to fit on. Raises ValueError where logits and truth do not fit.
    """
    if logits.ndim != 2 or len(logits) != len(truth):
        raise ValueError(f"logits {logits.shape} do not fit truth {truth.shape}")
    if len(truth) == 0:
        return 1.0
    if not 0 <= truth.min() <= truth.max() < logits.shape[1]:
        raise ValueError(f"truth must lie between 0 and {logits.shape[1] - 1}")
    rows = np.arange(len(truth))

    def cross_entropy(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, truth].mean())

    found = minimize_scalar(cross_entropy, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(found.x))


def calibrated(probabilities: Floats, temperature: float) -> Floats:
    """(n, classes) probabilities at the temperature; the order of the classes stays as it was."""
    if not temperature > 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    return np.asarray(softmax(as_logits(probabilities) / temperature, axis=1))


def as_logits(probabilities: Floats) -> Floats:
    """Logits with these softmax probabilities, for models that were averaged after the softmax."""
    return np.asarray(np.log(np.clip(probabilities, SMALLEST, None)))
