"""Pseudo-labels, the mean teacher, temperature scaling and near-duplicates."""

import time

import numpy as np
import pytest
import torch
from PIL import Image

from learning.training.calibration import as_logits, calibrated, fit_temperature
from learning.training.checkpoint import Checkpoints
from learning.training.duplicates import WORDS, group_alike, near_pairs, perceptual_hash
from learning.training.metrics.classification import calibration_error
from learning.training.resumable import Schedule, fit
from learning.training.semi_supervised import (
    MeanTeacher,
    confident_pseudo_labels,
    consistency_loss,
    ramp_up,
)


def logits_of(*probabilities):
    return torch.log(torch.tensor(probabilities))


# semi-supervision


def test_only_sure_answers_become_labels():
    logits = logits_of([0.99, 0.01], [0.6, 0.4], [0.03, 0.97], [0.04, 0.96])
    found = confident_pseudo_labels(logits, least_confidence=0.95)
    assert (found.rows.tolist(), found.labels.tolist()) == ([0, 2, 3], [0, 1, 1])
    capped = confident_pseudo_labels(logits, least_confidence=0.95, at_most_per_class=1)
    assert (capped.rows.tolist(), capped.labels.tolist()) == ([0, 2], [0, 1])
    nobody = confident_pseudo_labels(logits, least_confidence=1.0, at_most_per_class=1)
    assert nobody.rows.tolist() == []
    with pytest.raises(ValueError, match="least_confidence"):
        confident_pseudo_labels(logits, least_confidence=95.0)


def test_consistency_by_hand_and_only_the_student_learns():
    student = logits_of([0.8, 0.2]).requires_grad_()
    teacher = logits_of([0.5, 0.5]).requires_grad_()
    loss = consistency_loss(student, teacher)
    assert float(loss.detach()) == pytest.approx(0.09)
    loss.backward()
    assert student.grad is not None
    assert teacher.grad is None
    assert consistency_loss(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)) == 0.0


def test_the_weight_rises_from_almost_nothing_to_one():
    assert ramp_up(0, 100) == pytest.approx(np.exp(-5))
    assert [ramp_up(step, 100) for step in (100, 500)] == [1.0, 1.0]
    assert ramp_up(30, 100) < ramp_up(60, 100)


def test_the_teacher_is_the_average_of_its_students():
    pair = MeanTeacher(torch.nn.Linear(1, 1, bias=False), decay=0.9)
    for value in (1.0, 2.0, 3.0):
        torch.nn.init.constant_(pair.student.weight, value)
        pair.update()
    assert float(pair.teacher.weight) == pytest.approx(2.0)  # a true average while there are few
    for _ in range(20):
        pair.update()
    mean = float(pair.teacher.weight)
    torch.nn.init.constant_(pair.student.weight, 10.0)
    pair.update()
    assert float(pair.teacher.weight) == pytest.approx(0.9 * mean + 1.0)
    assert not pair.teacher.weight.requires_grad


def test_the_teacher_averages_batch_statistics_and_survives_a_checkpoint(tmp_path):
    torch.manual_seed(0)
    pair = MeanTeacher(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)))
    data = torch.randn(8, 2) + 5

    def batch_loss(module, step, generator):
        return module(data).square().mean() + (module(data) - pair.taught(data)).square().mean()

    fit(pair, batch_loss, Schedule(steps=6, report_every=3), seed=0, store=Checkpoints(tmp_path),
        after_step=lambda _: pair.update())  # fmt: skip
    assert int(pair.updates) == 6
    assert (pair.teacher[1].running_mean != 0).all()
    loaded = MeanTeacher(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)))
    loaded.load_state_dict(Checkpoints(tmp_path).load()["network"])
    assert torch.equal(loaded.taught(data), pair.taught(data))


# calibration


def test_a_boastful_model_is_cooled_and_keeps_its_answers():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 1.5, (4000, 3))
    chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = (rng.random((4000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    boastful = 3.0 * honest
    assert fit_temperature(boastful, truth) == pytest.approx(3.0, rel=0.1)
    before = np.exp(boastful) / np.exp(boastful).sum(axis=1, keepdims=True)
    after = calibrated(before, fit_temperature(as_logits(before), truth))
    assert calibration_error(truth, after) < 0.03 < 0.1 < calibration_error(truth, before)
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()
    assert after.sum(axis=1) == pytest.approx(np.ones(4000))


def test_temperature_of_nothing_and_of_perfect_answers_is_finite():
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, int)) == 1.0
    assert 0.05 <= fit_temperature(np.eye(2) * 9, np.arange(2)) <= 20
    with pytest.raises(ValueError, match="truth must lie between 0 and 1"):
        fit_temperature(np.zeros((2, 2)), np.array([0, 2]))


# near-duplicates


def picture(seed, side=96):
    """A smooth random image."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.normal(size=(12, 12)).astype(np.float32))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)) * 500 + 1000


def changed(image, rng):
    """The same image smaller, with noise and other units."""
    small = Image.fromarray(image.astype(np.float32)).resize((70, 70), Image.Resampling.BILINEAR)
    return (np.asarray(small) + rng.normal(0, 15, (70, 70))) * 2.5 - 300


def test_copies_are_found_and_strangers_are_not():
    rng = np.random.default_rng(0)
    images = [picture(seed) for seed in range(30)]
    hashes = np.array([perceptual_hash(i) for i in [*images, *[changed(i, rng) for i in images]]])
    pairs = near_pairs(hashes)
    assert all(right - left == 30 for left, right in pairs)
    assert len(pairs) >= 28


def test_banding_misses_no_pair():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**63, 40, dtype=np.uint64)
    flipped = [
        w ^ np.uint64(sum(1 << int(b) for b in rng.choice(64, 4, replace=False))) for w in words
    ]
    hashes = np.zeros((80, WORDS), np.uint64)
    hashes[:, 0] = [*words, *flipped]
    assert near_pairs(hashes).tolist() == [[n, n + 40] for n in range(40)]


def test_what_differs_in_detail_is_not_the_same():
    hashes = np.zeros((2, WORDS), np.uint64)
    hashes[1, 1] = np.uint64(2**41 - 1)
    assert len(near_pairs(hashes)) == 0
    hashes[1, 1] = np.uint64(2**40 - 1)
    assert near_pairs(hashes).tolist() == [[0, 1]]


def test_patients_and_copies_chain_into_one_group():
    one, two = perceptual_hash(picture(0)), perceptual_hash(picture(1))
    other = perceptual_hash(picture(2))
    # image 1 is a copy of image 0 under another name, image 2 is that other patient's, 4 and 5 are blank
    groups = group_alike([one, one, two, other, None, None], ["a", "b", "b", "c", "d", "e"])
    assert groups.tolist() == [0, 0, 0, 1, 2, 3]
    assert group_alike([], []).tolist() == []


def test_blank_images_have_no_hash_and_wrong_shapes_are_refused():
    assert perceptual_hash(np.full((40, 40), 7)) is None
    assert (
        perceptual_hash(np.stack([picture(0)] * 3)).tolist() == perceptual_hash(picture(0)).tolist()
    )
    with pytest.raises(ValueError, match="cannot be hashed"):
        perceptual_hash(np.zeros(9))


def test_a_hundred_thousand_images_are_compared_in_seconds():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (100_000, WORDS), dtype=np.uint64)
    hashes[-1] = hashes[0]
    began = time.process_time()
    assert near_pairs(hashes).tolist() == [[0, 99_999]]
    assert time.process_time() - began < 20
