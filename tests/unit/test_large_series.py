"""A series of thousands of slices is looked at in a bounded share of memory, or left out by name."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from learning import volumes
from learning.training import preparation
from learning.training.inputs import Channel, InputSpec
from learning.training.preparation import UnusableInput, Volume, prepare_placed
from tests.unit.test_native_values import written

SIDE, SLICES = 256, 24
VOXELS = SLICES * SIDE * SIDE


@pytest.fixture
def series(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4095, (SIDE, SIDE)).astype("<u2")
    described = {"stored": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}
    stack = written(tmp_path / "a.dcm", pixels, **described)
    return replace(stack, frames=stack.frames * SLICES)


@pytest.mark.parametrize("options", [{"keeps_size": True}, {"crop": "foreground"}])
def test_a_large_series_takes_few_bytes_a_voxel(series, options, monkeypatch):
    monkeypatch.setattr(preparation, "AT_ONCE", VOXELS // 32)
    spec = InputSpec((16, 64, 64), dimensions="3d", **options)
    tracemalloc.start()
    try:
        values = volumes._shown(series, Channel("image"))
        read = tracemalloc.get_traced_memory()[1] / VOXELS
        prepare_placed({"image": Volume(values, (1.0, 1.0, 1.0))}, spec)
        prepared = tracemalloc.get_traced_memory()[1] / VOXELS
    finally:
        tracemalloc.stop()
    assert values.dtype == np.float32
    assert (read < 5, prepared < 9) == (True, True), (read, prepared)


def test_normalising_part_by_part_is_normalising_the_whole(series, monkeypatch):
    values = volumes._shown(series, Channel("image"))
    spec = InputSpec((16, 64, 64), dimensions="3d", keeps_size=True)
    volume = {"image": Volume(values, (1.0, 1.0, 1.0))}
    whole = prepare_placed(volume, spec).image
    monkeypatch.setattr(preparation, "AT_ONCE", 1)
    np.testing.assert_allclose(prepare_placed(volume, spec).image, whole, atol=0.001)
    clipped = np.clip(values, *np.percentile(values, [0.5, 99.5])).astype(np.float64)
    expected = (clipped - clipped.mean()) / clipped.std()
    np.testing.assert_allclose(whole[0], expected, atol=0.001)


def test_a_series_that_is_too_large_is_left_out_before_it_is_read(series, monkeypatch):
    monkeypatch.setattr(volumes, "LARGEST_SERIES", 1_000_000)
    monkeypatch.setattr(volumes, "modality_values", None)
    with pytest.raises(UnusableInput) as refused:
        volumes._shown(replace(series, frames=series.frames * 2), Channel("image"))
    assert str(refused.value) == (
        "the series has 3 million voxels; at most 1 million can be looked at"
    )
