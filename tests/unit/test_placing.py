"""Where a network's input lies in the images that it was made from, and the maps with it."""

import numpy as np
import pytest

from learning.explainable import methods_of
from learning.pipeline.image_boxes import Fit
from learning.training.inputs import Channel, InputSpec
from learning.training.placing import LARGEST_SIDE, place
from learning.training.preparation import Volume, prepare_placed

SPECS = {
    "resize": InputSpec((24, 40)),
    "centre": InputSpec((24, 40), crop="centre"),
    "centre, finer": InputSpec((24, 40), crop="centre", spacing_mm=(0.5, 0.8)),
    "centre, coarser and padded": InputSpec((64, 80), crop="centre", spacing_mm=(2.0, 1.5)),
    "foreground": InputSpec((24, 30), crop="foreground"),
    "kept": InputSpec((16, 16), keeps_size=True, spacing_mm=(1.3, 0.7)),
}


def ramp(axis):
    """Each pixel says where its centre lies along an axis; what is bright lies off the middle."""
    return np.indices((60, 90))[axis].astype(np.float32)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("axis", [0, 1])
def test_every_cell_of_the_input_lies_where_its_edges_say(name, axis):
    spec = SPECS[name]
    window = Channel("image", normalisation="window", low=0.0, high=100.0)
    spec = InputSpec(**{**spec.__dict__, "channels": (window,)})
    volume = Volume(ramp(axis), (1.0, 1.0))
    found = prepare_placed({"image": volume}, spec)
    shown = (found.image[0].astype(np.float64) + 1) / 2 * 100
    start, end = found.edges[axis]
    count = shown.shape[axis]
    centres = start + (np.arange(count) + 0.5) * (end - start) / count - 0.5
    side = volume.values.shape[axis]
    is_inside = (centres > 3) & (centres < side - 4)  # beyond, the edge is smoothed or padded
    line = np.moveaxis(shown, axis, 0)
    other = 1 - axis
    first, last = found.edges[other]
    cells = (np.arange(line.shape[1]) + 0.5) * (last - first) / line.shape[1] + first
    seen = (cells > 3) & (cells < volume.values.shape[other] - 4)
    assert is_inside.sum() > 5
    expected = np.broadcast_to(centres[is_inside, None], line[is_inside][:, seen].shape)
    np.testing.assert_allclose(line[is_inside][:, seen], expected, atol=0.3)


def test_a_letterboxed_square_reaches_beyond_the_image():
    fit = Fit(rows=60, columns=100, side=50)
    (top, bottom), (left, right) = fit.edges
    assert (left, right) == (0.0, 100.0)
    assert (top, bottom) == pytest.approx((-20.0, 80.0))
    placed = place(np.zeros((50, 50), np.float32), fit.edges, 1)
    assert placed.box == pytest.approx((-0.5, -20.5, 99.5, 79.5))
    assert (placed.first, placed.values.shape) == (0, (1, 50, 50))


def test_a_volume_of_fewer_slices_is_laid_over_every_frame_that_it_covers():
    found = np.broadcast_to(np.linspace(0, 1, 4, dtype=np.float32)[:, None, None], (4, 8, 6))
    placed = place(np.asarray(found), ((2.0, 10.0), (0.0, 16.0), (0.0, 12.0)), 14)
    assert (placed.first, len(placed.values)) == (2, 8)
    # Frame 2 lies half a frame into the first slice of two frames, where nothing comes before it.
    expected = np.clip((np.arange(8) + 0.5) / 2 - 0.5, 0, 3) / 3
    np.testing.assert_allclose(placed.values[:, 0, 0] / 255, expected, atol=0.003)
    assert placed.box == (-0.5, -0.5, 11.5, 15.5)


def test_a_map_thinner_than_a_frame_lies_on_that_frame():
    placed = place(np.ones((1, 4, 4), np.float32), ((5.6, 5.9), (0.0, 4.0), (0.0, 4.0)), 9)
    assert (placed.first, placed.values.tolist()) == (5, np.full((1, 4, 4), 255).tolist())


def test_a_large_map_is_made_smaller_and_keeps_its_place():
    found = np.zeros((1024, 512), np.float32)
    found[256:512, 128:256] = 1.0
    placed = place(found, ((0.0, 1024.0), (0.0, 512.0)), 1)
    [values] = placed.values
    assert values.shape == (LARGEST_SIDE, LARGEST_SIDE)
    rows, columns = np.nonzero(values > 127)
    assert (rows.min(), rows.max() + 1) == (64, 128)
    assert (columns.min(), columns.max() + 1) == (64, 128)


def network(name, **changes):
    return {"network": name, "channels": [1], "columns": 0, "dimensions": "2d"} | changes


@pytest.mark.parametrize(("kind", "architecture", "expected"), [
    ("one", network("resnet10"), ("grad_cam", "occlusion")),
    ("number", network("densenet_small", dimensions="3d"), ("grad_cam", "occlusion")),
    ("one", network("vit_small"), ("attention_rollout", "occlusion")),
    ("many", network("swin_small"), ("occlusion",)),
    ("one", network("resnet10", channels=[1, 2]), ("occlusion",)),
    ("one", network("vit_small", dimensions="2.5d"), ("occlusion",)),
    ("segmentation", network("unet_small"), ("uncertainty",)),
    ("boxes", {"network": "detector"}, ()),
    ("one", {}, ()),
])  # fmt: skip
def test_methods_follow_from_what_is_answered_and_how_the_network_is_built(
    kind, architecture, expected
):
    assert methods_of(kind, architecture) == expected
