"""Thresholds of structures: what validation can tell, and what stays as it is."""

import numpy as np
import pytest

from learning.training import operating_points
from learning.training.metrics.figures import mean_of_means
from learning.training.operating_points import (
    FARTHEST,
    STEP,
    TRIED,
    Counts,
    called,
    tally,
    thresholds_of_structures,
)
from learning.training.tasks.segmentation import UNLABELED

RNG = np.random.default_rng
SHAPE = (6, 16, 16)


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=0))
    return (shifted / shifted.sum(axis=0)).astype(np.float32)


def volume(seed, *, biases=(0.0,), noise=1.0, is_there=True):
    """A mask of cubes, and what a network says of it that favours each structure by its bias."""
    rng = RNG(seed)
    mask = np.zeros(SHAPE, np.int16)
    for number in range(1, len(biases) + 1):
        z, y, x = (int(rng.integers(0, side - 3)) for side in SHAPE)
        mask[z : z + 3, y : y + 3, x : x + 3] = number if is_there else 0
    logits = rng.normal(0, noise, (1 + len(biases), *SHAPE))
    for number in range(1 + len(biases)):
        logits[number][mask == number] += 3
    logits[1:] += np.reshape(biases, (-1, 1, 1, 1))
    return softmax(logits), mask


def chosen(volumes, patients=None, seed=0):
    names = patients or [str(n) for n in range(len(volumes))]
    structures = len(volumes[0][0]) - 1
    answers, masks = zip(*volumes, strict=True)
    return thresholds_of_structures(iter(answers), masks, names, structures, RNG(seed))


def dice(volumes, thresholds):
    """By the definition, voxel by voxel."""
    rows = []
    for probabilities, mask in volumes:
        answer = np.where(mask == UNLABELED, 0, called(probabilities, thresholds))
        truth = np.where(mask == UNLABELED, 0, mask)
        both = [(truth == n, answer == n) for n in range(1, len(probabilities))]
        rows.append(
            [2 * (t & a).sum() / (t.sum() + a.sum()) if (t | a).any() else np.nan for t, a in both]
        )
    return np.asarray(rows)


@pytest.mark.parametrize("bias", [2.0, -2.0])
def test_a_network_that_draws_too_much_or_too_little_is_put_right(bias):
    volumes = [volume(seed, biases=(bias,)) for seed in range(12)]
    [threshold] = chosen(volumes)
    assert (threshold > 0.6) if bias > 0 else (threshold < 0.4)
    unseen = [volume(100 + seed, biases=(bias,)) for seed in range(12)]
    right = [volume(100 + seed) for seed in range(12)]
    before, after = dice(unseen, ()).mean(), dice(unseen, (threshold,)).mean()
    assert after > before + 0.05
    assert after > dice(right, ()).mean() - 0.02


def test_each_structure_gets_its_own():
    volumes = [volume(seed, biases=(2.5, 0.0, -2.5), noise=1.3) for seed in range(14)]
    first, _, third = found = chosen(volumes)
    assert first > 0.6
    assert third < 0.45
    unseen = [volume(100 + seed, biases=(2.5, 0.0, -2.5), noise=1.3) for seed in range(14)]
    assert mean_of_means(dice(unseen, found)) > mean_of_means(dice(unseen, ())) + 0.1


def test_a_network_that_is_right_stays_as_it_is():
    """Of one whose logits are the evidence itself nothing is gained that is more than noise."""
    volumes = [volume(seed, noise=0.3) for seed in range(8)]
    assert chosen(volumes) == (0.5,)


@pytest.mark.parametrize("structures", [1, 2, 9])
def test_what_is_counted_is_what_thresholds_make_of_the_voxels(structures):
    """Also where rows are wider than one number. One structure alone is exact at every step."""
    biases = np.linspace(1, -1, structures)
    volumes = [volume(seed, biases=biases) for seed in range(3)]
    volumes[1][1][:2] = UNLABELED
    counts = Counts.of([tally(*one) for one in volumes])
    assert counts.count.sum() == sum((mask != UNLABELED).sum() for _, mask in volumes)
    nowhere = np.zeros(structures, np.int64)
    for place in {0, structures - 1}:
        found = counts.dice(nowhere, place)
        assert np.allclose(found[FARTHEST], dice(volumes, ()), equal_nan=True)
        for step in TRIED:
            steps = nowhere.copy()
            steps[place] = step
            wanted = dice(volumes, 1 / (1 + np.exp(STEP * steps)))
            # Where two others are level to a unit, which of them comes next is not known.
            error = np.abs(found[step + FARTHEST] - wanted)
            assert np.nanmean(error) < (1e-9 if structures == 1 else 0.01)
            assert np.array_equal(np.isnan(error), np.isnan(wanted))


