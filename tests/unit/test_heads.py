"""Light heads against scikit-learn and closed forms, and how they are kept."""

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from learning.acquisition.pool import normalized
from learning.heads import losses, solvers
from learning.heads.fitting import HeadConfig, fit
from learning.heads.head import Head, InvalidHead
from learning.heads.kinds import HEAD_KINDS, Scale
from learning.heads.numbers import STRENGTHS
from learning.heads.replay import (
    Known,
    Plan,
    replay,
)

KINDS = ("one", "many", "ordinal", "number", "time_to_event")
PLAIN = HeadConfig(l2=5.0, class_weights=False, folds=0)


def make_cases(kind, count=300, size=12, seed=0):
    """Embeddings, labels of the kind, number of classes, and the truth behind them."""
    rng = np.random.default_rng(seed)
    points = normalized(rng.normal(size=(count, size)))
    truth = 4 * points[:, 0] * np.sqrt(size) / 2
    noisy = truth + rng.logistic(size=count)
    labels, classes = {
        "one": (np.digitize(noisy, [-2, 2]), 3),
        "many": (np.stack([noisy > 0, noisy < -1], axis=1).astype(float), 2),
        "ordinal": (np.digitize(noisy, [-2, 0, 2]), 4),
        "number": (noisy, 1),
        "time_to_event": (
            np.stack([rng.exponential(np.exp(-truth)), rng.random(count) < 0.7], axis=1), 1,
        ),
    }[kind]  # fmt: skip
    return points, labels, classes, truth


def fitted(kind, config=None, seed=0, **options):
    points, labels, classes, _ = make_cases(kind)
    return fit(
        kind, points, labels, class_count=classes, rng=np.random.default_rng(seed),
        config=config, **options,
    )  # fmt: skip


