"""Inputs: their record, which series is meant, and one case as an array or a reason."""

import numpy as np
import pytest

from learning.training.columns import ColumnEncoder, InvalidColumns, check_row
from learning.training.inputs import (
    Channel,
    Column,
    InputSpec,
    InvalidInput,
    SeriesRule,
    choose_series,
)
from learning.training.preparation import UnusableInput, Volume, prepare, prepare_mask

FLAT = InputSpec((32, 32))
DEEP = InputSpec((8, 32, 32), "3d", spacing_mm=(2.0, 1.0, 1.0), crop="centre")


def noise(*shape):
    return np.random.default_rng(0).normal(100, 20, shape)


def test_an_input_survives_its_record():
    spec = InputSpec(
        (8, 64, 64), "3d",
        (Channel("t1", SeriesRule("MR", "t1.*gd", "axial", "thinnest", 1)),
         Channel("ct", branch=1, normalisation="window", low=-100, high=300)),
        (3.0, 1.0, 1.0), "foreground", columns=(Column("age"), Column("PatientSex", "dicom", ("F", "M"))),
    )  # fmt: skip
    assert InputSpec.from_json(spec.as_json()) == spec
    assert spec.branches == (1, 1)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "size is missing"),
        ([], "input must be an object"),
        ({"size": [32, 32], "sise": 1}, "input has no field sise"),
        ({"size": [32]}, "size must have 2 sides"),
        ({"size": [32, 0]}, "size must have 2 sides"),
        ({"size": "32"}, "size must be a list"),
        ({"size": [32, 32], "spacing_mm": [1, -1]}, "spacing_mm must have 2 values"),
        ({"size": [32, 32], "channels": []}, "channels must name a series"),
        ({"size": [32, 32], "channels": [{"name": ""}]}, r"channels\[0\].name"),
        ({"size": [32, 32], "channels": [{"name": "a"}, {"name": "a"}]}, "names must differ"),
        ({"size": [32, 32], "channels": [{"name": "a", "branch": 1}]}, "without gaps"),
        ({"size": [32, 32], "channels": [{"name": "a", "low": 5, "high": 5}]}, "must lie above low"),
        ({"size": [32, 32], "channels": [{"name": "a", "rule": {"description": "("}}]},
         r"channels\[0\].rule.description is no regular expression"),
        ({"size": [32, 32], "columns": [{"name": "a", "missing": "guess"}]}, r"columns\[0\].missing"),
        ({"size": [32, 32], "columns": [{"name": "a", "source": "web"}]}, r"columns\[0\].source"),
        ({"size": [32, 32], "crop": "tight"}, "crop must be one of"),
    ],
)  # fmt: skip
def test_a_wrong_record_is_named(record, message):
    with pytest.raises(InvalidInput, match=message):
        InputSpec.from_json(record)


def make_series(number, description, count, thickness_mm=5.0, modality="MR", plane="axial"):
    return {
        "number": number, "description": description, "image_count": count,
        "thickness_mm": thickness_mm, "modality": modality, "plane": plane,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SeriesRule("MR", "t1"), 1),
        (SeriesRule("MR", "t1", prefer="thinnest"), 2),
        (SeriesRule("MR", "t1", prefer="first"), 1),
        (SeriesRule("MR", "t1", prefer="last"), 2),
        (SeriesRule("MR", "t1", number=1), 2),
        (SeriesRule("MR", "t1", number=2), None),
        (SeriesRule("MR", plane="sagittal"), 3),
        (SeriesRule("US"), None),
    ],
)
def test_the_series_that_a_rule_means(rule, expected):
    series = [
        make_series(1, "CT thorax", 300, modality="CT"), make_series(2, "T1 ax", 60),
        make_series(3, "ax t1 thin", 40, 1.0), make_series(4, "loc", 3, None, plane="sagittal"),
    ]  # fmt: skip
    assert choose_series(rule, series) == expected


def test_a_case_is_resampled_cut_and_normalised():
    image = noise(4, 40, 60)
    found = prepare({"image": Volume(image, (4.0, 1.0, 1.0))}, DEEP)
    assert (found.shape, found.dtype) == ((1, 8, 32, 32), np.float16)
    assert abs(float(found.astype(np.float32).mean())) < 0.05
    kept = InputSpec((8, 8, 8), "3d", spacing_mm=(2.0, 1.0, 1.0), keeps_size=True)
    mask = (image > 100).astype(np.int16)
    assert prepare({"image": Volume(image, (4.0, 1.0, 1.0))}, kept).shape == (1, 8, 40, 60)
    assert prepare_mask(mask, (4.0, 1.0, 1.0), kept).shape == (8, 40, 60)
    assert set(np.unique(prepare_mask(mask, (4.0, 1.0, 1.0), kept))) == {0, 1}