def test_the_steps_of_the_others_count_too():
    volumes = [volume(seed, biases=(1.0, -1.0)) for seed in range(3)]
    counts = Counts.of([tally(*one) for one in volumes])
    for first, second in [(-4, 6), (3, -5), (8, 8)]:
        wanted = dice(volumes, 1 / (1 + np.exp(STEP * np.asarray([first, second]))))
        of_first = counts.dice(np.asarray([0, second]), 0)[first + FARTHEST]
        of_second = counts.dice(np.asarray([first, 0]), 1)[second + FARTHEST]
        assert np.allclose(of_first, wanted, atol=0.04)
        assert np.allclose(of_second, wanted, atol=0.04)


def test_of_voxels_without_number_a_sample_stands_for_all(monkeypatch):
    volumes = [volume(seed, biases=(2.0, -2.0, 0.0)) for seed in range(12)]
    every = mean_of_means(dice(volumes, chosen(volumes)))
    monkeypatch.setattr(operating_points, "MOST_ROWS", 200)
    counts = Counts.of([tally(*one) for one in volumes])
    assert counts.count.sum() == pytest.approx(12 * np.prod(SHAPE))
    assert len(counts.truth) <= 12 * 200
    sampled = mean_of_means(dice(volumes, chosen(volumes)))
    assert sampled > max(every - 0.06, mean_of_means(dice(volumes, ())) + 0.1)


def test_voxels_that_readers_left_open_decide_nothing():
    volumes = [volume(seed, biases=(2.0,)) for seed in range(8)]
    wanted = chosen(volumes)
    assert wanted != (0.5,)
    extended = []
    for probabilities, mask in volumes:
        misled = softmax(RNG(1).normal(0, 3, (2, 4, *SHAPE[1:])))
        extended.append((
            np.concatenate([probabilities, misled], axis=1),
            np.concatenate([mask, np.full(misled.shape[1:], UNLABELED, np.int16)]),
        ))  # fmt: skip
    assert chosen(extended) == wanted


def test_the_order_of_the_volumes_and_of_their_voxels_does_not_matter(monkeypatch):
    volumes = [volume(seed, biases=(1.5, -1.5)) for seed in range(8)]
    wanted = chosen(volumes)
    assert wanted != (0.5, 0.5)
    turned = [(p[:, ::-1, :, ::-1].copy(), m[::-1, :, ::-1].copy()) for p, m in volumes]
    assert chosen(turned) == wanted
    names = [str(n) for n in range(len(volumes))]
    assert chosen(turned[::-1], names[::-1]) == wanted
    monkeypatch.setattr(operating_points, "BLOCK", 100)
    assert chosen(volumes) == wanted


def test_a_structure_that_few_patients_have_keeps_the_likeliest():
    volumes = [volume(seed, biases=(2.0,), is_there=seed < 4) for seed in range(12)]
    assert chosen(volumes) == (0.5,)
    four_patients = [str(seed % 4) for seed in range(12)]
    assert chosen([volume(seed, biases=(2.0,)) for seed in range(12)], four_patients) == (0.5,)


def test_nothing_is_predicted_where_nothing_can_be_chosen():
    def never():
        raise AssertionError("the network was asked")
        yield

    masks = [volume(seed)[1] for seed in range(4)]
    assert thresholds_of_structures(never(), masks, list("abcd"), 1, RNG(0)) == (0.5,)
    assert thresholds_of_structures(never(), [], [], 2, RNG(0)) == ()


def test_a_diverged_network_stays_as_it_is():
    volumes = [(np.full((2, *SHAPE), np.nan, np.float32), volume(seed)[1]) for seed in range(6)]
    assert chosen(volumes) == (0.5,)


def test_a_structure_is_called_from_its_threshold_on():
    share = np.linspace(0.01, 0.99, 99, dtype=np.float32)
    binary = np.stack([1 - share, share])
    assert np.array_equal(called(binary, (0.295,)) == 1, share > 0.295)
    assert np.array_equal(called(binary, (0.5,)), binary.argmax(axis=0))
    three = RNG(0).dirichlet(np.ones(3), 500).T.astype(np.float32)
    assert np.array_equal(called(three, (0.5, 0.5)), three.argmax(axis=0))
    lower = called(three, (0.5, 0.3))
    assert (lower == 2).sum() > (three.argmax(axis=0) == 2).sum()
    assert ((lower == 1) <= (three.argmax(axis=0) == 1)).all()
