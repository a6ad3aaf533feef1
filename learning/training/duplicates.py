"""Near-identical images, so that they are put into the same split and never measured against each other.

An image becomes a perceptual hash of a coarse word of 64 bits and a fine part of 256. Bits of the coarse word
are compared only inside bands: two words that differ in at most `distance` bits agree on at least one of
`distance + 1` bands, so no pair is missed and 100,000 images take seconds. The fine part confirms: among
1,000 radiographs of strangers the coarse word alone found 4 false pairs, whose fine parts differ in 63 to 94
bits, while rescaling, recoding, noise and contrast change at most 32.
"""

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Hash = NDArray[np.uint64]  # (WORDS,): the coarse word, then the fine part
Words = NDArray[np.uint64]  # (n,)
SIDE = 64  # pixels that the cosine transform sees
COARSE, FINE = 8, 16  # frequencies per axis
WORDS = 1 + FINE**2 // 64
BITS = 64
DISTANCE = 4
FINE_DISTANCE = 40
PAIRS_AT_ONCE = 1_000_000
FLAT = 1e-6  # spread below which an image shows nothing


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


def near_pairs(hashes: NDArray[np.uint64], distance: int = DISTANCE) -> NDArray[np.int64]:
    """(k, 2) rows of (n, WORDS) hashes, the first below the second, that show nearly the same.

    Coarse words differ in at most `distance` bits, fine parts in at most FINE_DISTANCE. Of equal hashes
    each is paired with the first of them only, which groups them as well.
    """
    if hashes.ndim != 2 or hashes.shape[1] != WORDS:
        raise ValueError(f"hashes must be (n, {WORDS}), not {hashes.shape}")
    if not 0 <= distance < BITS:
        raise ValueError(f"distance must lie between 0 and {BITS - 1}, not {distance}")
    unique, first_row, inverse = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    found = [_same_hash(inverse, first_row)]
    edges = np.linspace(0, BITS, distance + 2).astype(np.uint64)
    for low, high in pairwise(edges):
        band = (unique[:, 0] << (np.uint64(BITS) - high)) >> (np.uint64(BITS) - high + low)
        for left, right in _pairs_within(band):
            is_near = np.bitwise_count(unique[left, 0] ^ unique[right, 0]) <= distance
            left, right = left[is_near], right[is_near]
            differing = np.bitwise_count(unique[left, 1:] ^ unique[right, 1:]).sum(axis=1)
            alike = differing <= FINE_DISTANCE
            found.append(np.stack([first_row[left[alike]], first_row[right[alike]]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs, axis=0)


def group_alike(
    hashes: Sequence[Hash | None], patients: Sequence[Hashable], distance: int = DISTANCE
) -> NDArray[np.int64]:
    """(n,) group of every image: of the same patient, or nearly the same image, over any chain.

    Groups are numbered in order of appearance. Images without a hash follow their patient alone.
    """
    if len(hashes) != len(patients):
        raise ValueError(f"{len(hashes)} hashes for {len(patients)} patients")
    hashed = np.array([row for row, value in enumerate(hashes) if value is not None], np.int64)
    values = np.array([value for value in hashes if value is not None], np.uint64).reshape(
        -1, WORDS
    )
    number = {name: place for place, name in enumerate(dict.fromkeys(patients))}
    belongs = np.array([number[name] for name in patients], np.int64)
    edges = np.concatenate([
        hashed[near_pairs(values, distance)].reshape(-1, 2),
        np.stack([np.arange(len(hashes)), len(hashes) + belongs], axis=1).reshape(-1, 2),
    ]).astype(np.int64)  # fmt: skip
    size = len(hashes) + len(number)
    graph = coo_array(
        (np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(size, size)
    )
    _, group = connected_components(graph, directed=False)
    _, first, inverse = np.unique(group[: len(hashes)], return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], np.int64)


def _same_hash(inverse: NDArray[np.int64], first_row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every row with an equal hash before it, paired with the first of them: a star, not all pairs."""
    rows = np.arange(len(inverse))
    is_copy = first_row[inverse] != rows
    return np.stack([first_row[inverse[is_copy]], rows[is_copy]], axis=1)


def _above_median(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The first value is the mean brightness, which says nothing: the median leaves it out."""
    return np.asarray(values > np.median(values[1:]))


def _pairs_within(keys: Words) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of places with equal keys, in bounded blocks."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    for lag in range(1, len(keys)):
        is_same = ordered[lag:] == ordered[:-lag]
        if not is_same.any():
            return
        places = np.flatnonzero(is_same)
        for start in range(0, len(places), PAIRS_AT_ONCE):
            block = places[start : start + PAIRS_AT_ONCE]
            yield order[block], order[block + lag]