def test_a_spacing_that_was_rounded_leaves_image_and_mask_alike():
    flat = InputSpec((8, 8), "2d", spacing_mm=(0.1389, 0.1389), keeps_size=True)
    image = noise(1, 1200, 1000)[0]
    found = prepare({"image": Volume(image, (0.139, 0.139))}, flat)
    mask = prepare_mask((image > 100).astype(np.int16), (0.139, 0.139), flat)
    assert found.shape[1:] == mask.shape == (1200, 1000)


def test_a_window_maps_its_ends_to_minus_one_and_one():
    channel = Channel("image", normalisation="window", low=-100, high=300)
    image = np.linspace(-500, 500, 32 * 32).reshape(32, 32)
    found = prepare({"image": Volume(image, (1.0, 1.0))}, InputSpec((32, 32), channels=(channel,)))
    assert (found.min(), found.max()) == (-1, 1)


def test_the_foreground_is_kept_when_the_image_is_cut():
    image = noise(100, 100) * 0.01
    image[80:90, 5:15] += 1000
    spec = InputSpec((32, 32), crop="foreground")
    found = prepare({"image": Volume(image, (1.0, 1.0))}, spec)[0]
    assert (found > found.mean()).sum() == 100


@pytest.mark.parametrize(
    ("volume", "spec", "reason"),
    [
        (Volume(np.full((9, 9), np.nan), (1, 1)), FLAT, "image: the image holds values that are"),
        (Volume(noise(9, 9) * 1e300, (1, 1)), FLAT, "image: the image holds values that are not"),
        (Volume(np.ones((9, 9)), (1, 1)), FLAT, "image: every pixel has the same value"),
        (Volume(np.zeros((0, 9)), (1, 1)), FLAT, "image: the image is empty"),
        (Volume(noise(3, 9, 9), (1, 1, 1)), FLAT, "image: 3 axes where 2 are needed"),
        (Volume(noise(1, 9, 9), (1, 1, 1)), DEEP, "image: 1 slices are too few"),
        (Volume(noise(9, 9), (0, 1)), FLAT, "cannot be right"),
        (Volume(noise(9, 900, 900), (900, 900, 900)), DEEP, "the spacing cannot be right"),
    ],
)
def test_an_image_that_cannot_be_used_says_why(volume, spec, reason):
    with pytest.raises(UnusableInput, match=reason):
        prepare({"image": volume}, spec)


def test_a_missing_series_is_a_reason():
    with pytest.raises(UnusableInput, match="image: no series fits"):
        prepare({}, FLAT)


def test_columns_are_standardised_and_missing_ones_say_so():
    columns = (Column("age", missing="indicate"), Column("sex", categories=("F", "M")))
    rows = [{"age": 40, "sex": "F"}, {"age": 60, "sex": "M"}]
    encoder = ColumnEncoder.fit(columns, rows)
    assert encoder.width == 4
    np.testing.assert_array_equal(encoder.encode(rows[1]), [1, 0, 0, 1])
    np.testing.assert_array_equal(encoder.encode({"age": None, "sex": "F"}), [0, 1, 1, 0])
    assert ColumnEncoder.from_json(columns, encoder.as_json()) == encoder
    for row, reason in [
        ({"age": 50}, "sex is missing"), ({"age": "old", "sex": "F"}, "age is no number"),
        ({"age": True, "sex": "F"}, "age is no number"),
        ({"age": 50, "sex": "x"}, "sex is none of its categories"),
    ]:  # fmt: skip
        with pytest.raises(UnusableInput, match=reason):
            encoder.encode(row)
        with pytest.raises(UnusableInput, match=reason):
            check_row(columns, row)
    assert encoder.encode_all([]).shape == (0, 4)
    same = ColumnEncoder.fit((Column("age"),), [{"age": 0.1}] * 3)
    assert same.encode({"age": 0.1}) == pytest.approx(0, abs=1e-6)
    with pytest.raises(UnusableInput, match="age: no training case"):
        ColumnEncoder.fit(columns, [{"sex": "F"}])


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "2 numbers each"),
        ({"means": [1.0], "deviations": [1.0]}, "2 numbers each"),
        ({"means": [1.0, None], "deviations": [1.0, 1.0]}, "must be numbers"),
        ({"means": [1.0, float("nan")], "deviations": [1.0, 1.0]}, "must be numbers"),
        ({"means": [1.0, 0.0], "deviations": [0.0, 1.0]}, "above 0"),
    ],
)
def test_a_record_of_other_columns_is_refused(record, reason):
    with pytest.raises(InvalidColumns, match=reason):
        ColumnEncoder.from_json((Column("age"), Column("crp")), record)
