"""What an image shows as 320 bits that survive rescaling, recoding, noise and contrast (Zauner 2010)."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from annotation.imaging.near_duplicates import COARSE, FINE, Hash

SIDE = 64  # pixels that the cosine transform sees
FLAT = 1e-6  # spread below which an image shows nothing


def hash_of_picture(encoded: bytes) -> bytes | None:
    """The hash of a PNG or JPEG of our own making, little endian; None where it shows one value only."""
    with Image.open(BytesIO(encoded)) as picture:
        found = perceptual_hash(np.asarray(picture.convert("L")))
    return None if found is None else found.astype("<u8").tobytes()


def perceptual_hash(image: NDArray[np.generic]) -> Hash | None:
    """Which of the 8 x 8 and of the 16 x 16 lowest frequencies lie above their median (Zauner 2010).

    (h, w) of any numeric type, or (d, h, w), of which the middle plane counts. None for an image of one
    value: it is like every other such image, and a duplicate of none. Raises ValueError for other shapes.
    """
    plane = image[len(image) // 2] if image.ndim == 3 and len(image) else image
    if plane.ndim != 2 or 0 in plane.shape:
        raise ValueError(f"an image of shape {image.shape} cannot be hashed")
    values = np.nan_to_num(plane.astype(np.float32))
    spread = float(values.std())
    if not spread > FLAT * max(float(np.abs(values).max()), 1.0):
        return None
    small = Image.fromarray((values - values.mean()) / spread).resize(
        (SIDE, SIDE), Image.Resampling.BOX
    )
    frequencies = dctn(np.asarray(small, np.float64), norm="ortho")
    bits = np.concatenate([_above_median(frequencies[:n, :n].ravel()) for n in (COARSE, FINE)])
    return np.packbits(bits).view(">u8").astype(np.uint64)


def _above_median(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The first value is the mean brightness, which says nothing: the median leaves it out."""
    return np.asarray(values > np.median(values[1:]))
