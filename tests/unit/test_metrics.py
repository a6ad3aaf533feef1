"""Every metric against values by hand, scikit-learn, SciPy and MONAI."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance
from scipy import stats
from sklearn import metrics as reference

from learning.training.metrics import classification, drift, masks, subgroups, values, weighted
from learning.training.metrics.intervals import bootstrap, compare, resamples
from learning.training.metrics.support import Support

TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 1]).astype(bool)


def noisy(count=400, seed=0):
    """A rare positive class, scores with ties."""
    rng = np.random.default_rng(seed)
    is_positive = rng.random(count) < 0.3
    return is_positive, np.round(rng.normal(size=count) + is_positive, 1)


def three_classes(count=300, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    logits = rng.normal(size=(count, 3)) + 1.5 * np.eye(3)[truth]
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


# classification


def test_average_precision_and_f1_equal_sklearn():
    is_positive, scores = noisy()
    assert classification.average_precision(is_positive, scores) == pytest.approx(
        reference.average_precision_score(is_positive, scores)
    )
    assert classification.f1(is_positive, scores > 0.5) == pytest.approx(
        reference.f1_score(is_positive, scores > 0.5)
    )


def test_multi_class_figures_equal_sklearn():
    truth, probabilities = three_classes()
    assert classification.mean_auc(truth, probabilities) == pytest.approx(
        reference.roc_auc_score(truth, probabilities, multi_class="ovr")
    )
    assert classification.macro_f1(truth, probabilities) == pytest.approx(
        reference.f1_score(truth, probabilities.argmax(axis=1), average="macro")
    )
    assert classification.brier(truth, probabilities) == pytest.approx(
        ((probabilities - np.eye(3)[truth]) ** 2).sum() / len(truth)
    )


@pytest.mark.parametrize(
    "measure",
    [classification.auc, classification.average_precision,
     lambda t, s: classification.f1(t, s > 0.5),
     lambda t, s: classification.sensitivity_at_specificity(t, s, 0.9)],
)  # fmt: skip
def test_a_perfect_classifier_reaches_one_and_a_permuted_one_does_not(measure):
    assert measure(TRUTH, TRUTH.astype(float)) == 1.0
    assert measure(TRUTH, 1.0 - TRUTH) < 0.6


def test_permuted_classes_do_not_match():
    truth, _ = three_classes()
    perfect = np.eye(3)[truth]
    assert classification.mean_auc(truth, perfect) == 1.0
    assert classification.macro_f1(truth, np.roll(perfect, 1, axis=1)) == 0.0
    assert classification.brier(truth, np.roll(perfect, 1, axis=1)) == 2.0


@pytest.mark.parametrize("wanted", [0.0, 0.5, 0.8, 0.95, 1.0])
def test_sensitivity_at_specificity_equals_the_roc_curve(wanted):
    is_positive, scores = noisy()
    false_rate, true_rate, _ = reference.roc_curve(is_positive, scores, drop_intermediate=False)
    best = true_rate[1 - false_rate >= wanted - 1e-12].max()
    assert classification.sensitivity_at_specificity(is_positive, scores, wanted) == pytest.approx(
        best
    )


def test_what_needs_both_classes_is_none_with_one():
    nobody, scores = np.zeros(4, bool), np.arange(4.0)
    assert classification.average_precision(nobody, scores) is None
    assert classification.sensitivity_at_specificity(nobody, scores, 0.9) is None
    assert classification.f1(nobody, nobody) is None
    assert classification.brier(np.zeros(0, int), np.zeros((0, 2))) is None


def test_macro_leaves_out_what_nobody_read_and_labels_without_positives():
    truth = np.array([[1, 0, np.nan], [0, 0, 1], [1, 0, 0], [0, 0, np.nan]])
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.1], [0.1, 0.5, 0.8], [0.3, 0.9, 1.0]])
    # label 0: pairs (0.9 and 0.1) against (0.2 and 0.3) = 1/2; label 1 has no positive; label 2: 0
    assert classification.macro(classification.auc, truth, scores) == pytest.approx(0.25)


# ordered grades, numbers, survival


def test_quadratic_kappa_equals_sklearn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 200)
    answer = np.clip(truth + rng.integers(-2, 3, 200), 0, 4)
    assert values.quadratic_kappa(truth, answer, 5) == pytest.approx(
        reference.cohen_kappa_score(truth, answer, weights="quadratic")
    )
    assert values.quadratic_kappa(truth, truth, 5) == 1.0
    assert values.quadratic_kappa(np.zeros(3, int), np.zeros(3, int), 5) is None
    with pytest.raises(ValueError, match="answer must lie between 0 and 4"):
        values.quadratic_kappa(truth, answer + 1, 5)


def test_regression_equals_sklearn_and_scipy():
    rng = np.random.default_rng(0)
    truth = np.round(rng.normal(size=100), 1)
    answer = np.round(truth + rng.normal(size=100), 1)
    assert values.mean_absolute_error(truth, answer) == pytest.approx(
        reference.mean_absolute_error(truth, answer)
    )
    assert values.root_mean_square_error(truth, answer) == pytest.approx(
        reference.root_mean_squared_error(truth, answer)
    )
    assert values.r2(truth, answer) == pytest.approx(reference.r2_score(truth, answer))
    assert values.spearman(truth, answer) == pytest.approx(stats.spearmanr(truth, answer).statistic)
    assert values.r2(truth, truth) == values.spearman(truth, truth) == 1.0
    assert values.spearman(truth, np.ones(100)) is None


def harrell(times, has_event, risks):
    """Slow and plain, over all pairs."""
    right = known = 0.0
    for i in range(len(times)):
        for j in range(len(times)):
            if has_event[i] and (
                times[i] < times[j] or (times[i] == times[j] and not has_event[j])
            ):
                known += 1
                right += (risks[i] > risks[j]) + 0.5 * (risks[i] == risks[j])
    return right / known


def test_concordance_by_hand_with_ties_and_censoring():
    times = np.array([1.0, 2.0, 2.0, 3.0])
    has_event = np.array([True, True, False, False])
    # known pairs: 0 before 1, 2, 3; 1 before 2 (censored at the same time) and 3; right: all but 1-2 (half)
    risks = np.array([0.9, 0.5, 0.5, 0.1])
    assert values.concordance(times, has_event, risks) == pytest.approx(4.5 / 5)
    assert values.concordance(times, has_event, -times) == pytest.approx(4.5 / 5)
    assert values.concordance(times, np.zeros(4, bool), risks) is None


def test_concordance_equals_the_plain_definition():
    rng = np.random.default_rng(0)
    times, risks = np.round(rng.exponential(3, 60), 0), np.round(rng.normal(size=60), 1)
    has_event = rng.random(60) < 0.6
    assert values.concordance(times, has_event, risks) == pytest.approx(
        harrell(times, has_event, risks)
    )


# masks


def blobs(seed):
    rng = np.random.default_rng(seed)
    made = np.zeros((12, 24, 20), int)
    for label in (1, 2):
        corner = rng.integers(1, 6, 3)
        made[tuple(slice(c, c + s) for c, s in zip(corner, (5, 10, 8), strict=True))] = label
    return made


@pytest.mark.parametrize("seed", range(4))
def test_dice_and_hd95_in_mm_equal_monai(seed):
    truth, answer, spacing = blobs(seed), blobs(seed + 100), (3.0, 0.7, 1.2)
    found = masks.compare_maps(truth, answer, class_count=3, spacing_mm=spacing)
    hot = [torch.from_numpy(np.eye(3)[m]).movedim(-1, 0)[None] for m in (answer, truth)]
    wanted_dice = compute_dice(*hot, include_background=False)[0]
    wanted_hd95 = compute_hausdorff_distance(
        *hot, include_background=False, percentile=95, spacing=spacing
    )[0]
    assert [f.dice for f in found] == pytest.approx(wanted_dice.tolist())
    assert [f.hd95_mm for f in found] == pytest.approx(wanted_hd95.tolist(), rel=1e-5)


def test_masks_perfect_disjoint_permuted_and_empty():
    truth = np.array([[0, 1, 1], [0, 2, 2], [0, 0, 0]])
    same = masks.compare_maps(truth, truth, class_count=4, spacing_mm=(1, 1))
    assert [(f.dice, f.hd95_mm, f.is_missed) for f in same] == [
        (1.0, 0.0, False), (1.0, 0.0, False), (None, None, False),
    ]  # fmt: skip
    permuted = masks.compare_maps(
        truth, np.array([0, 2, 1])[truth], class_count=3, spacing_mm=(1, 1)
    )
    assert [f.dice for f in permuted] == [0.0, 0.0]
    empty = masks.compare_maps(truth, np.zeros_like(truth), class_count=3, spacing_mm=(1, 1))
    assert [(f.dice, f.hd95_mm, f.is_missed) for f in empty] == [(0.0, None, True)] * 2
    assert masks.mean_by_class([same[:2], empty], "dice") == [0.5, 0.5]
    assert masks.mean_by_class([same[:2], empty], "hd95_mm") == [0.0, 0.0]
    assert masks.missed([same[:2], empty]) == [1, 1]


def test_a_distance_is_in_millimetres_of_its_own_axis():
    first, second = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    first[2, 4], second[5, 4] = True, True
    assert masks.hd95_mm(first, second, (2.0, 1.0)) == 6.0


def test_no_distance_is_told_where_the_size_of_pixels_is_unknown():
    truth, answer, unknown = np.eye(4, dtype=int), np.ones((4, 4), int), (np.nan, np.nan)
    [found] = masks.compare_maps(truth, answer, class_count=2, spacing_mm=unknown)
    assert (found.dice, found.hd95_mm, found.is_missed) == (0.4, None, False)


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="answer must hold classes 0 to 1"):
        masks.compare_maps(
            np.zeros((2, 2), int), np.full((2, 2), 2), class_count=2, spacing_mm=(1, 1)
        )
    with pytest.raises(ValueError, match="spacing_mm"):
        masks.compare_maps(
            np.zeros((2, 2), int), np.zeros((2, 2), int), class_count=2, spacing_mm=(1,)
        )


# comparison, subgroups, drift


def test_a_candidate_is_compared_on_the_same_patients():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=200)  # how hard a case is moves both models alike: pairing removes it
    production, candidate = hard, hard - 0.02 + rng.normal(size=200) * 0.01
    patients = [str(n) for n in range(200)]

    def of(scores):
        return lambda rows: float(scores[rows].mean())

    found = compare(of(candidate), of(production), patients, np.random.default_rng(1), margin=0.05)
    assert (found.is_not_worse, found.is_better) == (True, False)
    assert found.difference.high - found.difference.low < 0.01
    strict = compare(of(candidate), of(production), patients, np.random.default_rng(1), margin=0.01)
    assert not strict.is_not_worse
    errors = compare(of(candidate), of(production), patients, np.random.default_rng(1), margin=0.0,
                     higher_is_better=False)  # fmt: skip
    assert errors.is_better


def test_nothing_is_claimed_without_data():
    found = compare(lambda _: None, lambda _: None, ["a"], np.random.default_rng(0), margin=0.1)
    assert (found.is_not_worse, found.is_better) == (False, False)


def test_a_planted_gap_is_found_and_chance_is_not():
    rng = np.random.default_rng(0)
    count = 600
    truth = rng.random(count) < 0.5
    scanner = rng.choice(["A", "B", "C"], count)
    sex = rng.choice(["F", "M"], count)
    scores = rng.normal(size=count) + 2.0 * truth * (scanner != "C")
    found = subgroups.by_subgroup(
        weighted.auc(truth, scores),
        {"scanner": scanner.tolist(), "sex": [*sex[:-1].tolist(), None]},
        [str(n) for n in range(count)], np.random.default_rng(1), repeats=300,
    )  # fmt: skip
    rows = {(s.attribute, s.value): s for s in found}
    assert [key for key, s in rows.items() if s.is_real and s.gap.value < 0] == [("scanner", "C")]
    assert not rows["sex", "F"].is_real
    assert rows["scanner", "C"].gap.high < 0
    assert rows["sex", "F"].count + rows["sex", "M"].count == count - 1
    mine = scanner == "C"
    assert rows["scanner", "C"].estimate.value == classification.auc(truth[mine], scores[mine])


def test_many_subgroups_do_not_hide_a_plain_gap():
    """With 8 subgroups and 100 draws, the smallest p of the draws alone would never survive Holm."""
    rng = np.random.default_rng(0)
    site = np.repeat([f"site {n}" for n in range(8)], 30)
    values_ = rng.normal(size=len(site)) + 3.0 * (site == "site 7")
    found = subgroups.by_subgroup(
        weighted.mean(values_), {"site": site.tolist()}, [str(n) for n in range(len(site))],
        np.random.default_rng(1), repeats=100,
    )  # fmt: skip
    assert "site 7" in [s.value for s in found if s.is_real and s.gap.value > 2]


def test_of_a_rare_finding_chance_warns_of_no_group():
    """12 positives of 400 patients: a group with one of them has draws of one sign alone."""
    groups = {"sex": 2, "scanner": 5, "site": 4}
    warned = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = (rng.permutation(400) < 12).astype(np.int64)
        scores = rng.normal(size=400) + 1.5 * truth
        said = np.stack([1 - scores, scores], axis=1)
        names = [str(n) for n in range(400)]
        support = Support.of("one", truth, said, names, "auc")
        found = subgroups.by_subgroup(
            weighted.auc(truth == 1, scores),
            {name: rng.integers(many, size=400).astype(str).tolist() for name, many in groups.items()},
            names, rng, repeats=100, can_test=lambda rows, of=support: of.rests_on(rows) >= 11,
        )  # fmt: skip
        warned += any(s.is_real and s.gap.value < 0 for s in found)
    assert warned <= 3


def test_holm_by_hand():
    assert subgroups.holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])


def test_an_attribute_with_one_value_has_no_rest():
    found = subgroups.by_subgroup(
        weighted.of_rows(lambda i: float(len(i))),
        {"site": ["x", "x"]},
        ["a", "b"],
        np.random.default_rng(0),
        repeats=10,
    )
    assert (found[0].gap.value, found[0].p, found[0].is_real) == (None, None, False)


def test_drift_is_found_where_it_is_and_nowhere_else():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(240, 16)).astype(np.float32)
    groups, periods = ["A"] * 120 + ["B"] * 120, (["march"] * 60 + ["april"] * 60) * 2
    vectors[180:, 0] += 2.0  # scanner B in April
    found = drift.drift_by_group(
        vectors, groups, periods, reference="march", rng=np.random.default_rng(1)
    )
    assert [(f.group, f.period, f.is_real) for f in found] == [
        ("A", "april", False), ("B", "april", True),
    ]  # fmt: skip


def test_too_few_images_are_not_judged():
    vectors = np.zeros((4, 2), np.float32)
    found = drift.drift_by_group(
        vectors,
        ["A"] * 4,
        ["old", "old", "new", "new"],
        reference="old",
        rng=np.random.default_rng(0),
    )
    assert (found[0].drift, found[0].is_real, found[0].count) == (None, False, 2)


def test_frechet_distance_of_gaussians_by_hand():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(20_000, 2)).astype(np.float32)
    second = (rng.normal(size=(20_000, 2)) * [2.0, 1.0] + [3.0, 0.0]).astype(np.float32)
    # |3|^2 + (2 - 1)^2
    assert drift.frechet_distance(first, second) == pytest.approx(10.0, rel=0.03)
    assert drift.frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)


def test_output_drift():
    rng = np.random.default_rng(0)
    before, same, after = rng.random(500), rng.random(500), rng.random(500) ** 2
    assert drift.output_drift(before, same).p > 0.05 > drift.output_drift(before, after).p
    assert drift.stability_index(before, same) < 0.1 < 0.25 < drift.stability_index(before, after)
    assert drift.stability_index(before, before) == pytest.approx(0.0)


def test_all_rows_of_a_drawn_patient_are_drawn():
    patients = ["a", "b", "a", "c", "a", "b"]
    for rows in resamples(patients, np.random.default_rng(0), 50):
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2] == counts[4]
        assert counts[1] == counts[5]
        assert counts[0] + counts[1] + counts[3] == 3


def test_an_interval_covers_the_truth_as_often_as_it_says():
    """95 % intervals of a mean of 40 patients cover the true mean in about 95 of 100 data sets."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        sample = rng.normal(size=40)
        found = bootstrap(
            lambda i, s=sample: float(s[i].mean()), [str(n) for n in range(40)], rng, 200
        )
        covered += found.low <= 0 <= found.high
    assert 85 <= covered <= 100


def test_the_bins_of_the_reliability_plot_by_hand():
    truth = np.array([1, 0, 1, 1, 0])
    of_one = np.array([0.95, 0.05, 0.91, 0.55, 0.9])
    found = classification.reliability(truth, np.stack([1 - of_one, of_one], axis=1))
    assert [bin_["count"] for bin_ in found] == [1, 4]  # 0.55; and 0.95, 0.95, 0.91 and 0.9
    assert [bin_["accuracy"] for bin_ in found] == [1.0, 0.75]
    assert found[0]["confidence"] == pytest.approx(0.55)
    assert found[1]["confidence"] == pytest.approx((0.95 + 0.95 + 0.91 + 0.9) / 4)
