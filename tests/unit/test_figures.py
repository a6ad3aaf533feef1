"""All figures of a test set, for every kind of target, and what they say where data are poisoned."""

import json

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from learning.training.evaluate import evaluate, evaluate_masks, examined, thresholds_of
from learning.training.metrics import (
    classification,
    drift,
    figures,
    masks,
    ranked,
    values,
    weighted,
)
from learning.training.tasks import TASKS, ManyAnswers, Number, OneAnswer, OrdinalGrade, TimeToEvent

BINARY = OneAnswer(("no", "yes"))
GRADES = OrdinalGrade(("none", "mild", "severe"))
FINDINGS = ManyAnswers(("effusion", "nodule"))
COUNT = 120


def rng(seed=0):
    return np.random.default_rng(seed)


def patients(count=COUNT):
    """Two cases of every patient."""
    return [f"patient {number // 2}" for number in range(count)]


def made(task):
    """Labels and predictions that agree more often than not."""
    random = rng(1)
    if isinstance(task, ManyAnswers):
        truth = (random.random((COUNT, 2)) < 0.3).astype(np.float32)
        said = np.clip(0.3 + 0.4 * truth + random.normal(0, 0.2, truth.shape), 0, 1)
        truth[:10, 1] = np.nan
        return truth, said
    if isinstance(task, OneAnswer):
        classes = len(task.classes)
        truth = random.integers(0, classes, COUNT)
        said = np.exp(random.normal(size=(COUNT, classes)) + 1.5 * np.eye(classes)[truth])
        return truth, said / said.sum(axis=1, keepdims=True)
    if isinstance(task, Number):
        truth = random.normal(50, 10, COUNT).astype(np.float32)
        return truth, truth[:, None] + random.normal(0, 3, (COUNT, 1))
    risk = random.normal(size=COUNT)
    times = np.round(np.exp(1 - risk + random.normal(size=COUNT)), 1) + 0.1
    return np.stack([times, random.random(COUNT) < 0.6], axis=1).astype(np.float32), risk[:, None]


def halves(task):
    return (0.5,) * (2 if task == FINDINGS else 1)


EVERY_KIND = [
    BINARY, OneAnswer(("a", "b", "c")), GRADES, FINDINGS, Number(), TimeToEvent(),
]  # fmt: skip


def test_the_figure_that_decides_is_that_of_the_task():
    assert set(figures.DECIDING) - set(TASKS) == {"boxes"}  # which have a detector and no task
    for kind, task in TASKS.items():
        name = task.metric.name
        assert name == figures.DECIDING[kind]
        assert task.metric.higher_is_better == (name not in figures.SMALLER_IS_BETTER)


@pytest.mark.parametrize("task", EVERY_KIND, ids=lambda task: f"{task.kind}-{task.outputs}")
def test_every_kind_has_its_figures_with_intervals(task):
    truth, said = made(task)
    thresholds = thresholds_of(task, truth, said, patients())
    found = evaluate(task, truth, said, patients(), thresholds=thresholds, rng=rng())
    json.dumps(found, allow_nan=False)
    assert (found["n"], found["patients"], found["absent_because"]) == (COUNT, COUNT // 2, None)
    measured = {k: v for k, v in found.items() if isinstance(v, dict) and "low" in v}
    assert task.metric.name in measured
    for name, estimate in measured.items():
        assert estimate["low"] <= estimate["value"] <= estimate["high"] or name in (
            "calibration_error",  # of few cases it is biased upwards, and of a draw more so
        )
        assert estimate["low"] < estimate["high"], name


@pytest.mark.parametrize("task", EVERY_KIND, ids=lambda task: f"{task.kind}-{task.outputs}")
def test_without_cases_the_deciding_figure_is_named_and_absent(task):
    truth, said = made(task)
    for nothing in ((truth[:0], said[:0], []), (np.zeros(0), np.zeros((0, 0)), [])):
        found = evaluate(task, *nothing, thresholds=(), rng=rng())
        assert found["n"] == 0
        assert found[task.metric.name] == {"value": None, "low": None, "high": None}
        assert found["absent_because"] == "no_cases"


@pytest.mark.parametrize("task", EVERY_KIND, ids=lambda task: f"{task.kind}-{task.outputs}")
def test_a_network_that_answers_nan_has_no_figures(task):
    truth, said = made(task)
    said[3, 0] = np.nan
    found = evaluate(task, truth, said, patients(), thresholds=halves(task), rng=rng())
    assert found[task.metric.name]["value"] is None
    assert found["absent_because"] == "not_finite"
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("task", "truth", "said", "why"),
    [
        (BINARY, np.ones(6, int), np.full((6, 2), 0.5), "one_answer"),
        (GRADES, np.ones(6, int), np.eye(3)[[1] * 6], "one_answer"),
        (FINDINGS, np.zeros((6, 2)), np.full((6, 2), 0.5), "one_answer"),
        (TimeToEvent(), np.array([[3.0, 0]] * 6), np.zeros((6, 1)), "no_event"),
    ],
)
def test_poisoned_labels_give_a_clear_absence(task, truth, said, why):
    found = evaluate(task, truth, said, list("abcdef"), thresholds=halves(task), rng=rng())
    assert (found["n"], found["absent_because"]) == (6, why)
    assert found[task.metric.name] == {"value": None, "low": None, "high": None}


