"""One contract for all strategies, and their measures against hand-made values."""

from dataclasses import replace

import numpy as np
import pytest

from learning.acquisition import methods, uncertainty
from learning.acquisition.methods import wanted_margin
from learning.acquisition.names import ALL_TITLES, STRATEGY_TITLES
from learning.acquisition.pool import NOTHING_LABELED, InvalidPool, Labeled, Pool, normalized
from learning.acquisition.reasons import likely_range, undecided
from learning.acquisition.sampling import draw, powered
from learning.acquisition.strategies import HEAD, STRATEGIES, rank, select
from learning.acquisition.table import PredictionTable

ALL = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda s: s.name)
TODAY = [STRATEGIES[name] for name in STRATEGY_TITLES]
INFORMED = [s for s in TODAY if s.measure is not None and not s.leads]
EXACT = ("margin", "entropy", "least_confident", "bald", "core_set")
BY_CHANCE = (
    "random", "power_margin", "stratified_margin", "herding", "rare", "variance", "class_entropy",
    "foreground_random",
)  # fmt: skip
TABLE = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3], [0.2, 0.8], [0.99, 0.01]])
PLANTED = 7


def make_pool(count=60, seed=0):
    """Cases of every kind of evidence; row PLANTED is the most wanted by all of it."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([8, 1], count)
    members = np.stack([probabilities, probabilities, probabilities])
    points = rng.normal(size=(count, 8)) * 0.1 + np.eye(8)[0]
    quiet = rng.uniform(0.01, 0.1, count)
    columns = {
        "class:liver": quiet, "class:spleen": quiet[::-1].copy(), "entropy": quiet,
        "box:nodule": quiet, "objects": np.ones(count), "variance": quiet,
        "foreground": (np.arange(count) == PLANTED).astype(float),
    }  # fmt: skip
    if count > PLANTED:
        probabilities[PLANTED] = 0.5
        members[:, PLANTED] = [[1, 0], [0, 1], [0.5, 0.5]]
        points[PLANTED] = -np.eye(8)[0]
        for name in ("class:liver", "class:spleen", "entropy", "box:nodule", "variance"):
            columns[name] = columns[name].copy()
            columns[name][PLANTED] = 3.0
    return Pool(
        probabilities=probabilities, members=members, components=columns,
        embeddings=normalized(points), classes=("healthy", "nodule"),
    )  # fmt: skip


def make_labeled(seed=1):
    rng = np.random.default_rng(seed)
    return Labeled(normalized(rng.normal(size=(20, 8)) * 0.1 + np.eye(8)[0]), np.array([0, 1] * 10))


LABELED = make_labeled()


def rows_of(picks):
    return [pick.row for pick in picks]


def chosen(strategy, pool, count=10, seed=0, labeled=LABELED):
    return select(strategy, pool, labeled, count, np.random.default_rng(seed))


def test_every_strategy_is_named_for_the_web_and_today_offers_what_needs_no_embeddings():
    assert list(STRATEGIES) == list(ALL_TITLES)
    for strategy in TODAY:
        assert len(
            rank(strategy, Pool(probabilities=TABLE), np.random.default_rng(0)).order
        ) == len(TABLE)


@ALL
def test_the_same_seed_picks_the_same(strategy):
    assert chosen(strategy, make_pool()) == chosen(strategy, make_pool())


@ALL
def test_picks_are_unique_finite_best_first_and_explained(strategy):
    picks = chosen(strategy, make_pool())
    scores = np.array([pick.score for pick in picks])
    assert len(set(rows_of(picks))) == len(picks) == 10
    assert np.isfinite(scores).all()
    assert (np.diff(scores) <= 0).all()
    assert all(pick.reason and pick.arm for pick in picks)
    assert all(np.isfinite(list(pick.components.values())).all() for pick in picks)


@ALL
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_small_pools_are_served_whole(strategy, size):
    """modAL silently returns one index for a strategy that forgets its scores at n = 2."""
    assert sorted(rows_of(chosen(strategy, make_pool(size), count=5))) == list(range(size))


@ALL
def test_a_count_of_zero_is_an_empty_answer_and_a_negative_one_is_refused(strategy):
    assert chosen(strategy, make_pool(), count=0) == []
    with pytest.raises(ValueError, match="negative"):
        chosen(strategy, make_pool(), count=-1)


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - {"random", "typicality"}))
def test_the_planted_case_comes_first_or_nearly_always_early(name):
    strategy = STRATEGIES[name]
    pool, labeled = make_pool(), make_labeled()
    early = [PLANTED in rows_of(chosen(strategy, pool, 3, s, labeled)) for s in range(40)]
    assert np.mean(early) >= 0.8
    if strategy.name in EXACT:
        assert all(rows_of(chosen(strategy, pool, 1, s, labeled)) == [PLANTED] for s in range(5))


@ALL
def test_cases_that_are_all_alike_are_served_without_regard_to_their_order(strategy):
    alike = Pool(
        probabilities=np.full((40, 2), 0.5), members=np.full((3, 40, 2), 0.5),
        components={n: np.full(40, 0.5) for n in make_pool().components},
        embeddings=normalized(np.ones((40, 8))),
    )  # fmt: skip
    found = {tuple(sorted(rows_of(chosen(strategy, alike, 5, seed)))) for seed in range(8)}
    assert len(found) > 1
    assert found != {(0, 1, 2, 3, 4)}


@ALL
def test_a_case_that_nobody_is_sure_of_and_zero_scores_are_no_trouble(strategy):
    certain = np.tile([[1.0, 0.0]], (20, 1))
    pool = Pool(
        probabilities=certain, members=np.stack([certain] * 3),
        components={n: np.zeros(20) for n in make_pool().components},
        embeddings=make_pool(20).embeddings,
    )  # fmt: skip
    assert len(chosen(strategy, pool, 20)) == 20


@ALL
def test_deterministic_choices_do_not_depend_on_the_order_of_the_pool(strategy):
    pool, moved = make_pool(), np.random.default_rng(5).permutation(60)
    if strategy.name in EXACT:
        ours = {moved[r] for r in rows_of(chosen(strategy, pool.take(moved)))}
        assert ours == set(rows_of(chosen(strategy, pool)))
        return
    # In distribution: how often each case is picked, over seeds, in both orders.
    runs, plain, mixed = 120, np.zeros(60), np.zeros(60)
    for seed in range(runs):
        np.add.at(plain, rows_of(chosen(strategy, pool, 6, seed)), 1)
        np.add.at(mixed, moved[rows_of(chosen(strategy, pool.take(moved), 6, 1000 + seed))], 1)
    assert np.abs(plain - mixed).max() / runs < 0.35
    assert np.corrcoef(plain, mixed)[0, 1] > 0.8 or strategy.name in ("random", "badge")


@ALL
def test_a_propensity_is_known_exactly_where_chance_decides_and_nowhere_else(strategy):
    picks = chosen(strategy, make_pool())
    known = [pick.propensity is not None for pick in picks]
    assert all(known) if strategy.name in (*BY_CHANCE, "adaptive") else not any(known)


@pytest.mark.parametrize("name", BY_CHANCE)
def test_the_first_draw_happens_as_often_as_its_propensity_says(name):
    pool, labeled, runs = make_pool(12), make_labeled(), 1200
    hits, said = np.zeros(12), np.zeros(12)
    for seed in range(runs):
        (pick,) = chosen(STRATEGIES[name], pool, 1, seed, labeled)
        hits[pick.row] += 1
        said[pick.row] = pick.propensity
    error = 4 * np.sqrt(0.25 / runs)
    assert np.abs(hits / runs - said).max() < error
    assert said.sum() == pytest.approx(1, abs=0.02)


def test_propensities_of_a_draw_follow_from_what_is_left():
    wishes = {"a": (1.0, np.array([1.0, 2.0, 1.0]))}
    found = draw(wishes, 3, np.random.default_rng(3), floor=0.1)
    left = np.ones(3, bool)
    for row, chance in zip(found.rows, found.propensities, strict=True):
        weights = np.array([1.0, 2.0, 1.0]) * left
        assert chance == pytest.approx(0.9 * weights[row] / weights.sum() + 0.1 / left.sum())
        left[row] = False


def test_the_floor_does_not_grow_when_the_sharp_wishes_are_used_up():
    scores = powered(np.r_[np.full(20, 1.0), np.full(980, 0.5)], 100)
    drawn = [draw({"a": (1, scores)}, 20, np.random.default_rng(s)) for s in range(20)]
    assert np.mean([(d.rows < 20).mean() for d in drawn]) > 0.8


def test_copies_of_a_pick_are_wanted_less():
    vectors = normalized(np.r_[np.tile([[1.0, 0, 0]], (10, 1)), np.eye(3)[1:]])
    kept = [draw({"a": (1, np.ones(12))}, 3, np.random.default_rng(s), embeddings=vectors).rows
            for s in range(200)]  # fmt: skip
    plain = [draw({"a": (1, np.ones(12))}, 3, np.random.default_rng(s)).rows for s in range(200)]
    assert np.mean([(r >= 10).sum() for r in kept]) > 1.5 * np.mean(
        [(r >= 10).sum() for r in plain]
    )


def test_slices_spread_over_volumes():
    pool = Pool(components={"class:liver": np.full(40, 0.5)}, groups=np.repeat(np.arange(4), 10))
    volumes = [
        {pool.groups[r] for r in rows_of(chosen(STRATEGIES["class_entropy"], pool, 4, seed))}
        for seed in range(60)
    ]
    assert np.mean([len(v) for v in volumes]) > 3.0  # 2.9 by plain chance, 1 slice each at best 4


def test_the_sharpness_of_class_entropy_has_an_end_however_many_labels():
    pool = Pool(components={"class:liver": np.linspace(0.1, 0.9, 40)})
    few, many = (
        chosen(STRATEGIES["class_entropy"], pool, labeled=Labeled(labels=np.zeros(n, np.int64)))
        for n in (100, 16_000)
    )
    assert few == many


def test_measures_equal_their_definitions():
    pool = Pool(probabilities=np.array([[0.6, 0.3, 0.1]]))
    assert uncertainty.margin(pool)[0] == pytest.approx(1 - 0.3)
    assert uncertainty.least_confident(pool)[0] == pytest.approx(0.4)
    by_hand = -sum(x * np.log(x) for x in (0.6, 0.3, 0.1))
    assert uncertainty.entropy(pool)[0] == pytest.approx(by_hand)


def test_independent_labels_count_by_their_least_clear_one():
    pool = Pool(probabilities=np.array([[0.01, 0.5, 0.99], [0.2, 0.2, 0.2]]), answers="many")
    assert uncertainty.margin(pool) == pytest.approx([1.0, 0.4])
    assert uncertainty.entropy(pool)[0] == pytest.approx(np.log(2))
    assert uncertainty.least_confident(pool) == pytest.approx([0.5, 0.2])


def test_the_least_clear_label_is_named_and_rare_labels_weigh_more():
    pool = Pool(
        probabilities=np.array([[0.01, 0.52, 0.9], [0.3, 0.05, 0.01]]), answers="many",
        embeddings=normalized(np.eye(2, 3)), classes=("edema", "effusion", "nodule"),
    )  # fmt: skip
    [first, _] = chosen(STRATEGIES["margin"], pool, labeled=NOTHING_LABELED)
    assert (first.row, first.score) == (0, pytest.approx(0.96))
    assert first.reason == "The model cannot decide whether there is effusion (0.52)"
    labels = np.array([[1, 1, np.nan]] * 16 + [[1, 0, 0]] * 9 + [[0, 0, 1]])
    wanted = wanted_margin(pool, Labeled(labels=labels))
    by_hand = [max(0.02 / 5, 0.96 / 4, 0.2), max(0.6 / 5, 0.1 / 4, 0.02)]
    assert wanted == pytest.approx(by_hand)


def test_badges_factor_of_independent_labels_is_their_distance_from_the_answer():
    factors = uncertainty.gradient_factors(np.array([[0.9, 0.4, 0.5]]), "many")
    assert factors[0] == pytest.approx([-0.1, 0.4, -0.5])


def test_bald_is_the_mutual_information_and_not_the_disagreement_of_one():
    disagree = Pool(members=np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    unsure = Pool(members=np.full((2, 1, 2), 0.5))
    assert uncertainty.bald(disagree)[0] == pytest.approx(np.log(2))
    assert uncertainty.bald(unsure)[0] == pytest.approx(0)


def test_the_spread_of_numbers_and_of_grades():
    assert uncertainty.variance(Pool(members=np.array([[1.0], [3.0]])))[0] == pytest.approx(1)
    grades = Pool(probabilities=np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]))
    assert uncertainty.variance(grades) == pytest.approx([1.0, 0.0])


def make_numbers(count=60):
    """What a light head gives of a number; row PLANTED is unlike the others and the least foreseen."""
    pool = make_pool(count)
    spread = pool.components["variance"]
    named = {"variance": spread, "low": 40 - spread, "high": 40 + 9 * spread}
    return Pool(components=named, embeddings=pool.embeddings, unit="mm")


@pytest.mark.parametrize("name", ["herding", "variance", "core_set"])
def test_numbers_that_cannot_be_foreseen_come_early_by_every_strategy_that_looks_for_them(name):
    labeled = Labeled(make_labeled().embeddings, np.linspace(10, 90, 20))
    picks = [chosen(STRATEGIES[name], make_numbers(), 3, seed, labeled) for seed in range(40)]
    assert np.mean([PLANTED in rows_of(found) for found in picks]) >= 0.8


@pytest.mark.parametrize("name", ["herding", "variance"])
def test_the_reader_learns_the_range_of_a_number(name):
    labeled = Labeled(make_labeled().embeddings, np.linspace(10, 90, 20))
    picks = chosen(STRATEGIES[name], make_numbers(), 60, labeled=labeled)
    [planted] = [pick for pick in picks if pick.row == PLANTED and pick.arm == "variance"]
    assert planted.reason == "The model is unsure: 37 to 67 mm"
    assert planted.components["variance"] == 3


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (41.97, 67.2, "mm", "42 to 67 mm"),
        (4.197, 6.72, "", "4.2 to 6.7"),
        (0.01234, 0.04567, "mL", "0.012 to 0.046 mL"),
        (12345.6, 67890.1, "", "12346 to 67890"),
        (5.0, 5.0, "mm", "5 to 5 mm"),
        (-0.2, 67.2, "mm", "0 to 67 mm"),
    ],
)
def test_a_range_is_told_with_two_digits_of_what_it_may_be_off(low, high, unit, said):
    assert likely_range(low, high, unit) == f"The model is unsure: {said}"


def test_the_unit_of_a_number_does_not_change_the_choice_of_herding():
    pool, labeled = make_numbers(), Labeled(make_labeled().embeddings, np.linspace(10, 90, 20))
    microns = Pool(
        components={"variance": pool.components["variance"] * 1e60}, embeddings=pool.embeddings
    )
    plain, other = (
        rows_of(chosen(STRATEGIES["herding"], p, labeled=labeled)) for p in (pool, microns)
    )
    assert plain == other


def test_the_first_draw_of_a_number_happens_as_often_as_its_propensity_says():
    pool, labeled, runs = make_numbers(12), Labeled(make_labeled().embeddings, np.arange(20.0)), 800
    hits, said = np.zeros(12), np.zeros(12)
    for seed in range(runs):
        (pick,) = chosen(STRATEGIES["herding"], pool, 1, seed, labeled)
        hits[pick.row] += 1
        said[pick.row] = pick.propensity
    assert np.abs(hits / runs - said).max() < 4 * np.sqrt(0.25 / runs)
    assert said.sum() == pytest.approx(1, abs=0.02)


def test_masks_are_scored_on_their_foreground_and_border_only():
    plane = np.zeros((2, 10, 10))
    plane[0] = 1.0
    plane[:, 4, 4] = 0.5
    small = uncertainty.mask_components(plane, ("background", "liver"))
    assert small["entropy"] == pytest.approx(np.log(2))  # not a hundredth of it
    assert small["class:liver"] == pytest.approx(np.log(2) / 2)
    assert small["foreground"] == 0  # as likely as background is not likelier
    plane[:, 4, 4] = [0.4, 0.6]
    small = uncertainty.mask_components(plane, ("background", "liver"))
    assert small["foreground"] == pytest.approx(0.01)
    empty = np.stack([np.ones((4, 4)), np.zeros((4, 4))])
    assert uncertainty.mask_components(empty, ("background", "liver"))["entropy"] == 0
    unsure = np.stack([np.full((4, 4), 0.9), np.full((4, 4), 0.1)])
    found = uncertainty.mask_components(unsure, ("background", "liver"))
    assert (found["foreground"], found["entropy"] > 0) == (0, True)  # in doubt, but no structure


def test_boxes_of_all_classes_are_counted_once():
    sure = uncertainty.box_components({"nodule": np.array([0.99]), "effusion": np.array([])})
    unsure = uncertainty.box_components({"nodule": np.array([0.5, 0.5, 0.5])})
    assert sure == {"box:nodule": 0, "box:effusion": 0, "objects": 1}
    assert unsure["box:nodule"] == pytest.approx(np.log(2))
    assert unsure["objects"] == 3
    pool = Pool(components={"box:nodule": np.array([0.6, 0.0]), "box:bone": np.array([0.0, 0.5])})
    assert uncertainty.boxes(pool) == pytest.approx([0.6, 0.5])


def test_images_without_boxes_fill_at_most_a_fifth():
    objects = np.r_[np.zeros(50), np.ones(50)]
    pool = Pool(components={"box:a": np.linspace(1, 0.1, 100), "objects": objects})
    picks = chosen(STRATEGIES["boxes"], pool, 20)
    assert sum(objects[row] == 0 for row in rows_of(picks)) == 4


def test_the_adaptive_strategy_starts_cold_and_warms_up():
    pool = make_pool()
    assert chosen(STRATEGIES["adaptive"], pool, labeled=NOTHING_LABELED)[0].arm == "typical"
    assert {p.arm for p in chosen(STRATEGIES["adaptive"], pool)} <= {"margin", "uniform"}
    blind = replace(pool, probabilities=None, members=None)
    assert chosen(STRATEGIES["adaptive"], blind)[0].arm == "typical"


def test_herding_starts_without_predictions_and_says_what_a_case_stands_for():
    pool = make_pool()
    blind = Pool(embeddings=pool.embeddings)
    first = chosen(STRATEGIES["herding"], blind, labeled=NOTHING_LABELED)[0]
    assert first.arm == "typical"
    assert "similar cases without a label" in first.reason
    warm = chosen(STRATEGIES["herding"], pool)
    assert {p.arm for p in warm} <= {"margin", "uniform"}
    assert any("cannot decide between healthy" in p.reason for p in warm)
    assert all({"margin", "similar_cases", "distance"} <= set(p.components) for p in warm)


def test_rare_answers_are_preferred_only_when_they_are_rare():
    pool = Pool(probabilities=np.array([[0.45, 0.55], [0.55, 0.45]] * 20))
    few = Labeled(labels=np.array([0] * 96 + [1] * 4))
    even = Labeled(labels=np.array([0, 1] * 50))

    def share(labeled):
        return np.mean([
            select(STRATEGIES["stratified_margin"], pool, labeled, 1, np.random.default_rng(s))[0].row % 2 == 0
            for s in range(300)
        ])  # fmt: skip

    assert share(few) > 0.6
    assert share(even) == pytest.approx(0.5, abs=0.1)


def test_the_rare_mode_draws_from_all_its_arms():
    arms = [p.arm for s in range(30) for p in chosen(STRATEGIES["rare"], make_pool(), 10, s)]
    shares = {arm: arms.count(arm) / len(arms) for arm in set(arms)}
    assert shares["margin"] == pytest.approx(0.5, abs=0.1)
    assert shares["positive"] == pytest.approx(0.4, abs=0.1)
    assert shares["uniform"] == pytest.approx(0.1, abs=0.05)


THREE = Pool(
    probabilities=np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]]),
    embeddings=np.eye(3, dtype=np.float32), classes=("none", "cyst", "tumour"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "chosen_finding", "finding"),
    [
        ([9, 0, 3], None, 1),  # the rarest that is there, not the last
        ([9, 3, 0], None, 2),
        ([0, 3, 3], None, 2),  # the first is no finding, however rare
        ([9, 0, 3], 2, 2),
    ],
)
def test_a_rare_finding_is_the_chosen_or_the_rarest(counts, chosen_finding, finding):
    labels = np.repeat(np.arange(3), counts)
    labeled = Labeled(np.eye(3, dtype=np.float32)[labels], labels)
    pool = replace(THREE, finding=chosen_finding)
    assert uncertainty.finding_of(pool, labeled) == finding
    picks = [p for s in range(20) for p in chosen(STRATEGIES["rare"], pool, 1, s, labeled)]
    said = {p.reason for p in picks if p.arm == "positive"}
    assert (
        f"Could be a rare {pool.classes[finding]} (0.80; {counts[finding]} labeled so far)" in said
    )


def test_without_any_positive_no_other_class_stands_for_it():
    labeled = Labeled(np.eye(3, dtype=np.float32)[[0, 2, 2]], np.array([0, 2, 2]))
    assert methods.known_positives(labeled, 1) is None
    assert len(methods.known_positives(labeled, 2)) == 2


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("probabilities", {"probabilities": np.array([[0.5, 0.5], [np.nan, 1]])}, "row 1"),
        ("sums", {"probabilities": np.array([[0.5, 0.2]])}, "row 0"),
        ("shape", {"probabilities": np.array([0.5, 0.5])}, "cases, classes"),
        ("members", {"members": np.array([[[0.5, np.inf]]])}, r"members\[0\]: row 0"),
        ("column", {"components": {"entropy": np.array([1, np.nan])}}, r"\[entropy\]: row 1"),
        ("vectors", {"embeddings": np.zeros((3, 4), np.float32)}, "embeddings: row 0"),
        ("doubles", {"embeddings": np.eye(3)}, "float32"),
        ("lengths", {"probabilities": TABLE, "groups": np.zeros(3, int)}, "differ in length"),
        ("nothing", {}, "nothing"),
    ],
)
def test_a_poisoned_pool_is_refused_with_field_and_row(name, arrays, message):
    with pytest.raises(InvalidPool, match=message):
        Pool(**arrays)


@pytest.mark.parametrize(
    "name", ["typicality", "herding", "badge", "core_set", "boxes", "bald", "rare"]
)
def test_a_strategy_says_what_it_lacks(name):
    lacking = Pool(groups=np.zeros(5, int)) if name == "rare" else Pool(probabilities=TABLE)
    with pytest.raises(InvalidPool, match=r"needs?"):
        chosen(STRATEGIES[name], lacking)


def test_a_broken_strategy_is_called_once_and_keeps_its_own_error():
    calls = []

    def broken(pool, labeled, count, rng):
        calls.append(count)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        chosen(replace(STRATEGIES["margin"], method=broken), make_pool())
    assert len(calls) == 1


@pytest.mark.parametrize("strategy", TODAY, ids=lambda s: s.name)
def test_a_ranking_is_complete_seeded_and_best_first(strategy):
    table = np.random.default_rng(0).dirichlet([1, 1], 500)
    first = rank(strategy, Pool(probabilities=table), np.random.default_rng(1))
    again = rank(strategy, Pool(probabilities=table), np.random.default_rng(1))
    np.testing.assert_array_equal(first.order, again.order)
    assert sorted(first.order) == list(range(500))
    assert (np.diff(first.scores[first.order]) <= 0).all()
    assert [pick.row for pick in first.picks] == first.order.tolist()
    assert [pick.score for pick in first.picks] == first.scores[first.order].tolist()
    assert all(pick.reason for pick in first.picks)


@pytest.mark.parametrize("strategy", INFORMED, ids=lambda s: s.name)
def test_a_ranking_goes_from_uncertain_to_certain(strategy):
    order = rank(strategy, Pool(probabilities=TABLE), np.random.default_rng(0)).order
    assert (order[0], order[-1]) == (1, 4)


def test_ties_break_at_random_and_not_by_arrival():
    flat = Pool(probabilities=np.full((50, 2), 0.5))
    orders = {
        tuple(rank(STRATEGIES["margin"], flat, np.random.default_rng(s)).order) for s in (1, 2)
    }
    assert len(orders) == 2


def test_poisoned_predictions_are_refused():
    with pytest.raises(ValueError, match="finite"):
        rank(
            STRATEGIES["margin"],
            Pool(probabilities=np.array([[np.nan, 1.0]])),
            np.random.default_rng(0),
        )
    with pytest.raises(ValueError, match="finite"):
        PredictionTable(np.array([[np.nan, 1.0]]))


def test_the_reasons_name_what_the_reader_shall_look_for():
    ranked, told = np.array([0.1, 0.46, 0.44]), np.array([0.5, 0.2, 0.3])
    text = undecided(ranked, told, ["a", "b", "c"])
    assert text == "The model cannot decide between c 0.30 and b 0.20"
    text = undecided(ranked, ranked, ["a", "b", "c"])
    assert text == "The model cannot decide between b 0.46 and c 0.44"
    pool = make_pool()
    said = {n: chosen(STRATEGIES[n], pool, 1, 1)[0].reason for n in STRATEGIES}
    assert said["margin"] == "The model cannot decide between healthy 0.50 and nodule 0.50"
    assert said["core_set"].startswith("Unlike anything labeled (nearest labeled case at distance")
    assert said["bald"].startswith("Of 3 models 2 say healthy and 1 say nodule")
    assert "similar unlabeled cases" in said["typicality"]
    assert "possible objects" in said["boxes"]
    positives = [p for p in chosen(STRATEGIES["rare"], pool, 20) if p.arm == "positive"]
    assert positives[0].reason.startswith("Could be a rare nodule (")


def test_the_diverse_stage_of_boxes_leads_a_large_pool_and_leaves_the_rest_to_the_measure():
    """Over the whole pool it would take a time that grows with the square of the cases."""
    rng = np.random.default_rng(0)
    count = 3000
    pool = Pool(
        components={"box:nodule": rng.random(count), "objects": np.ones(count)},
        embeddings=normalized(rng.normal(size=(count, 8))),
    )
    found = rank(STRATEGIES["boxes"], pool, np.random.default_rng(1))
    assert sorted(found.order) == list(range(count))
    assert (np.diff(found.scores[found.order]) <= 0).all()
    rest = found.order[HEAD:]
    assert (np.diff(uncertainty.boxes(pool)[rest]) <= 0).all()
    assert {pick.reason.words["code"] for pick in found.picks} == {"boxes"}
