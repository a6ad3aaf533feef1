"""The training loop, checkpoints and metrics, without Django."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from learning.training import evaluate
from learning.training.checkpoint import Checkpoints, load_weights, save_weights, weights_path
from learning.training.config import InvalidConfig, TrainConfig
from learning.training.data import LabeledImages, augment, class_weights
from learning.training.loop import DivergedTraining, train
from learning.training.networks import NETWORKS, build
from learning.training.predict import predict

SMALL = TrainConfig(side=32, batch_size=4, epochs=1, min_steps=24, evaluations=6, flip=False)


def make_images(count, seed=0):
    """Two classes: a bright square left or right."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0, 0.3, (count, 32, 32))
    labels = np.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        image[10:22, 4:14] += 2.0 * (label == 0)
        image[10:22, 18:28] += 2.0 * (label == 1)
    return LabeledImages(images.astype(np.float16), labels.astype(np.int64))


def run(folder, config=SMALL, training=None, on_epoch=lambda *_: None):
    return train(
        config=config, class_count=2, training=training or make_images(16),
        validation=make_images(8, seed=1), seed=7, checkpoints=Checkpoints(folder),
        on_epoch=on_epoch,
    )  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_builds_and_gives_one_row_per_image(name):
    assert build(name, 3)(torch.zeros(2, 1, 64, 64)).shape == (2, 3)


def test_a_network_overfits_four_images(tmp_path):
    four = make_images(4)
    config = TrainConfig(
        side=32, batch_size=4, epochs=60, min_steps=0, rotate_degrees=0.0, scale=0.0, shift=0.0,
        contrast=0.0, noise=0.0, flip=False, label_smoothing=0.0, flip_at_test=False,
    )  # fmt: skip
    trained = train(
        config=config, class_count=2, training=four, validation=four, seed=0,
        checkpoints=Checkpoints(tmp_path), on_epoch=lambda *_: None,
    )  # fmt: skip
    probabilities = predict(trained.network, [four.images], config)
    assert (probabilities.argmax(axis=1) == four.labels).all()
    assert probabilities.max(axis=1).min() > 0.9


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    class Killed(Exception):
        pass

    def die_at_12(figures, step, total):
        if step >= 12:
            raise Killed

    straight = run(tmp_path / "straight")
    with pytest.raises(Killed):
        run(tmp_path / "broken", on_epoch=die_at_12)
    resumed = run(tmp_path / "broken")
    assert resumed.curves == straight.curves
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"step": 1})
    checkpoints.save(2, {"step": 2})
    newest = max(tmp_path.glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    assert checkpoints.load() == {"step": 1}


def test_only_two_checkpoints_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in range(5):
        checkpoints.save(step, {"step": step})
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_are_addressed_by_hash_and_verified(tmp_path):
    network = build("resnet10", 2)
    sha256 = save_weights(network, tmp_path)
    other = build("resnet10", 2)
    load_weights(other, tmp_path, sha256)
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True)
    )
    path = weights_path(tmp_path, sha256)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ValueError, match="do not match their hash"):
        load_weights(other, tmp_path, sha256)


def test_poisoned_images_end_in_a_clear_error(tmp_path):
    data = make_images(8)
    data.images[:] = np.nan
    with pytest.raises(DivergedTraining):
        run(tmp_path, training=data)


def test_augmentation_is_determined_by_its_seed():
    images = torch.randn(4, 1, 16, 16)
    once = augment(images, SMALL, torch.Generator().manual_seed(3))
    again = augment(images, SMALL, torch.Generator().manual_seed(3))
    assert torch.equal(once, again)
    assert not torch.equal(once, images)


def test_class_weights_favour_the_rare_class():
    weights = class_weights(np.array([0] * 9 + [1]), 3)
    assert weights[1] / weights[0] == pytest.approx(3.0)
    assert weights[2] == 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"sides": 3}, "sides"),
        ({"side": "big"}, "side must be of type int"),
        ({"side": 1}, "side must lie"),
    ],
)
def test_a_wrong_option_is_named(overrides, message):
    with pytest.raises(InvalidConfig, match=message):
        TrainConfig.from_json(overrides)


def test_auc_equals_sklearn_with_ties():
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    scores = np.round(rng.random(300) + 0.3 * truth, 1)
    assert evaluate.auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))


@pytest.mark.parametrize(("flip", "expected"), [(False, 1.0), (True, 0.0)])
def test_auc_is_one_for_perfect_and_zero_for_reversed(flip, expected):
    truth = np.array([False, False, True, True])
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    assert evaluate.auc(truth, -scores if flip else scores) == expected


def test_figures_by_hand():
    truth = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7], [0.7, 0.3]])
    figures = evaluate.evaluate(
        truth, probabilities, list("abcde"), threshold=0.5, rng=np.random.default_rng(0)
    )
    assert figures["sensitivity"]["value"] == 0.5
    assert figures["specificity"]["value"] == pytest.approx(2 / 3)
    assert figures["accuracy"]["value"] == pytest.approx(3 / 5)
    assert figures["n"] == 5
    assert figures["auc"]["low"] <= figures["auc"]["value"] <= figures["auc"]["high"]


def test_one_class_alone_gives_no_auc_instead_of_a_wrong_one():
    figures = evaluate.evaluate(
        np.zeros(4, int), np.full((4, 2), 0.5), list("abcd"), threshold=0.5,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert figures["auc"]["value"] is None


def test_the_bootstrap_resamples_patients_and_not_images():
    """Ten copies of each patient's image must not make the interval narrower."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    many = np.repeat(values, 10)
    single = evaluate.bootstrap(lambda i: float(values[i].mean()), [str(n) for n in range(30)],
                                np.random.default_rng(1))  # fmt: skip
    copied = evaluate.bootstrap(lambda i: float(many[i].mean()), np.repeat(range(30), 10).astype(str),
                                np.random.default_rng(1))  # fmt: skip
    assert copied.high - copied.low == pytest.approx(single.high - single.low, rel=0.1)


def test_calibration_error_of_a_calibrated_and_an_overconfident_model():
    truth = np.array([1] * 8 + [0] * 2)
    calibrated = np.tile([0.2, 0.8], (10, 1))
    boastful = np.tile([0.0, 1.0], (10, 1))
    assert evaluate.calibration_error(truth, calibrated) == pytest.approx(0.0)
    assert evaluate.calibration_error(truth, boastful) == pytest.approx(0.2)
