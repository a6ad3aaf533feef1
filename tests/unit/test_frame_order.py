"""Frames of series whose objects hold many: their order, and whether they are one volume."""

import pytest

from annotation.imaging.frame_order import ImageObject, order_frames
from annotation.imaging.volume import NotAVolume, SlicePlace

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def frames(uid, *depths, number=1, stacks=(), y=0.0, orientations=()):
    """An object with axial frames at these depths; None has no position."""
    stacks = stacks or ["1"] * len(depths)
    orientations = orientations or [AXIAL] * len(depths)
    places = [
        SlicePlace(uid, None if z is None else (0.0, y * z, float(z)), orientation, n, stack)
        for n, (z, stack, orientation) in enumerate(zip(depths, stacks, orientations, strict=True))
    ]
    return ImageObject(uid, number, places)


def found(*objects):
    order = order_frames(objects)
    return order.uids, order.order, order.not_a_volume


def test_frames_lie_along_the_normal_whatever_their_order_in_the_object():
    assert found(frames("a", 1, 2, 3)) == (["a"], None, None)
    assert found(frames("a", 6, 2, 4)) == (["a"], [1, 2, 0], None)


def test_objects_continue_and_interleave_one_another():
    upper, lower = frames("upper", 4, 3, number=1), frames("lower", 1, 2, number=2)
    assert found(upper, lower) == (["lower", "upper"], [0, 1, 3, 2], None)
    even, odd = frames("even", 0, 2, number=1), frames("odd", 1, 3, number=2)
    assert found(odd, even) == (["even", "odd"], [0, 2, 1, 3], None)


def test_single_frames_are_ordered_like_before():
    objects = [
        frames(uid, z, number=n) for n, (uid, z) in enumerate((("b", 2), ("a", 1), ("c", 3)))
    ]
    assert found(*objects) == (["a", "b", "c"], None, None)
    assert found(frames("a", None), frames("b", None)) == (["a", "b"], None, NotAVolume.NO_POSITION)


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ([frames("four dimensions", 1, 2, 3, 1, 2, 3)], NotAVolume.SAME_PLACE),
        ([frames("time 1", 1, 2, 3), frames("time 2", 1, 2, 3)], NotAVolume.SAME_PLACE),
        ([frames("missing", 1, 2, 4, 5, 6)], NotAVolume.VARYING_SPACING),
        ([frames("tilted", 1, 2, 3, 4, y=0.5)], NotAVolume.TILTED_GANTRY),
        ([frames("stacks", 1, 2, 3, 4, stacks="1212")], NotAVolume.SEVERAL_STACKS),
        ([frames("survey", 1, 2, orientations=[AXIAL, CORONAL])], NotAVolume.DIFFERENT_ORIENTATIONS),
        ([frames("cine", None, None, None)], NotAVolume.MULTI_FRAME),
        ([frames("partly", 1, 2, None)], NotAVolume.MULTI_FRAME),
        ([frames("alone", 1)], NotAVolume.SINGLE_IMAGE),
    ],
    ids=lambda value: value[0].uid if isinstance(value, list) else "",
)  # fmt: skip
def test_what_is_no_volume_says_why(series, why):
    assert order_frames(series).not_a_volume is why


def test_images_at_one_place_stay_in_the_order_of_their_objects():
    late, early = frames("a", 1, 2, number=2), frames("b", 1, 2, number=1)
    assert found(late, early)[:2] == (["b", "a"], [0, 2, 1, 3])
