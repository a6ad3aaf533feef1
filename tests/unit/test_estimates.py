"""Estimates against simulations whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from learning.acquisition.sampling import draw, powered
from learning.estimates.balanced import balanced
from learning.estimates.bounds import student, wilson
from learning.estimates.forecast import NotEnoughPoints, forecast, rows_apart
from learning.estimates.lure import Draw, Estimate, InvalidDraws, as_rate, lure, pooled, weights
from learning.estimates.stopping import (
    Evidence,
    Goal,
    audit_agreement,
    concordance,
    kappa,
    stopping,
)
from learning.estimates.triggers import prequential, retraining


def simulated(losses, wish, count, seed, floor=0.5):
    drawn = draw({"u": (1, wish)}, count, np.random.default_rng(seed), floor=floor)
    pairs = zip(drawn.rows, drawn.propensities, strict=True)
    return [Draw(float(losses[row]), float(q), 0) for row, q in pairs]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000), size=st.integers(30, 120), share=st.floats(0.1, 0.9),
    sharpness=st.sampled_from([1.0, 4.0, 10.0]),
)  # fmt: skip
def test_lure_is_unbiased_whatever_was_drawn(seed, size, share, sharpness):
    rng = np.random.default_rng(seed)
    wish = powered(rng.random(size), sharpness)
    losses = (rng.random(size) < 0.1 + 0.8 * wish).astype(float)  # errors where it draws
    runs = [
        lure(simulated(losses, wish, max(int(size * share), 2), s), size).value for s in range(250)
    ]
    error = np.std(runs) / np.sqrt(len(runs))
    assert abs(np.mean(runs) - losses.mean()) < 5 * error + 1e-9


def test_the_plain_mean_of_top_ranked_labels_is_biased_and_lure_is_not():
    rng = np.random.default_rng(0)
    wish = powered(rng.random(1000), 4)
    losses = (rng.random(1000) < 0.6 * wish + 0.05).astype(float)
    runs = [simulated(losses, wish, 100, s) for s in range(150)]
    naive = np.mean([[d.loss for d in draws] for draws in runs])
    found = [lure(draws, 1000) for draws in runs]
    assert naive - losses.mean() > 0.1
    assert np.mean([e.value for e in found]) == pytest.approx(losses.mean(), abs=0.01)
    covered = [e.interval[0] <= losses.mean() <= e.interval[1] for e in found]
    assert 0.85 < np.mean(covered) <= 1


def test_few_draws_that_weigh_much_do_not_pass_for_many():
    """As herding draws: refits of 5 each, with sharp wishes that say nothing of what is lost."""
    covered = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        wishes = [powered(rng.random(400), 30) for _ in range(10)]
        losses = rng.random(400) < 0.12
        refits = [
            lure(simulated(losses, wish, 5, [seed, refit], floor=0.1), 400)
            for refit, wish in enumerate(wishes)
        ]
        low, high = as_rate(pooled(refits)).interval
        covered.append(low <= losses.mean() <= high)
    assert np.mean(covered) >= 0.85
    assert Estimate(2.0, 0.1, 100, 25).interval == pytest.approx(student(2.0, 0.2, 25))


def test_weights_are_the_formula_and_even_draws_weigh_one():
    n, q = 10, np.array([0.3, 0.2, 0.5])
    by_hand = [1 + (n - 3) / (n - m) * (1 / ((n - m + 1) * q[m - 1]) - 1) for m in (1, 2, 3)]
    np.testing.assert_allclose(weights(q, n), by_hand)
    np.testing.assert_allclose(weights(1 / (10 - np.arange(10)), 10), np.ones(10))


def test_a_whole_pool_is_its_mean_without_doubt():
    losses = np.array([0.0, 1.0, 1.0, 0.0])
    found = lure(simulated(losses, np.ones(4), 4, 0, floor=0.1), 4)
    assert (found.value, found.standard_error) == (pytest.approx(0.5), 0)


def test_bounds_are_those_of_other_libraries():
    for wrong, count in ((0, 3), (1, 12), (30, 40)):
        wanted = stats.binomtest(wrong, count).proportion_ci(method="wilson")
        np.testing.assert_allclose(wilson(wrong / count, count), tuple(wanted), atol=1e-4)
    for count in (2, 3, 10, 11, 12, 40, 1000):
        np.testing.assert_allclose(
            student(0, 1, count)[1], stats.t.ppf(0.975, count - 1), rtol=2e-3
        )


def test_no_error_in_few_cases_is_no_proof_of_none():
    assert as_rate(plain(np.zeros(3))).interval[1] == pytest.approx(0.56, abs=0.01)
    assert as_rate(plain(np.zeros(400))).interval[1] < 0.01
    assert plain(np.array([2.0, 6.0])).interval == (0.0, pytest.approx(29.4, abs=0.1))
    low, high = as_rate(plain(np.repeat([1.0, 0.0], 10))).interval
    np.testing.assert_allclose((low, high), wilson(0.5, 19))


def test_the_balanced_error_of_few_is_as_unsure_as_its_scarcest_side():
    truth = np.array([[1.0]] + [[0.0]] * 99)
    found = balanced(plain, truth, np.zeros((100, 1), bool))
    assert found.value == found.standard_error == 0
    one, many = (wilson(0, n)[1] for n in (1, 99))
    assert found.interval == (pytest.approx(0), pytest.approx(np.hypot(one, many) / 2))


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        ([Draw(1, 0.5, 0)], "no estimate"),
        ([Draw(1, 0.5, 0), Draw(1, 0.0, 0)], "draw 1"),
        ([Draw(np.nan, 0.5, 0), Draw(1, 0.5, 0)], "draw 0"),
        ([Draw(1, 0.5, 1), Draw(1, 0.5, 1)], "has seen"),
    ],
)
def test_draws_that_prove_nothing_are_refused(draws, message):
    with pytest.raises(InvalidDraws, match=message):
        lure(draws, 100)


def plain(values):
    return Estimate(
        values.mean(), values.std(ddof=1) / len(values) ** 0.5, len(values), len(values)
    )


def test_the_balanced_error_by_hand():
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, np.nan, 0]])
    is_wrong = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0]], bool)
    found = balanced(plain, truth, is_wrong)
    # First label: 1 of 2 missed, no false alarm. Second: none missed, 1 of 2 false. Third: not told.
    assert found.value == pytest.approx((0.25 + 0.25) / 2)
    # Each case's part of the four rates: +1/4, 0, -1/4, 0, and their spread over the root of 4.
    assert found.standard_error == pytest.approx(np.std([0.25, 0, -0.25, 0], ddof=1) / 2)
    assert found.draws == 4


def test_the_balanced_error_of_labels_with_one_answer_only_is_not_told():
    assert balanced(plain, np.zeros((5, 2)), np.zeros((5, 2), bool)) is None
    assert balanced(lambda _: None, np.eye(4), np.zeros((4, 4), bool)) is None


def test_weighted_draws_tell_the_balanced_error_of_the_pool_and_its_doubt():
    rng = np.random.default_rng(0)
    wish = powered(rng.random(1000), 4)
    truth = (rng.random((1000, 2)) < 0.1 + 0.3 * wish[:, None]).astype(float)
    is_wrong = rng.random((1000, 2)) < 0.6 * wish[:, None] + 0.05
    wanted = balanced(plain, truth, is_wrong).value
    found, unweighted = [], []
    for seed in range(150):
        drawn = draw({"u": (1, wish)}, 200, np.random.default_rng(seed), floor=0.5)
        rows, chances = drawn.rows, drawn.propensities

        def mean(values, chances=chances):
            pairs = zip(values, chances, strict=True)
            return lure([Draw(float(v), float(q), 0) for v, q in pairs], 1000)

        found.append(balanced(mean, truth[rows], is_wrong[rows]))
        unweighted.append(balanced(plain, truth[rows], is_wrong[rows]).value)
    assert np.mean(unweighted) - wanted > 0.05
    assert np.mean([e.value for e in found]) == pytest.approx(wanted, abs=0.015)
    covered = [e.interval[0] <= wanted <= e.interval[1] for e in found]
    assert 0.85 < np.mean(covered) <= 1


def test_rounds_are_pooled_by_their_draws():
    found = pooled([Estimate(0.1, 0.02, 100, 80), Estimate(0.4, 0.02, 50, 40)])
    assert found.value == pytest.approx(0.2)
    assert found.standard_error == pytest.approx(0.02 * np.sqrt(5) / 3)
    with pytest.raises(InvalidDraws):
        pooled([])


LABELS = np.array([20.0, 40, 80, 120, 160, 240, 320])


def power_law(n):
    return 0.95 - 1.2 * n**-0.5


def test_a_forecast_of_a_noiseless_curve_is_exact():
    found = forecast(LABELS, power_law(LABELS), np.random.default_rng(0))
    gain, low, high = found.gain(200)
    truth = power_law(520) - power_law(320)
    assert (gain, low, high) == tuple(pytest.approx(truth, abs=1e-4) for _ in range(3))
    assert found.sentence(200) == "200 more labels: +1.4 to +1.4 points"
    assert found.labels_to_reach(0.91) == pytest.approx((1.2 / 0.04) ** 2, rel=0.01)
    assert found.labels_to_reach(0.99) == float("inf")
    assert found.labels_to_reach(0.5) == 320


def test_the_band_of_a_noisy_forecast_holds_the_truth_mostly():
    truth, held = power_law(400) - power_law(320), []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        noisy = power_law(LABELS) + rng.normal(0, 0.01, len(LABELS))
        _, low, high = forecast(LABELS, noisy, rng).gain(80)
        held.append(low <= truth <= high)
    assert np.mean(held) > 0.7


def test_points_of_nearly_the_same_labels_make_no_narrow_band():
    labels, held, all_held = np.arange(20.0, 520.0, 5.0), [], []
    truth = power_law(715) - power_law(515)
    apart = rows_apart(labels)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        noise = [0.0]
        for step in rng.normal(0, 0.006, len(labels)):
            noise.append(0.8 * noise[-1] + step)
        values = power_law(labels) + noise[1:]
        for rows, found in ((apart, held), (np.arange(len(labels)), all_held)):
            _, low, high = forecast(labels[rows], values[rows], rng).gain(200)
            found.append(low <= truth <= high)
    assert np.mean(held) >= 0.8
    assert np.mean(all_held) < 0.6  # what all of them together would promise


def test_points_stand_apart_from_the_latest_back():
    assert rows_apart(np.array([40.0, 60, 80, 90, 100])).tolist() == [0, 1, 2, 4]
    assert rows_apart(np.array([50.0, 100, 60, 70])).tolist() == [0, 3]  # labels can go, too
    assert rows_apart(np.zeros(0)).tolist() == []


def test_a_curve_that_falls_promises_nothing_and_none_rises_above_one():
    falling = forecast(LABELS, np.linspace(0.9, 0.8, 7), np.random.default_rng(0))
    assert falling.gain(1000)[0] == 0
    steep = forecast(LABELS, np.linspace(0.5, 0.99, 7), np.random.default_rng(0))
    assert steep.curve.at(1e9) <= 1


def test_too_short_a_curve_gives_no_forecast():
    with pytest.raises(NotEnoughPoints, match="4 rounds"):
        forecast(LABELS[:3], power_law(LABELS[:3]), np.random.default_rng(0))
    with pytest.raises(NotEnoughPoints, match="finite"):
        forecast(LABELS, np.full(7, np.nan), np.random.default_rng(0))


def test_kappa_is_cohens():
    rng = np.random.default_rng(0)
    one, other = rng.integers(3, size=200), rng.integers(3, size=200)
    other[:150] = one[:150]
    assert kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))
    assert kappa(one, one) == 1
    assert kappa(np.zeros(5, int), np.zeros(5, int)) == 1
    with pytest.raises(ValueError, match="same cases"):
        kappa(one, other[:5])


CALM = prequential([0.3] * 60, [0.31, 0.29] * 30)


@pytest.mark.parametrize(
    ("labels", "at_last", "is_due"),
    [(124, 100, False), (125, 100, True), (1100, 1000, False), (1200, 1000, True), (25, 0, True),
     (24, 0, False)],
)  # fmt: skip
def test_training_is_due_when_labels_grew_by_a_fifth_and_25(labels, at_last, is_due):
    new = labels - at_last
    assert retraining(new=new, before=at_last, least=25, recent=CALM).is_due is is_due


def test_training_is_due_when_the_last_labels_surprised_the_model():
    rng = np.random.default_rng(0)
    surprised = prequential(list(rng.exponential(0.9, 60)), [0.3] * 60)
    advice = retraining(new=60, before=1000, least=25, recent=surprised)
    assert advice.is_due
    assert "surprised" in advice.reasons[0]
    early = prequential(list(rng.exponential(0.9, 49)), [0.3] * 49)
    assert not retraining(new=60, before=1000, least=25, recent=early).is_due
    assert not retraining(new=24, before=100, least=25, recent=surprised).is_due
    assert prequential([], []).count == 0
    with pytest.raises(ValueError, match="1 losses"):
        prequential([1.0], [])


def test_concordance_is_lins_and_the_limit_of_quadratic_kappa():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 9, 200).astype(float)
    other = np.clip(one + rng.integers(-2, 3, 200), 0, 9)
    theirs = cohen_kappa_score(one.astype(int), other.astype(int), weights="quadratic")
    assert concordance(one, other) == pytest.approx(theirs)
    assert concordance(one, one) == 1
    assert concordance(np.ones(5), np.ones(5)) == 1
    assert concordance(np.ones(5), np.zeros(5)) == 0
    assert concordance(one, one + 100) < 0.01  # perfectly correlated, and yet quite another answer
    with pytest.raises(ValueError, match="same cases"):
        concordance(one, other[:5])


def test_errors_in_a_unit_are_told_in_it_and_judged_by_what_the_manager_tolerates():
    audit = Estimate(3.0, 0.5, 40, 40)
    unsaid = stopping(make_evidence(unit="mm", tolerance=None, audit=audit))
    assert "audit" not in [c.name for c in unsaid.conditions]
    [condition] = [
        c
        for c in stopping(make_evidence(unit="mm", tolerance=4.1, audit=audit)).conditions
        if c.name == "audit"
    ]
    assert condition.holds
    assert "at most 4.01 mm by 40 audited labels (4.1 mm tolerated)" in condition.sentence
    near = audit_agreement(Estimate(3.0, 0.01, 400, 400), 3.1, "mm")
    assert near.holds
    assert "audit error 3 mm, locked test 3.1 mm" in near.sentence
    far = audit_agreement(Estimate(3.0, 0.01, 400, 400), 3.3, "mm")
    assert (far.holds, "drift" in far.sentence) == (False, True)


def make_evidence(**changes):
    flat = forecast(LABELS, 0.9 - 50 * LABELS**-2.0, np.random.default_rng(0))
    ready = {
        "kappas": [0.9, 0.995, 0.992, 0.999], "forecast": flat, "goal": Goal(0.85, 0.86, 30, 15),
        "audit": Estimate(0.03, 0.005, 200, 200), "tolerance": 0.05,
        "counts": {"healthy": 100, "nodule": 30}, "minimum": 25,
    }  # fmt: skip
    return Evidence(**{**ready, **changes})


def test_stopping_is_advised_when_all_five_hold():
    found = stopping(make_evidence())
    assert found.is_advised, found
    assert [c.name for c in found.conditions] == [
        "stable",
        "forecast",
        "target",
        "audit",
        "classes",
    ]


@pytest.mark.parametrize(
    ("name", "changes", "holds"),
    [
        ("stable", {"kappas": [0.999, 0.999, 0.98]}, False),
        ("stable", {"kappas": [0.999]}, None),
        ("forecast", {"forecast": None}, None),
        ("forecast", {"forecast": forecast(LABELS, power_law(LABELS), np.random.default_rng(0))}, False),
        ("target", {"goal": Goal(0.85, 0.84, 30, 15)}, False),
        ("target", {"goal": Goal(0.85, None, 0, 0)}, None),
        ("target", {"goal": Goal(0.85, 1.0, 29, 15)}, None),
        ("target", {"goal": Goal(0.85, 1.0, 30, 14)}, None),
        ("target", {"goal": Goal(2.0, 2.1, 30, 30, higher_is_better=False, unit="mm")}, False),
        ("audit", {"audit": Estimate(0.045, 0.01, 50, 50)}, False),
        ("audit", {"audit": None}, None),
        ("audit", {"audit": Estimate(0.0, 0.0, 9, 9), "tolerance": 1.0}, None),
        ("classes", {"counts": {"healthy": 100, "nodule": 3}}, False),
    ],
)  # fmt: skip
def test_one_condition_is_enough_to_go_on(name, changes, holds):
    found = stopping(make_evidence(**changes))
    assert not found.is_advised
    (against,) = [c for c in found.conditions if c.holds is not True]
    assert (against.name, against.holds) == (name, holds)
    assert against.sentence


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal(0.85, None, 0, 0), "Nothing is measured yet (0.850 wanted)"),
        (Goal(0.85, None, 40, 0), "Nothing is measured yet (0.850 wanted)"),  # one answer only
        (
            Goal(0.85, 1.0, 29, 15),
            "Measured on too few test patients to be sure: 29 of at least 30 (0.850 wanted)",
        ),
        (
            Goal(0.85, 1.0, 100, 2),
            "Measured on too few test patients with the rarest answer, structure or event to be sure:"
            " 2 of at least 15 (0.850 wanted)",
        ),
        (
            Goal(2.0, 2.1, 30, 30, higher_is_better=False, unit="mm"),
            "95 % sure of an error of at most 2.1 mm on the locked test (2 mm wanted)",
        ),
    ],
)
def test_a_goal_says_what_is_sure_or_why_nothing_is(goal, said):
    found = {c.name: c.sentence for c in stopping(make_evidence(goal=goal)).conditions}
    assert found["target"] == said


def test_without_a_goal_and_a_tolerated_error_the_rest_decides():
    found = stopping(make_evidence(goal=None, tolerance=None))
    assert found.is_advised
    assert [c.name for c in found.conditions] == ["stable", "forecast", "classes"]


def test_sentences_have_words_that_another_language_can_say():
    found = {c.name: c.sentence.words for c in stopping(make_evidence(counts={"a": 3})).conditions}
    assert found["target"] == {"code": "goal", "end": 0.86, "wanted": 0.85}
    assert found["audit"]["upper"] == pytest.approx(3.986, abs=1e-3)
    assert found["classes"] == {"code": "classes_scarce", "minimum": 25, "scarce": {"a": 3}}


def test_audit_and_locked_test_are_compared_with_their_noise():
    assert audit_agreement(Estimate(0.10, 0.005, 300, 300), 0.12).holds
    assert audit_agreement(Estimate(0.10, 0.05, 30, 30), 0.19).holds
    assert audit_agreement(Estimate(0.10, 0.005, 300, 300), 0.16, test_standard_error=0.04).holds
    far = audit_agreement(Estimate(0.10, 0.005, 300, 300), 0.16)
    assert not far.holds
    assert "drift" in far.sentence
