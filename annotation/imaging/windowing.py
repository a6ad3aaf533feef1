"""From stored values to displayed grey levels (PS3.3 C.11.2)."""

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


def rescale(pixels: NDArray[np.generic], slope: float, intercept: float) -> FloatImage:
    """Stored values to modality values (Hounsfield units for CT)."""
    return np.asarray(pixels.astype(np.float32) * np.float32(slope) + np.float32(intercept))


def window_linear(values: FloatImage, center: float, width: float) -> FloatImage:
    """The LINEAR function of PS3.3 C.11.2.1.2.1; result in 0..1."""
    if width <= 1:
        return (values > center - 0.5).astype(np.float32)
    return _ramp(values, 1 / (width - 1), 0.5 - (center - 0.5) / (width - 1))


def window_linear_exact(values: FloatImage, center: float, width: float) -> FloatImage:
    """The LINEAR_EXACT function of PS3.3 C.11.2.1.3.2; result in 0..1."""
    return _ramp(values, 1 / width, 0.5 - center / width)


def _ramp(values: FloatImage, slope: float, intercept: float) -> FloatImage:
    scaled = values * np.float32(slope)
    scaled += np.float32(intercept)
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def window_sigmoid(values: FloatImage, center: float, width: float) -> FloatImage:
    """The SIGMOID function of PS3.3 C.11.2.1.3.1; result in 0..1."""
    steepness = np.clip(-4 * (values - np.float32(center)) / np.float32(width), -80, 80)
    return np.asarray(1 / (1 + np.exp(steepness)), np.float32)


def window_by_percentiles(
    values: FloatImage, low: float = 1.0, high: float = 99.0
) -> tuple[float, float]:
    """(center, width) that shows the image between two percentiles, where the file names none."""
    bottom, top = np.percentile(values, [low, high])
    width = max(float(top - bottom), 1.0)
    return float(bottom) + width / 2 + 0.5, width + 1
