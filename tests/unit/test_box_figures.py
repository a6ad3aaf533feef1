"""The figures of boxes from what is kept of each case, by hand and draw by draw."""

import numpy as np
import pytest

from learning.training.metrics.box_figures import packed
from learning.training.metrics.detections import Matches
from learning.training.metrics.figures import Examined, figures, measures_of
from learning.training.metrics.intervals import resamples
from learning.training.metrics.weighted import weighted_measures


def matches_of(*images):
    """(objects, [(score, is a hit)]) of each image."""
    return Matches(
        [np.array([score for score, _ in found], float) for _, found in images],
        [np.array([is_hit for _, is_hit in found], bool) for _, found in images],
        np.array([objects for objects, _ in images]),
    )


def examined_of(*by_overlap, classes=("nodule",), overlaps=(0.5,)):
    objects = np.stack([one.objects for one in by_overlap[0]], axis=1)
    count = len(objects)
    return Examined(
        "boxes", objects, packed(by_overlap), [f"p{n // 2}" for n in range(count)], classes,
        overlaps=overlaps,
    )  # fmt: skip


TWO = matches_of((2, [(0.9, True), (0.8, False)]), (1, [(0.7, True)]))


def random_test(seed, count=30):
    random = np.random.default_rng(seed)

    def one():
        return matches_of(*(
            (int(random.integers(0, 3)) + 2, [
                (score, bool(random.random() < 0.5 and place < 2))
                for place, score in enumerate(sorted(random.random(4).round(1), reverse=True))
            ])
            for _ in range(count)
        ))  # fmt: skip

    return examined_of([one(), one()], classes=("nodule", "mass"))


def test_average_precision_froc_and_its_curve_by_hand():
    """Hit, miss, hit of three objects in two images.

    Precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3. No false box is allowed below half a box per image.
    """
    found = figures(examined_of([TWO]), np.random.default_rng(0))
    assert found["ap50"]["value"] == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)
    assert found["froc"]["value"] == pytest.approx((2 * 1 / 3 + 5 * 2 / 3) / 7)
    curve = [(p["false_per_image"], p["sensitivity"]["value"]) for p in found["froc_curve"]]
    assert curve == [
        (rate, pytest.approx(1 / 3 if rate < 0.5 else 2 / 3))
        for rate in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
    ]
    assert found["metric"] == {"name": "ap50", "higher_is_better": True}
    [nodule] = found["labels"]
    assert (nodule["positives"], nodule["objects"]) == (2, 3)


def test_the_first_overlap_decides_and_each_has_its_own_hits():
    nothing = matches_of((2, [(0.9, False), (0.8, False)]), (1, [(0.7, False)]))
    found = figures(examined_of([TWO], [nothing], overlaps=(0.1, 0.5)), np.random.default_rng(0))
    assert found["metric"]["name"] == "ap10"
    assert found["ap10"]["value"] == pytest.approx(5 / 9)
    assert (found["ap50"]["value"], found["froc"]["value"]) == (0.0, pytest.approx(4 / 7))


def test_every_figure_has_an_interval():
    found = figures(random_test(0), np.random.default_rng(0))
    every = [found["ap50"], found["froc"]]
    every += [label[name] for label in found["labels"] for name in ("ap50", "froc")]
    every += [point["sensitivity"] for point in found["froc_curve"]]
    assert len(every) == 13
    assert all(one["low"] <= one["value"] <= one["high"] for one in every)
    assert found["ap50"]["low"] < found["ap50"]["high"]


def test_many_draws_at_once_give_what_each_draw_gives():
    test = random_test(1)
    rows = np.flatnonzero(np.arange(len(test)) % 3 > 0)  # a subgroup
    drawn = list(resamples(test.patients, np.random.default_rng(2), 20))
    weights = np.stack([np.bincount(d, minlength=len(test)) for d in drawn], axis=1)
    by_row = measures_of(test)
    for name, measure in weighted_measures(test).items():
        alone = [by_row[name](d[np.isin(d, rows)]) for d in drawn]
        assert measure(rows, weights.astype(np.float32)) == pytest.approx(alone), name


def test_without_cases_without_objects_and_without_detections():
    nobody = figures(examined_of([matches_of()]), np.random.default_rng(0))
    assert (nobody["n"], nobody["absent_because"]) == (0, "no_cases")
    empty = figures(examined_of([matches_of((0, [(0.9, False)]))]), np.random.default_rng(0))
    assert (empty["ap50"]["value"], empty["absent_because"]) == (None, "nothing_drawn")
    silent = figures(examined_of([matches_of((1, []), (2, []))]), np.random.default_rng(0))
    assert (silent["ap50"]["value"], silent["froc"]["value"]) == (0.0, 0.0)
