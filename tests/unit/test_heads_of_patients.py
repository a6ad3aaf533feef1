"""Light heads where patients have several studies: one of them must not vouch for another."""

import numpy as np
import pytest

from learning.acquisition.pool import normalized
from learning.heads.fitting import HeadConfig, fit
from learning.heads.numbers import STRENGTHS, fit_number

SEEDS = range(6)


def make_patients(count, copies, seed, size=16):
    """Embeddings of near-copies, what is measured of each study, and its patient."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(count, size))
    points = np.repeat(base, copies, axis=0) + 0.05 * rng.normal(size=(count * copies, size))
    of_patient = 2 * base[:, 0] + 1.5 * rng.logistic(size=count)
    patients = np.repeat(np.arange(count).astype(str), copies)
    return normalized(points), np.repeat(of_patient, copies), patients


def overconfidence(seed, *, knows_patients):
    """By how much the mean confidence in cases of other patients exceeds the share that is right."""
    points, level, patients = make_patients(60, 3, seed)
    fresh, truth, _ = make_patients(2000, 1, seed + 100)
    head = fit("one", points, (level > 0).astype(int), class_count=2,
               rng=np.random.default_rng(0), patients=patients if knows_patients else None)  # fmt: skip
    said = head.predict(fresh)
    return said.max(axis=1).mean() - (said.argmax(axis=1) == (truth > 0)).mean()


def test_a_head_is_no_surer_of_other_patients_than_it_is_right():
    by_patient = [overconfidence(seed, knows_patients=True) for seed in SEEDS]
    by_case = [overconfidence(seed, knows_patients=False) for seed in SEEDS]
    assert np.mean(by_patient) < 0.03
    assert np.mean(by_case) > 0.1  # what near-copies in other folds would make of it


def test_the_ranges_of_numbers_hold_for_other_patients():
    held = []
    for seed in SEEDS:
        points, numbers, patients = make_patients(60, 6, seed)
        fresh, truth, _ = make_patients(400, 1, seed + 100)
        head = fit("number", points, numbers, class_count=1, rng=np.random.default_rng(0),
                   patients=patients)  # fmt: skip
        held.append(np.abs(head.predict(fresh)[:, 0] - truth) <= 1.96 * head.spread(fresh))
    assert np.mean(held) >= 0.9


def test_folds_of_one_case_find_what_leaving_out_one_case_finds():
    points, numbers, _ = make_patients(50, 1, seed=1)
    no_members = np.zeros((0, 50))
    ours = fit_number(points, numbers, STRENGTHS, no_members, np.arange(50))
    theirs = fit_number(points, numbers, STRENGTHS, no_members)
    assert ours.noise == pytest.approx(theirs.noise, rel=0.02)  # small directions are cut
    np.testing.assert_allclose(ours.weights, theirs.weights)


@pytest.mark.parametrize("kind", ["one", "number"])
def test_patients_with_one_study_each_change_nothing(kind):
    points, level, _ = make_patients(60, 1, seed=2)
    labels = {"one": (level > 0).astype(int), "number": level}[kind]
    patients = np.array([f"{row:02}" for row in range(60)])
    alike = [
        fit(kind, points, labels, class_count=2 if kind == "one" else 1,
            rng=np.random.default_rng(0), patients=known).to_bytes()
        for known in (None, patients)
    ]  # fmt: skip
    assert alike[0] == alike[1]


def test_few_patients_calibrate_nothing_however_many_studies_they_have():
    points, level, patients = make_patients(10, 6, seed=3)
    labels = (level > 0).astype(int)
    head = fit("one", points, labels, class_count=2, rng=np.random.default_rng(0),
               patients=patients)  # fmt: skip
    assert head.temperature == 1
    alone = fit("number", points, level, class_count=1, rng=np.random.default_rng(0),
                patients=np.full(60, "same"), config=HeadConfig(l2=7.0))  # fmt: skip
    assert np.isfinite(alone.noise)
