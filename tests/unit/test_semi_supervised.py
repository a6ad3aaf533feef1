"""Pseudo-labels, the mean teacher and temperature scaling."""

import numpy as np
import pytest
import torch

from learning.training.calibration import as_logits, calibrated, fit_temperature
from learning.training.checkpoint import Checkpoints
from learning.training.memory import AtOnce
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

    def batch_loss(module, _step):
        return module(data).square().mean() + (module(data) - pair.taught(data)).square().mean()

    fit(pair, lambda step, _generator: step, batch_loss, Schedule(steps=6, report_every=3), seed=0, store=Checkpoints(tmp_path),
        room=AtOnce("training"), after_step=lambda _: pair.update())  # fmt: skip
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