def level_of(kind, answers):
    """One number per case that should follow the truth."""
    if kind == "many":
        return answers[:, 0]
    return answers[:, 0] if answers.shape[1] == 1 else answers @ np.arange(answers.shape[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_learns_what_lies_in_the_embeddings(kind):
    points, _, classes, truth = make_cases(kind, seed=9)
    head = fitted(kind, HeadConfig(l2=5.0))
    answers = head.predict(points)
    assert answers.shape == (300, classes)
    assert np.corrcoef(level_of(kind, answers), truth)[0, 1] > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_fits_the_same_head_and_bytes_bring_it_back(kind):
    config = HeadConfig(members=2)
    ours, again = fitted(kind, config), fitted(kind, config)
    points, *_ = make_cases(kind, seed=3)
    assert ours.to_bytes() == again.to_bytes()
    back = Head.from_bytes(ours.to_bytes())
    np.testing.assert_array_equal(back.predict(points), ours.predict(points))
    np.testing.assert_array_equal(back.predict_members(points), ours.predict_members(points))


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_start_ends_at_the_same_head(kind):
    points, *_ = make_cases(kind, seed=3)
    cold = fitted(kind)
    warm = fitted(kind, warm=cold)
    np.testing.assert_allclose(warm.predict(points), cold.predict(points), atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_members_differ_and_keep_the_shape_of_the_strategies(kind):
    points, _, classes, _ = make_cases(kind, seed=3)
    members = fitted(kind, HeadConfig(members=3)).predict_members(points)
    wide = kind in ("one", "many", "ordinal")
    assert members.shape == ((3, 300, classes) if wide else (3, 300))
    assert members.std(axis=0).max() > 0.01


def test_exclusive_answers_equal_scikit_learn():
    points, labels, _, _ = make_cases("one")
    head = fitted("one", PLAIN)
    scaled = (points - head.centre) * head.scale
    theirs = LogisticRegression(C=1 / 5.0, tol=1e-8, max_iter=2000).fit(scaled, labels)
    np.testing.assert_allclose(head.predict(points), theirs.predict_proba(scaled), atol=5e-3)


def test_independent_labels_equal_scikit_learn_and_skip_what_is_missing():
    points, labels, _, _ = make_cases("many")
    labels[:100, 1] = np.nan
    head = fit("many", points, labels, class_count=2, rng=np.random.default_rng(0), config=PLAIN)
    scaled = (points - head.centre) * head.scale
    theirs = LogisticRegression(C=1 / 5.0, tol=1e-8, max_iter=2000).fit(
        scaled[100:], labels[100:, 1]
    )
    np.testing.assert_allclose(
        head.predict(points)[:, 1], theirs.predict_proba(scaled)[:, 1], atol=5e-3
    )


def test_numbers_equal_ridge_and_the_noise_is_found():
    points, labels, _, _ = make_cases("number", 300)
    head = fitted("number", HeadConfig(strengths=(5.0,)))
    scaled = ((points - head.centre) * head.scale).astype(np.float64)
    np.testing.assert_allclose(
        head.predict(points)[:, 0], Ridge(alpha=5.0).fit(scaled, labels).predict(scaled), atol=1e-3
    )
    assert head.noise == pytest.approx(np.pi**2 / 3, rel=0.25)  # a logistic variable's variance


def scaled_by(head, points):
    return ((points - head.centre) * head.scale).astype(np.float64)


def test_the_strength_of_a_number_is_the_one_that_foresees_left_out_labels_best():
    points, labels, _, _ = make_cases("number", 40)
    head = fit("number", points, labels, class_count=1, rng=np.random.default_rng(0))
    scaled = scaled_by(head, points)
    errors = [
        np.square(
            labels - cross_val_predict(Ridge(alpha=a), scaled, labels, cv=LeaveOneOut())
        ).mean()
        for a in STRENGTHS
    ]
    best = Ridge(alpha=STRENGTHS[int(np.argmin(errors))]).fit(scaled, labels)
    np.testing.assert_allclose(head.predict(points)[:, 0], best.predict(scaled), atol=1e-3)
    # In the middle of what is tried: else the grid, not the labels, would have chosen.
    assert 0 < int(np.argmin(errors)) < len(STRENGTHS) - 1


def test_few_labels_choose_no_strength():
    points, labels, _, _ = make_cases("number", 12)
    rng = np.random.default_rng(0)
    ours = fit("number", points, labels, class_count=1, rng=rng, config=HeadConfig(l2=7.0))
    theirs = Ridge(alpha=7.0).fit(scaled_by(ours, points), labels)
    fresh, *_ = make_cases("number", 12, seed=4)
    np.testing.assert_allclose(
        ours.predict(fresh)[:, 0], theirs.predict(scaled_by(ours, fresh)), atol=1e-3
    )


def test_the_doubt_of_a_number_is_that_of_a_gaussian_process():
    points, labels, _, _ = make_cases("number", 50)
    head = fit("number", points, labels, class_count=1, rng=np.random.default_rng(0),
               config=HeadConfig(strengths=(5.0,)))  # fmt: skip
    kernel = ConstantKernel(1 / 5.0, "fixed") * DotProduct(sigma_0=0, sigma_0_bounds="fixed")
    theirs = GaussianProcessRegressor(kernel, alpha=1.0, optimizer=None)
    theirs.fit(scaled_by(head, points), labels - labels.mean())
    fresh, *_ = make_cases("number", 30, seed=4)
    _, deviation = theirs.predict(scaled_by(head, fresh), return_std=True)
    by_hand = head.noise * (deviation**2 + 1 / 50)
    np.testing.assert_allclose(head.doubt(fresh), by_hand, rtol=0.03)  # small directions are cut
    np.testing.assert_allclose(head.spread(fresh), np.sqrt(head.doubt(fresh) + head.noise))


@pytest.mark.parametrize("count", [15, 40, 200])
def test_ninety_five_of_a_hundred_numbers_lie_in_their_ranges(count):
    """Over many draws of the labels; a head of few labels is not surer than it may be."""
    held = []
    for seed in range(40):
        points, labels, _, _ = make_cases("number", count + 100, seed=seed)
        labels = points[:, 0] * 7 + np.random.default_rng(seed).normal(size=len(points))
        head = fit("number", points[:count], labels[:count], class_count=1,
                   rng=np.random.default_rng(0))  # fmt: skip
        figures = HEAD_KINDS["number"].figures(
            labels[count:], HEAD_KINDS["number"].said(head, points[count:])
        )
        held.append(figures["coverage"])
    assert 0.92 <= np.mean(held) <= 0.98


def test_labels_narrow_the_doubt_where_they_lie_and_nowhere_else():
    rng = np.random.default_rng(0)
    points = normalized(np.c_[rng.normal(size=(60, 3)), np.zeros((60, 3))])
    labels = 5 * points[:, 0] + rng.normal(size=60)
    head = fit("number", points, labels, class_count=1, rng=rng, config=HeadConfig(members=20))
    strange = normalized(np.eye(6)[3:])
    assert head.doubt(strange).min() > 3 * head.doubt(points).max()
    # What a bootstrap would say: every member shrinks what it has not seen to nothing.
    assert head.predict_members(strange).var(axis=0).max() < head.doubt(strange).min() / 3


@pytest.mark.parametrize("labels", [[3.0], [3.0, 5.0], [2.0] * 5, [1e6, 2e6, 1.5e6]])
def test_few_or_equal_numbers_still_make_a_head(labels):
    points = normalized(np.random.default_rng(0).normal(size=(len(labels), 5)))
    head = fit("number", points, np.array(labels), class_count=1, rng=np.random.default_rng(0))
    assert np.isfinite(head.predict(points)).all()
    assert np.isfinite(head.spread(points)).all()
    assert (head.spread(points) > 0).all() == (len(set(labels)) > 1)
    back = Head.from_bytes(head.to_bytes())
    np.testing.assert_array_equal(back.spread(points), head.spread(points))


def test_a_number_in_another_unit_is_the_same_head():
    points, labels, _, _ = make_cases("number", 80)
    mm, m = (
        fit("number", points, labels * factor, class_count=1, rng=np.random.default_rng(0))
        for factor in (1.0, 0.001)
    )
    np.testing.assert_allclose(m.predict(points), mm.predict(points) * 0.001, atol=1e-6)
    np.testing.assert_allclose(m.spread(points), mm.spread(points) * 0.001, rtol=1e-3)


def test_answers_that_are_numbers_are_labels_and_nothing_else_is():
    number = HEAD_KINDS["number"]
    given = [3, 2.5, 0, None, "3", True, float("nan"), {"cannot_assess": True}, ["3"]]
    found = [number.label(answer, [], set()) for answer in given]
    assert found == [3.0, 2.5, 0.0] + [None] * 6
    assert not number.is_known(number.unlabeled(3, 0)).any()
    assert number.is_learnable(np.array([1.0, 1.0, 1.5]))
    assert not number.is_learnable(np.array([1.0, 1.0]))
    assert not number.is_learnable(np.array([]))
    assert number.counts(np.array([0, 1, 2, 14, 30.0]), 0) == [3, 1, 1]
    assert number.counts(np.array([]), 0) == [0, 0, 0]
    assert number.kept(np.float64(2.5), [], []) == {"number": 2.5}


def test_figures_and_agreement_of_numbers_by_hand():
    number = HEAD_KINDS["number"]
    truth = np.array([1.0, 2.0, 3.0, 10.0])
    said = np.array([[1.0, 0.5], [3.0, 0.5], [3.0, 1.0], [8.0, 1.1]])
    found = number.figures(truth, said)
    assert found["mean_absolute_error"] == pytest.approx(3 / 4)
    assert found["root_mean_square_error"] == pytest.approx(np.sqrt(5 / 4))
    assert found["r2"] == pytest.approx(1 - 5 / 50)
    assert found["coverage"] == 3 / 4  # 2 is 1 off where 0.98 are allowed
    assert number.agreement(said, said) == 1
    assert number.agreement(said, said + np.array([2, 0])) < 0.8


def test_a_pool_of_numbers_is_scored_by_what_labels_can_teach_and_told_within_the_question():
    points, labels, _, _ = make_cases("number", 60)
    head = fit("number", points, labels, class_count=1, rng=np.random.default_rng(0))
    pool = HEAD_KINDS["number"].pool(head, points, [], Scale("mm", -1.0, None))
    reach = 1.96 * head.spread(points)
    np.testing.assert_allclose(pool.components["variance"], head.doubt(points))
    np.testing.assert_allclose(
        pool.components["low"], np.maximum(head.predict(points)[:, 0] - reach, -1), rtol=1e-5
    )
    np.testing.assert_allclose(
        pool.components["high"], np.maximum(head.predict(points)[:, 0] + reach, -1), rtol=1e-5
    )
    assert pool.unit == pool.take(np.array([0])).unit == "mm"


def test_independent_labels_agree_and_err_label_by_label():
    many = HEAD_KINDS["many"]
    before = np.array([[0.9, 0.9], [0.1, 0.9], [0.9, 0.1], [0.1, 0.1]])
    after = before[:, ::-1] * [0, 1] + before * [1, 0]  # the second label says what the first does
    assert many.agreement(before, before) == 1
    assert many.agreement(before, after) == pytest.approx(0)  # not the mean, which is 0.5
    truth = np.array([[1, 1], [0, 0], [1, np.nan], [0, np.nan]])
    figures = many.figures(truth, before)
    assert figures["balanced_accuracy"] == pytest.approx((1 + 0.5) / 2)
    assert figures["auc"] == pytest.approx((1 + 0.5) / 2)
    assert many.counts(np.array([[1, 1, np.nan], [1, 0, np.nan], [0, 0, 1]]), 3) == [1, 1, 0]


def test_labels_of_independent_answers_know_what_was_asked():
    many = HEAD_KINDS["many"]
    label = many.label(["b"], ["a", "b", "c"], {"a", "b"})
    np.testing.assert_array_equal(label, [0, 1, np.nan])
    assert many.label({"cannot_assess": True}, ["a"], {"a"}) is None
    assert not many.is_known(many.unlabeled(2, 3)).any()
    assert not many.is_learnable(np.array([[1, np.nan], [np.nan, 0]]))


@pytest.mark.parametrize("kind", ["one", "many", "ordinal"])
def test_gradients_are_those_of_the_losses(kind):
    _points, labels, _classes, _ = make_cases(kind, 30, 4)
    outputs = 1 if kind == "ordinal" else labels.shape[1] if kind == "many" else 3
    steps = np.array([[-1.0, 0.2, 1.5]]) if kind == "ordinal" else np.zeros((1, 0))
    make = {"one": losses.exclusive, "many": losses.independent, "ordinal": losses.ordered}[kind]
    loss, weights = make(labels), np.random.default_rng(1).random((1, 30))

    def split(vector):
        return vector[: 30 * outputs].reshape(30, 1, outputs), vector[30 * outputs :].reshape(1, -1)

    def value(vector):
        return loss(*split(vector), weights)[0]

    def slope(vector):
        _, to_outputs, to_steps = loss(*split(vector), weights)
        return np.concatenate([to_outputs.ravel(), to_steps.ravel()])

    begin = np.r_[np.random.default_rng(0).normal(size=30 * outputs), steps.ravel()]
    assert check_grad(value, slope, begin) < 1e-4


def test_coxs_partial_likelihood_by_hand():
    """Two cases with events at 1 and 2: the loss is log(1 + exp(x2 - x1)), twice-differentiable."""
    points = np.array([[1.0], [0.0]], np.float32)
    found = solvers.cox(
        points, np.array([1.0, 2.0]), np.ones(2), np.ones((1, 2)), 1.0, np.zeros((1, 1))
    )
    beta = found.weights[0, 0, 0]
    assert beta == pytest.approx(1 / (1 + np.exp(beta)), abs=1e-3)  # slope of it with l2 = 1


def test_coxs_ties_share_one_risk_set():
    points = np.random.default_rng(0).normal(size=(6, 1)).astype(np.float32)
    times, events = np.array([1.0, 1, 1, 2, 2, 3]), np.array([1.0, 1, 0, 1, 1, 1])

    def breslow(beta):
        eta = points[:, 0] * beta
        return (
            sum(
                np.log(np.exp(eta[times >= times[i]]).sum()) - eta[i] for i in range(6) if events[i]
            )
            + 0.5 * 0.1 * beta**2
        )

    found = solvers.cox(points, times, events, np.ones((1, 6)), 0.1, np.zeros((1, 1)))
    grid = np.linspace(-5, 5, 10001)
    best = grid[np.argmin([breslow(b) for b in grid])]
    assert found.weights[0, 0, 0] == pytest.approx(best, abs=5e-3)


def test_calibration_tames_an_overconfident_head():
    points, labels, classes, _ = make_cases("one", 120, 60)
    rng = np.random.default_rng(0)
    wild = fit("one", points, labels, class_count=classes, rng=rng,
               config=HeadConfig(l2=0.01, class_weights=False))  # fmt: skip
    fresh, truth, *_ = make_cases("one", 400, 60, seed=5)

    def loss(temperature):
        p = Head(**{**wild.__dict__, "temperature": temperature}).predict(fresh)
        return -np.log(np.maximum(p[np.arange(400), truth], 1e-12)).mean()

    assert wild.temperature > 1.5
    assert loss(wild.temperature) < loss(1.0)


def test_rare_answers_weigh_more_where_asked():
    rng = np.random.default_rng(0)
    points = normalized(rng.normal(size=(200, 6)))
    labels = (points[:, 0] + 0.2 * rng.normal(size=200) > 0.6).astype(int)
    plain, weighted = [
        fit("one", points, labels, class_count=2, rng=rng,
            config=HeadConfig(class_weights=w, folds=0)).predict_weighted(points)[:, 1].mean()
        for w in (False, True)
    ]  # fmt: skip
    assert weighted > plain


def test_two_thousand_labels_are_learned_in_less_than_a_second():
    rng = np.random.default_rng(0)
    points = normalized(rng.normal(size=(2000, 384)))
    labels = (points[:, 0] + 0.05 * rng.normal(size=2000) > 0).astype(int)
    began = time.process_time()  # the clock's would be that of the others on the machine too
    fit("one", points, labels, class_count=2, rng=rng)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("one", np.array([0, 5, 1]), r"0\.\.1"),
        ("one", np.array([0, 1]), "do not fit"),
        ("many", np.full((3, 2), 0.5), "0, 1 or NaN"),
        ("number", np.array([1.0, np.nan, 0]), "finite"),
        ("time_to_event", np.array([[-1.0, 1], [1, 1], [1, 0]]), "negative"),
    ],
)
def test_labels_that_fit_no_head_are_refused(kind, labels, message):
    with pytest.raises(InvalidHead, match=message):
        fit(kind, normalized(np.eye(3)), labels, class_count=2, rng=np.random.default_rng(0))


@pytest.mark.parametrize("labels", [[0], [0, 0, 0], [1, 1, 1, 1, 0]])
def test_one_label_or_one_class_still_makes_a_head(labels):
    points = normalized(np.random.default_rng(0).normal(size=(len(labels), 5)))
    head = fit("one", points, np.array(labels), class_count=2, rng=np.random.default_rng(0))
    assert np.isfinite(head.predict(points)).all()


@pytest.mark.parametrize("content", [b"", b"no head", b"PK\x03\x04broken"])
def test_bytes_that_are_no_head_are_refused(content):
    with pytest.raises(InvalidHead, match="hold no head"):
        Head.from_bytes(content)


def test_embeddings_of_another_size_are_refused():
    with pytest.raises(InvalidHead, match="12 columns"):
        fitted("one").predict(normalized(np.eye(3)))


def accuracy(truth, probabilities):
    return float((probabilities.argmax(axis=1) == truth).mean())


def make_known(seed=0, count=400):
    points, labels, _, _ = make_cases("one", count, 12, seed)
    return Known(points, labels)


@pytest.mark.parametrize("name", ["random", "herding", "adaptive", "power_margin", "typicality"])
def test_a_replay_labels_each_case_once_and_is_seeded(name):
    pool, test = make_known(0, 80), make_known(1)
    plan = Plan(name, budget=60, start=10, batch=10, audit=0.1)
    ours, again = (replay(pool, test, plan, accuracy, np.random.default_rng(4)) for _ in range(2))
    assert list(ours.labels) == [10, 20, 30, 40, 50, 60]
    assert len(set(ours.served)) == 60
    np.testing.assert_array_equal(ours.values, again.values)


def test_labeling_everything_is_the_full_value():
    pool, test = make_known(0, 50), make_known(1)
    plan = Plan("random", budget=50)
    curve = replay(pool, test, plan, accuracy, np.random.default_rng(0))
    at_once = replace(plan, start=50)
    full = replay(pool, test, at_once, accuracy, np.random.default_rng(0))
    assert list(full.labels) == [50]
    assert curve.values[-1] == pytest.approx(full.values[0], abs=0.01)


def test_a_replay_keeps_what_was_said_of_each_test_case():
    pool, test = make_known(0, 50), make_known(1, 30)
    plan = Plan("herding", budget=20)
    curve = replay(pool, test, plan, lambda _, said: said[3, -1], np.random.default_rng(0))
    assert curve.scores.shape == (3, 30)
    np.testing.assert_array_equal(curve.scores[:, 3], curve.values)
