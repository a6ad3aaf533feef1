"""Copies of images are found by what they show, strangers are not."""

import time
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from annotation.imaging.near_duplicates import WORDS, leaders, near_pairs
from annotation.imaging.perceptual_hash import hash_of_picture, perceptual_hash


def picture(seed, side=96):
    """A smooth random image."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.normal(size=(12, 12)).astype(np.float32))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)) * 500 + 1000


def changed(image, rng):
    """The same image smaller, with noise and other units."""
    small = Image.fromarray(image.astype(np.float32)).resize((70, 70), Image.Resampling.BILINEAR)
    return (np.asarray(small) + rng.normal(0, 15, (70, 70))) * 2.5 - 300


def test_copies_are_found_and_strangers_are_not():
    rng = np.random.default_rng(0)
    images = [picture(seed) for seed in range(30)]
    hashes = np.array([perceptual_hash(i) for i in [*images, *[changed(i, rng) for i in images]]])
    pairs = near_pairs(hashes)
    assert all(right - left == 30 for left, right in pairs)
    assert len(pairs) >= 28


def test_banding_misses_no_pair():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**63, 40, dtype=np.uint64)
    flipped = [
        w ^ np.uint64(sum(1 << int(b) for b in rng.choice(64, 4, replace=False))) for w in words
    ]
    hashes = np.zeros((80, WORDS), np.uint64)
    hashes[:, 0] = [*words, *flipped]
    assert near_pairs(hashes).tolist() == [[n, n + 40] for n in range(40)]


def test_what_differs_in_detail_is_not_the_same():
    hashes = np.zeros((2, WORDS), np.uint64)
    hashes[1, 1] = np.uint64(2**41 - 1)
    assert len(near_pairs(hashes)) == 0
    hashes[1, 1] = np.uint64(2**40 - 1)
    assert near_pairs(hashes).tolist() == [[0, 1]]


def test_copies_chain_to_the_one_that_came_first():
    order = {name: place for place, name in enumerate("abcdef")}
    found = leaders([("c", "b"), ("d", "c"), ("f", "e"), ("b", "d")], order)
    assert found == {"b": "b", "c": "b", "d": "b", "e": "e", "f": "e"}
    assert leaders([], order) == {}


def test_a_picture_of_our_own_has_the_hash_of_its_pixels():
    data = BytesIO()
    scaled = np.interp(picture(0), (picture(0).min(), picture(0).max()), (0, 255))
    Image.fromarray(scaled.astype(np.uint8)).save(data, "JPEG", quality=80)
    words = np.frombuffer(hash_of_picture(data.getvalue()), "<u8")
    assert len(near_pairs(np.stack([words, perceptual_hash(picture(0))]))) == 1
    blank = BytesIO()
    Image.new("L", (30, 30), 90).save(blank, "PNG")
    assert hash_of_picture(blank.getvalue()) is None


def test_blank_images_have_no_hash_and_wrong_shapes_are_refused():
    assert perceptual_hash(np.full((40, 40), 7)) is None
    assert (
        perceptual_hash(np.stack([picture(0)] * 3)).tolist() == perceptual_hash(picture(0)).tolist()
    )
    with pytest.raises(ValueError, match="cannot be hashed"):
        perceptual_hash(np.zeros(9))


def test_a_hundred_thousand_images_are_compared_in_seconds():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (100_000, WORDS), dtype=np.uint64)
    hashes[-1] = hashes[0]
    began = time.process_time()
    assert near_pairs(hashes).tolist() == [[0, 99_999]]
    assert time.process_time() - began < 20
