"""Packs of label map slices: what goes in comes out, and nothing else is believed."""

import hashlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from annotation.imaging import masks

slices = arrays.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 9), st.integers(1, 9)))


def packed(*bodies):
    return b"".join(masks.pack(bodies))


def raw_slice(shape, body):
    return masks.MAGIC + struct.pack("<III", *shape) + body


def refused(pack):
    with pytest.raises(masks.DamagedMask) as caught:
        list(masks.unpack(pack))
    return str(caught.value)


@given(st.lists(slices, max_size=5))
def test_slices_survive_a_pack_with_their_addresses_and_labels(drawn):
    bodies = [masks.compress(labels) for labels in drawn]
    found = list(masks.unpack(packed(*bodies)))
    assert [one.data for one in found] == bodies
    assert [one.sha256 for one in found] == [hashlib.sha256(b).hexdigest() for b in bodies]
    assert [one.labels for one in found] == [set(np.unique(a).tolist()) - {0} for a in drawn]


@given(
    st.binary(max_size=200)
    | st.lists(slices, max_size=2).map(lambda drawn: packed(*map(masks.compress, drawn))),
    st.integers(0, 300),
    st.binary(max_size=3),
)
def test_damaged_packs_are_refused_or_read_and_never_anything_else(pack, place, junk):
    damaged = pack[:place] + junk + pack[place + len(junk) :]
    try:
        found = list(masks.unpack(damaged))
    except masks.DamagedMask as error:
        assert str(error)
    else:
        assert packed(*(one.data for one in found)) == damaged


def test_a_hash_that_is_not_of_its_bytes_is_refused():
    pack = bytearray(packed(masks.compress(np.ones((1, 2, 2), np.uint8))))
    pack[10] ^= 1
    assert "SHA-256" in refused(bytes(pack))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (raw_slice((2, 1, 1), zlib.compress(b"\0\0")), "one slice"),
        (raw_slice((1, 0, 1), zlib.compress(b"")), "one slice"),
        (raw_slice((1, 2**13, 2**13 + 1), zlib.compress(b"")), "one slice"),
        (raw_slice((1, 2, 2), zlib.compress(b"\0" * 3)), "declared"),
        (raw_slice((1, 2, 2), zlib.compress(b"\0" * 5)), "declared"),
        (raw_slice((1, 2, 2), zlib.compress(b"\0" * 4) + b"x"), "declared"),
        (raw_slice((1, 2, 2), zlib.compress(b"\0" * 4)[:-1]), "declared"),
        (raw_slice((1, 2, 2), b"no zlib"), "Error"),
        (b"DICM" * 9, "header"),
    ],
)
def test_a_slice_that_is_not_what_it_declares_is_refused(body, why):
    assert why in refused(packed(body))


def test_a_pack_that_ends_early_or_starts_otherwise_is_refused():
    pack = packed(masks.compress(np.ones((1, 2, 2), np.uint8)))
    assert "larger than the pack" in refused(pack[:-1])
    assert "ends early" in refused(pack + b"\0" * 35)
    assert "pack header" in refused(pack[1:])


@given(st.binary(min_size=1, max_size=40), st.sets(st.integers(1, 255)))
def test_a_label_outside_is_the_first_that_is_not_known(voxels, known):
    labels = np.frombuffer(voxels, np.uint8).reshape(1, 1, -1)
    wrong = [v for v in voxels if v not in known | {0}]
    assert masks.label_outside(masks.compress(labels), known) == (wrong[0] if wrong else None)


@pytest.mark.parametrize("place", [0, 2**16 - 1, 2**16, 2**18 - 1])
def test_a_label_outside_is_found_in_every_block(place):
    labels = np.ones(2**18, np.uint8)
    labels[place] = 9
    assert masks.label_outside(masks.compress(labels.reshape(1, 512, 512)), {1}) == 9
    assert masks.label_outside(masks.compress(labels.reshape(1, 512, 512)), {1, 9}) is None


@pytest.mark.parametrize("body", [b"\1" * 3, b"\1" * 5, b""])
def test_the_search_for_labels_refuses_other_sizes(body):
    with pytest.raises(masks.DamagedMask):
        masks.label_outside(raw_slice((1, 2, 2), zlib.compress(body)), {1})
    with pytest.raises(masks.DamagedMask):
        masks.label_outside(raw_slice((1, 2, 2), zlib.compress(b"\1" * 4)[:-1]), {1})


def test_many_bombs_are_stopped_by_the_sum_of_their_pixels(monkeypatch):
    monkeypatch.setattr(masks, "MAX_PACK_PIXELS", 2**26)
    bomb = masks.compress(np.zeros((1, 2**11, 2**11), np.uint8))
    assert len(bomb) < 2**13
    assert "in all" in refused(packed(*[bomb] * 17))


def test_a_pack_holds_a_limited_number_of_slices(monkeypatch):
    monkeypatch.setattr(masks, "MAX_PACK_SLICES", 2)
    assert "at most 2" in refused(packed(*[masks.compress(np.ones((1, 1, 1), np.uint8))] * 3))
