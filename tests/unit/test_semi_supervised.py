"""Images without labels: what they teach and how steps are made of them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from learning.training.batches import Source
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.distributed import Group
from learning.training.lessons import MixedSource, images_per_step, stronger
from learning.training.loop import train
from learning.training.networks import Architecture
from learning.training.processes import train_in_processes, write_job
from learning.training.semi_supervised import (
    MeanTeacher,
    answering,
    ramp_up,
    sure_labels,
    taught_loss,
    with_teacher,
)
from learning.training.tasks import ManyAnswers, Number, OrdinalGrade, Unlearnable
from tests.unit.test_training import CPU, SIDES, make_images

PSEUDO = TrainConfig(
    side=32, batch_size=4, epochs=1, min_steps=24, evaluations=6, flip=False, checkpoint_s=0.0,
    unlabeled="pseudo_labels", unlabeled_gate=0.8,
)  # fmt: skip
MEAN = replace(PSEUDO, unlabeled="mean_teacher")
GRADES = OrdinalGrade(("low", "mid", "high"))
FINDINGS = ManyAnswers(("a", "b"))


def unlabeled_images(count=24, seed=5, task=SIDES):
    return Samples(make_images(count, seed).images, task.encode([None] * count))


def run(folder, config, unlabeled=None, on_progress=lambda _p: None, training=None, **options):
    training = training or make_images(16)
    return train(
        config=config, task=SIDES, architecture=Architecture("resnet10", 2, size=(32, 32), dropout=0.2),
        training=training, validation=options.pop("validation", training), unlabeled=unlabeled, seed=7,
        checkpoints=Checkpoints(folder), on_progress=on_progress, **options,
    )  # fmt: skip


def assert_same(one, other):
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[name]), name


# what a teacher says


def test_only_sure_answers_become_labels():
    said = torch.tensor([[0.99, 0.01], [0.6, 0.4], [0.03, 0.97], [torch.nan, torch.nan]])
    assert sure_labels(SIDES, said, 0.95).tolist() == [0, -1, 1, -1]
    grades = torch.tensor([[0.02, 0.96, 0.02], [0.4, 0.3, 0.3]])
    assert sure_labels(GRADES, grades, 0.95).tolist() == [1, -1]


def test_of_any_number_of_findings_each_is_sure_by_itself():
    found = sure_labels(FINDINGS, torch.tensor([[0.97, 0.5], [0.02, 0.96], [0.1, torch.nan]]), 0.95)
    assert found.nan_to_num(-1).tolist() == [[1, -1], [0, 1], [-1, -1]]


def test_a_pseudo_label_counts_as_a_label_would_and_the_unsure_nothing():
    outputs = torch.tensor([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]])
    taught = torch.tensor([[0.9, 0.1], [0.5, 0.5], [torch.nan, torch.nan]])
    by_hand = torch.nn.functional.cross_entropy(outputs[:1], torch.tensor([0]))
    assert taught_loss(SIDES, outputs, taught, PSEUDO).item() == pytest.approx(by_hand.item())
    of_findings = taught_loss(FINDINGS, outputs, torch.tensor([[0.9, 0.5], [0.5, 0.1], [0.5, 0.5]]), PSEUDO)  # fmt: skip
    expected = (torch.log1p(torch.exp(torch.tensor(-1.0))) * 2).item()  # two sure, of two a case
    assert of_findings.item() == pytest.approx(expected / 2)


def test_consistency_by_hand_and_only_the_student_learns():
    outputs = torch.log(torch.tensor([[0.8, 0.2], [0.3, 0.7]])).requires_grad_()
    taught = torch.tensor([[0.5, 0.5], [torch.nan, torch.nan]]).requires_grad_()
    loss = taught_loss(SIDES, outputs, taught, MEAN)
    assert loss.item() == pytest.approx(10 * 0.09)
    loss.backward()
    assert taught.grad is None
    assert outputs.grad[0].abs().sum() > 0
    assert outputs.grad[1].tolist() == [0, 0]  # of which the teacher says nothing
    same = taught_loss(GRADES, torch.zeros(2, 2), GRADES.predictions(torch.zeros(2, 2)), MEAN)
    assert same.item() == 0


def test_the_weight_rises_from_almost_nothing_to_one():
    assert ramp_up(0, 100) == pytest.approx(np.exp(-5))
    assert [ramp_up(step, 100) for step in (100, 500)] == [1.0, 1.0]
    assert ramp_up(30, 100) < ramp_up(60, 100)
    assert ramp_up(0, 0) == 1.0


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


def test_a_mean_teacher_answers_itself_and_of_pseudo_labels_the_student_does():
    network = torch.nn.Linear(2, 2)
    assert with_teacher(network, TrainConfig(), SIDES) is network
    pair = with_teacher(network, MEAN, SIDES)
    assert answering(pair, MEAN) is pair.teacher
    assert answering(pair, PSEUDO) is pair.student is network
    with pytest.raises(Unlearnable, match="unlabeled: the answers of a number task"):
        with_teacher(network, MEAN, Number())


# how steps are made


def source_of(config=PSEUDO, labels=16, count=24):
    return MixedSource.of(
        Source(make_images(labels), SIDES, config, (32, 32), CPU), unlabeled_images(count)
    )


def test_a_mixed_step_holds_the_labeled_batch_as_it_is_without():
    source = source_of()
    plain = [task()[0] for task in itertools.islice(source.labeled.epochs(3, 0), 8)]
    steps = [task() for task in itertools.islice(source.epochs(3, 0), 8)]
    assert [is_last for _, is_last in steps] == [False, False, False, True] * 2
    for batch, (step, _) in zip(plain, steps, strict=True):
        assert (len(step), len(step.weak), step.is_labeled.sum()) == (16, 12, 4)
        seen = torch.from_numpy(step.is_labeled)
        assert torch.equal(step.batch.images[seen], batch.images)
        assert torch.equal(step.batch.labels[seen], batch.labels)
        assert set(step.batch.labels[~seen].tolist()) == {-1}
        assert not torch.equal(step.batch.images[~seen], step.weak.images)
    places = np.flatnonzero(steps[0][0].is_labeled)
    assert np.diff(places).max() <= 4  # in turn: every part has its share


def test_a_resumed_epoch_has_the_images_of_an_uninterrupted_one():
    source = source_of(count=50)
    straight = [task()[0] for task in itertools.islice(source.epochs(3, 0), 8)]
    resumed = [task()[0] for task in itertools.islice(source.epochs(3, 1), 4)]
    for one, other in zip(straight[4:], resumed, strict=True):
        assert torch.equal(one.batch.images, other.batch.images)
        assert torch.equal(one.weak.images, other.weak.images)


@pytest.mark.parametrize("count", [1, 7, 24])
def test_shares_of_processes_are_equal_and_hold_all_images(count):
    source = source_of(replace(PSEUDO, rotate_degrees=0.0, scale=0.0, shift=0.0, contrast=0.0, noise=0.0), count=count)  # fmt: skip
    whole = next(source.epochs(1, 0))()[0].weak.images.flatten(1).mean(1).tolist()
    shares = [next(source.epochs(1, 0, Group(rank, 3)))()[0] for rank in range(3)]
    assert len({(len(s), len(s.weak)) for s in shares}) == 1
    held = {m for s in shares for m in s.weak.images.flatten(1).mean(1).tolist()}
    assert held == set(whole)


def test_stronger_changes_go_further_in_the_same_ways():
    found = stronger(TrainConfig(flip=False, contrast=0.2, noise=0.0, rotate_degrees=90.0))
    assert (found.contrast, found.noise, found.flip) == (0.5, 0.0, False)
    assert found.rotate_degrees == 180.0  # no further than the option goes
    assert images_per_step(PSEUDO, unlabeled_images()) == 16
    assert images_per_step(PSEUDO, None) == 4


# the loop


def test_without_images_pseudo_labels_are_plain_training(tmp_path):
    """The ablation is what a round without the option trains, bit for bit."""
    plain = run(tmp_path / "plain", replace(PSEUDO, unlabeled="none"))
    ablation = run(tmp_path / "ablation", PSEUDO)
    assert ablation.curves == plain.curves
    assert_same(ablation, plain)


def test_without_images_a_mean_teacher_averages_the_weights_of_plain_training(tmp_path):
    plain = run(tmp_path / "plain", replace(PSEUDO, unlabeled="none"))
    averaged = run(tmp_path / "averaged", MEAN)
    assert [p["loss"] for p in averaged.curves] == [p["loss"] for p in plain.curves]
    assert averaged.curves[-1]["validation_loss"] != plain.curves[-1]["validation_loss"]


class Killed(Exception):
    """The worker is gone."""


@pytest.mark.parametrize("config", [PSEUDO, MEAN], ids=["pseudo-labels", "mean teacher"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(config, tmp_path):
    def die_at_12(progress):
        if progress.step >= 12:
            raise Killed

    images = unlabeled_images()
    straight = run(tmp_path / "straight", config, images)
    with pytest.raises(Killed):
        run(tmp_path / "broken", config, images, on_progress=die_at_12)
    resumed = run(tmp_path / "broken", config, images)
    assert resumed.curves == straight.curves
    assert_same(resumed, straight)
    ablation = run(tmp_path / "ablation", config)
    assert straight.curves != ablation.curves  # they have taught something


def test_memory_that_runs_out_halves_what_is_learned_at_once_and_the_gradients_stay(
    tmp_path, monkeypatch
):
    """A network without batch norm: parts add up to the whole, whatever lies in which."""
    config = replace(MEAN, network="vit_small", min_steps=4, evaluations=1, unlabeled_ramp=0.0)
    images, training = unlabeled_images(), make_images(8)

    def trained(name, on_progress=lambda _p: None):
        return train(
            config=config, task=SIDES, architecture=Architecture("vit_small", 2, size=(32, 32)),
            training=training, validation=training, unlabeled=images, seed=7,
            checkpoints=Checkpoints(tmp_path / name), on_progress=on_progress,
        )  # fmt: skip

    whole = trained("whole")
    forward, heard = MeanTeacher.forward, []

    def little(self, inputs):
        if len(inputs) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, inputs)

    monkeypatch.setattr(MeanTeacher, "forward", little)
    parts = trained("parts", heard.append)
    assert (heard[-1].images_at_once, heard[-1].is_short) == (4, True)  # of 16
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(parts.network.state_dict()[name], value, rtol=1e-3, atol=1e-4)


def test_two_processes_learn_from_unlabeled_images_what_one_learns(tmp_path):
    config = replace(
        PSEUDO, network="vit_small", min_steps=6, evaluations=1, class_weights=False, unlabeled_gate=0.5,
        rotate_degrees=0.0, scale=0.0, shift=0.0, contrast=0.0, noise=0.0,
    )  # fmt: skip
    data = make_images(12)
    options = {
        "config": config, "task": SIDES, "architecture": Architecture("vit_small", 2, size=(32, 32)),
        "training": data, "validation": data, "unlabeled": unlabeled_images(), "seed": 3,
    }  # fmt: skip
    alone = train(
        **options, checkpoints=Checkpoints(tmp_path / "alone"), on_progress=lambda _p: None
    )
    write_job(tmp_path, **options)
    heard = []
    both = train_in_processes(tmp_path, 2, heard.append)
    assert (heard[-1].step, heard[0].images_at_once) == (6, 16)
    for name, value in alone.network.state_dict().items():
        torch.testing.assert_close(
            both.network.state_dict()[name], value, rtol=1e-3, atol=1e-4, msg=name
        )


def test_clinical_columns_of_unlabeled_images_are_seen_too(tmp_path):
    rng = np.random.default_rng(0)
    training, images = make_images(8), unlabeled_images()
    training = replace(training, columns=rng.normal(size=(8, 2)).astype(np.float32))
    images = replace(images, columns=rng.normal(size=(24, 2)).astype(np.float32))
    trained = train(
        config=replace(MEAN, min_steps=2, evaluations=1), task=SIDES, seed=1,
        architecture=Architecture("resnet10", 2, size=(32, 32), columns=2),
        training=training, validation=training, unlabeled=images,
        checkpoints=Checkpoints(tmp_path), on_progress=lambda _p: None,
    )  # fmt: skip
    assert np.isfinite(trained.curves[-1]["loss"])