def test_a_constant_number_has_an_error_and_no_correlation():
    found = evaluate(
        Number(), np.full(4, 2.0), np.full((4, 1), 3.0), list("abcd"), thresholds=(), rng=rng()
    )
    assert found["mean_absolute_error"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (found["r2"]["value"], found["absent_because"]) == (None, "no_spread")


def test_cases_without_an_answer_do_not_count():
    truth, said = made(BINARY)
    all_of_them = evaluate(BINARY, truth, said, patients(), thresholds=(0.5,), rng=rng())
    more = np.concatenate([truth, [-1, -1]]), np.concatenate([said, np.full((2, 2), 0.5)])
    found = evaluate(BINARY, *more, [*patients(), "x", "y"], thresholds=(0.5,), rng=rng())
    assert found == all_of_them


def test_one_patient_gives_no_interval():
    truth, said = made(BINARY)
    found = evaluate(BINARY, truth, said, ["same"] * COUNT, thresholds=(0.5,), rng=rng())
    assert found["auc"]["value"] > 0.5
    assert (found["auc"]["low"], found["auc"]["high"]) == (None, None)


def test_many_patients_with_few_cases_have_wider_intervals_than_cases_alone():
    """Cases of one patient that resemble each other carry less than as many patients."""
    truth, said = made(Number())
    twice = np.repeat(truth[:40], 3), np.repeat(said[:40], 3, axis=0)
    by_patient = [str(n // 3) for n in range(120)]
    by_case = [str(n) for n in range(120)]
    widths = []
    for names in (by_patient, by_case):
        found = evaluate(Number(), *twice, names, thresholds=(), rng=rng())["mean_absolute_error"]
        widths.append(found["high"] - found["low"])
    assert widths[0] > 1.4 * widths[1]


def test_the_figures_of_several_findings_are_means_over_those_looked_for():
    truth, said = made(FINDINGS)
    found = evaluate(FINDINGS, truth, said, patients(), thresholds=(0.5, 0.4), rng=rng())
    known = np.isfinite(truth[:, 1])
    wanted = [
        reference.roc_auc_score(truth[:, 0], said[:, 0]),
        reference.roc_auc_score(truth[known, 1], said[known, 1]),
    ]
    assert found["mean_auc"]["value"] == pytest.approx(np.mean(wanted))
    assert [label["auc"]["value"] for label in found["labels"]] == pytest.approx(wanted)
    f1 = [
        reference.f1_score(truth[:, 0], said[:, 0] >= 0.5),
        reference.f1_score(truth[known, 1], said[known, 1] >= 0.4),
    ]
    assert found["mean_f1"]["value"] == pytest.approx(np.mean(f1))
    assert found["labels"][1]["positives"] + found["labels"][1]["negatives"] == COUNT - 10


FIVE_EACH = np.repeat([0, 1], 5)
APART = np.array([0.1, 0.1, 0.2, 0.2, 0.3, 0.4, 0.8, 0.8, 0.9, 0.9])


def two_of(said):
    return np.stack([1 - said, said], axis=1)


def test_thresholds_lie_midway_between_what_validation_tells_apart():
    names = list("abcdefghij")
    assert thresholds_of(BINARY, FIVE_EACH, two_of(APART), names) == (pytest.approx(0.35),)
    many = np.stack([FIVE_EACH, [np.nan] * 10], axis=1)
    found = thresholds_of(FINDINGS, many, np.stack([APART, APART], axis=1), names)
    assert found == (pytest.approx(0.35), 0.5)
    assert thresholds_of(GRADES, np.array([0, 1]), np.eye(3)[:2], ["a", "b"]) == ()
    assert thresholds_of(Number(), FIVE_EACH, APART[:, None], names) == ()


@pytest.mark.parametrize(
    ("truth", "names"),
    [
        ([0] * 10, "abcdefghij"),
        ([0] * 6 + [1] * 4, "abcdefghij"),
        ([0] * 4 + [1] * 6, "abcdefghij"),
        ([0] * 5 + [1] * 5, "abcdefghii"),  # five positives of four patients
        ([1] * 5 + [0] * 5, "abcdefghij"),  # upside down
    ],
)
def test_a_threshold_that_validation_cannot_choose_stays_one_half(truth, names):
    assert thresholds_of(BINARY, np.array(truth), two_of(APART), list(names)) == (0.5,)


def test_masks_are_judged_by_structure_with_what_was_missed():
    same, missed = (
        masks.ClassOverlap(1.0, 0.0, False, True), masks.ClassOverlap(0.0, None, True, True),
    )  # fmt: skip
    nothing, half = (
        masks.ClassOverlap(None, None, False, False), masks.ClassOverlap(0.5, 4.0, False, True),
    )  # fmt: skip
    cases = [[same, nothing], [half, missed], [same, same]]
    found = evaluate_masks(("head", "tail"), cases, ["a", "b", "c"], rng=rng())
    assert found["labels"][0]["dice"]["value"] == pytest.approx(2.5 / 3)
    assert found["labels"][1]["dice"]["value"] == pytest.approx(0.5)
    assert found["mean_dice"]["value"] == pytest.approx((2.5 / 3 + 0.5) / 2)
    assert found["labels"][1]["hd95_mm"]["value"] == 0.0
    assert [label["missed"] for label in found["labels"]] == [0, 1]
    assert found["metric"] == {"name": "mean_dice", "higher_is_better": True}
    empty = evaluate_masks(("head", "tail"), [[nothing, nothing]], ["a"], rng=rng())
    assert (empty["mean_dice"]["value"], empty["absent_because"]) == (None, "nothing_drawn")
    assert evaluate_masks(("head",), [], [], rng=rng())["mean_dice"]["value"] is None


def test_structures_without_a_distance_because_of_unknown_pixels_are_not_missed():
    cases = [[masks.ClassOverlap(dice, None, False, True)] for dice in (0.5, 0.7)]
    found = evaluate_masks(("head",), cases, ["a", "b"], rng=rng())
    assert (found["mean_hd95_mm"]["value"], found["labels"][0]["missed"]) == (None, 0)


def test_counting_draws_equals_sorting_them():
    random = rng(2)
    is_positive, scores = random.random(300) < 0.3, np.round(random.normal(size=300), 1)
    count = ranked.counter(is_positive, scores)
    for _ in range(20):
        rows = random.integers(0, 300, 300)
        truth, score = is_positive[rows], scores[rows]
        assert ranked.auc(count(rows)) == pytest.approx(reference.roc_auc_score(truth, score))
        assert ranked.average_precision(count(rows)) == pytest.approx(
            reference.average_precision_score(truth, score)
        )
        assert ranked.sensitivity_at_specificity(count(rows), 0.9) == pytest.approx(
            classification.sensitivity_at_specificity(truth, score, 0.9)
        )


@pytest.mark.parametrize("task", EVERY_KIND, ids=lambda task: f"{task.kind}-{task.outputs}")
def test_weighing_rows_equals_drawing_them(task):
    truth, said = made(task)
    if task == BINARY:
        said = np.round(said, 1)  # ties
    test = examined(task, truth, said, patients(), thresholds=halves(task)).labeled()
    by_rows = figures.measures_of(test)
    by_weights = weighted.weighted_measures(test)
    assert next(iter(by_weights)) == task.metric.name
    some = np.sort(rng(5).choice(len(test), 70, replace=False))
    times = rng(4).integers(0, 3, (len(test), 6)).astype(np.float32)
    for name, measure in by_weights.items():
        wanted = [by_rows[name](np.repeat(some, times[some, n].astype(int))) for n in range(6)]
        assert measure(some, times) == pytest.approx(wanted), name


def test_drawn_weights_are_whole_patients():
    found = np.concatenate(list(weighted.draws(patients(), rng(), 50)), axis=1)
    assert found.shape == (COUNT, 50)
    assert np.array_equal(found[::2], found[1::2])
    assert np.all(found.sum(axis=0) == COUNT)


def test_weighing_pairs_equals_counting_them():
    truth, said = made(TimeToEvent())
    times, has_event = np.round(truth[:, 0].astype(float)), truth[:, 1] == 1
    risks = np.round(said[:, 0], 1)
    pairs = values.Pairs.of(times, has_event, risks)
    for seed in range(10):
        rows = rng(seed).integers(0, COUNT, COUNT)
        assert pairs.concordance(rows) == pytest.approx(
            values.concordance(times[rows], has_event[rows], risks[rows]), abs=1e-6
        )
    assert pairs.concordance(np.flatnonzero(~has_event)) is None


def test_ranks_and_kolmogorov_equal_scipy():
    random = rng(3)
    for size in (30, 200, 2000):
        before, after = np.round(random.normal(size=size), 1), random.normal(0.1, 1.1, size // 2)
        found, wanted = drift.output_drift(before, after), stats.ks_2samp(before, after)
        assert found.distance == pytest.approx(wanted.statistic)
        assert found.p == pytest.approx(wanted.pvalue, rel=0.25, abs=0.02)
    assert values.spearman(before[:100], after[:100]) == pytest.approx(
        stats.spearmanr(before[:100], after[:100]).statistic
    )


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 answers, 1 predictions"):
        examined(BINARY, np.zeros(2), np.zeros((1, 2)), ["a", "b"])
    with pytest.raises(ValueError, match="1 thresholds where 2 are needed"):
        examined(FINDINGS, *made(FINDINGS), patients(), thresholds=(0.5,))
    with pytest.raises(ValueError, match="is none of one"):
        figures.Examined("taste", np.zeros(0), np.zeros((0, 1)), [])
