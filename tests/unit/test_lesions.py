"""Boxes of lesions in volumes: the linking rule by hand, and the way into a network's grid and back."""

import numpy as np
import pytest

from learning.training.detection.lesions import (
    frames_crossed,
    link,
    share_inside,
    shared,
    to_network,
    to_series,
)
from learning.training.inputs import Channel, InputSpec
from learning.training.preparation import Volume, prepare_placed


def linked(*drawn):
    """Lesions, in any order, of boxes drawn as (frame, (y0, x0, y1, x1)) or with a label as third."""
    frames = np.array([one[0] for one in drawn], np.int64)
    boxes = np.array([one[1] for one in drawn], np.float32).reshape(-1, 4)
    labels = np.array([one[2] if len(one) > 2 else 0 for one in drawn], np.int64)
    found, classes = link(frames, boxes, labels)
    return sorted([*map(int, box), int(label)] for box, label in zip(found, classes, strict=True))


TEN = (0, 0, 10, 10)


def test_a_box_on_one_frame_is_as_thick_as_the_frame():
    assert linked((7, TEN)) == [[7, 0, 0, 8, 10, 10, 0]]


def test_boxes_on_neighbouring_frames_make_the_smallest_box_that_holds_them():
    assert linked((3, TEN), (4, (2, 2, 12, 11)), (5, (3, 1, 9, 9))) == [[3, 0, 0, 6, 12, 11, 0]]


def test_one_frame_may_be_passed_over_and_two_may_not():
    assert linked((3, TEN), (5, TEN)) == [[3, 0, 0, 6, 10, 10, 0]]
    assert linked((3, TEN), (6, TEN)) == [[3, 0, 0, 4, 10, 10, 0], [6, 0, 0, 7, 10, 10, 0]]


def test_half_of_the_smaller_box_must_be_shared():
    assert linked((0, TEN), (1, (0, 5, 10, 15))) == [[0, 0, 0, 2, 10, 15, 0]]
    assert len(linked((0, TEN), (1, (0, 6, 10, 16)))) == 2
    # Near its end a lesion is small: 1/25 of the larger box, and the whole of itself.
    assert linked((0, (0, 0, 20, 20)), (1, (8, 8, 12, 12))) == [[0, 0, 0, 2, 20, 20, 0]]


def test_labels_are_never_mixed():
    assert linked((0, TEN, 0), (1, TEN, 1)) == [[0, 0, 0, 1, 10, 10, 0], [1, 0, 0, 2, 10, 10, 1]]


def test_two_boxes_of_one_frame_stay_two_lesions():
    left, right = (0, 0, 10, 10), (0, 12, 10, 22)
    assert linked((0, left), (0, right), (1, left), (1, right)) == [
        [0, 0, 0, 2, 10, 10, 0], [0, 0, 12, 2, 10, 22, 0],
    ]  # fmt: skip
    # A box over both goes on with the one of which it holds more.
    assert linked((0, left), (0, right), (1, (0, 4, 10, 22))) == [
        [0, 0, 0, 1, 10, 10, 0], [0, 0, 4, 2, 10, 22, 0],
    ]  # fmt: skip


def test_the_nearest_frame_goes_before_the_largest_share():
    first, second, third = (0, 0, 10, 9), (0, 5, 10, 15), (0, 2, 10, 12)
    boxes = np.array([first, second, third], np.float32)
    assert shared(boxes[:2], boxes[2:])[:, 0] == pytest.approx([70 / 90, 70 / 100])
    assert linked((1, first), (2, second), (3, third)) == [
        [1, 0, 0, 2, 10, 9, 0], [2, 0, 2, 4, 10, 15, 0],
    ]  # fmt: skip


def test_the_order_in_which_boxes_were_drawn_does_not_matter():
    rng = np.random.default_rng(0)
    drawn = [
        (z, (y + z % 3, x, y + 12, x + 9 + z % 2), label)
        for label, (y, x) in enumerate([(0, 0), (30, 8), (60, 60)])
        for z in (*range(2, 9), *range(11, 14))
    ]
    expected = linked(*drawn)
    assert len(expected) == 6
    for _ in range(5):
        assert linked(*[drawn[n] for n in rng.permutation(len(drawn))]) == expected


def test_nothing_drawn_is_no_lesion():
    boxes, labels = link(np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert (boxes.shape, labels.shape) == ((0, 6), (0,))


@pytest.mark.parametrize(("start", "stop", "expected"), [
    (3.0, 6.0, [3, 4, 5]),
    (3.4, 5.6, [3, 4, 5]),  # the middles 3.5 and 5.5 lie inside
    (3.6, 5.4, [4]),
    (3.6, 4.4, [4]),  # no middle inside: the frame around its own middle, 4.0
    (4.6, 4.8, [4]),
    (-2.0, 1.0, [0]),
    (9.2, 12.0, [9]),
    (11.0, 12.0, [9]),
])  # fmt: skip
def test_frames_whose_middles_lie_inside_are_crossed(start, stop, expected):
    assert list(frames_crossed(start, stop, 10)) == expected


def test_how_much_of_a_box_lies_inside_by_hand():
    boxes = np.array([[0, 0, 0, 4, 4, 4], [-2, 0, 0, 2, 4, 4], [6, 6, 6, 10, 10, 10], [9, 0, 0, 11, 2, 2]],
                     np.float32)  # fmt: skip
    assert share_inside(boxes, (8, 8, 8)).tolist() == [1.0, 0.5, 0.125, 0.0]


SPECS = {
    "resize": InputSpec((12, 40, 30), "3d"),
    "centre, resampled and padded": InputSpec((24, 30, 50), "3d", crop="centre", spacing_mm=(2, 1.4, 1.1)),
    "centre, cut": InputSpec((16, 28, 36), "3d", crop="centre"),
    "foreground": InputSpec((14, 30, 34), "3d", crop="foreground"),
}  # fmt: skip
BOX = np.array([[8, 14, 18, 14, 26, 33]], np.float32)


@pytest.mark.parametrize("name", SPECS)
def test_a_box_lies_around_what_it_holds_in_the_network_and_returns(name):
    window = Channel("image", normalisation="window", low=0.0, high=1.0)
    spec = InputSpec(**{**SPECS[name].__dict__, "channels": (window,)})
    values = np.zeros((20, 44, 52), np.float32)
    values[8:14, 14:26, 18:33] = 1.0
    found = prepare_placed({"image": Volume(values, (3.0, 0.9, 0.7))}, spec)
    box = to_network(BOX, found.edges, spec.size)
    lit = np.argwhere(found.image[0] > 0)  # of the window -1 to 1
    around = np.concatenate([lit.min(axis=0), lit.max(axis=0) + 1])
    np.testing.assert_allclose(box[0], around, atol=1.0)
    np.testing.assert_allclose(to_series(box, found.edges, spec.size), BOX, atol=1e-4)
