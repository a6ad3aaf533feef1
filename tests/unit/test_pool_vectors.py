"""In bench.active_learning the vectors of a replay know nothing but the replay's pool."""

from argparse import Namespace

import numpy as np
import pytest

from bench import pool_vectors
from bench.active_learning import Bench, Cases, divisions

COUNT = 120


@pytest.fixture
def cases():
    """Half of each split shows the finding, as in the benchmark's radiographs."""
    return Cases(
        labels=np.arange(COUNT) % 2,
        splits=np.repeat(["train", "test"], COUNT // 2),
        patients=np.array([f"patient {number}" for number in range(COUNT)]),
    )


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(COUNT, 16, 16)).astype(np.float16)


def rare_trials(cases, encoder, seeds=1):
    arguments = Namespace(seeds=seeds, batch=5, l2=1e-2)
    return list(Bench("rare", cases, encoder, divisions(cases, 0), arguments).trials())


def test_a_rare_finding_is_rare_to_the_encoder_too(cases):
    asked = []

    def encoder(pool):
        asked.append(pool)
        return np.zeros((COUNT, 4), np.float32)

    trials = rare_trials(cases, encoder, seeds=2)
    assert len(asked) == 2  # each pool has an encoder of its own
    for pool, trial in zip(asked, trials, strict=True):
        assert pool.tolist() == trial.rows.tolist()
        assert cases.labels[pool].mean() < 0.1
        assert set(cases.splits[pool]) == {"train"}


@pytest.mark.parametrize("kind", ["descriptor", "contrastive"])
def test_images_outside_the_pool_change_no_vector_in_it(cases, images, kind, tmp_path):
    def encoder(seen, folder):
        if kind == "descriptor":
            return pool_vectors.descriptor(seen)
        return pool_vectors.contrastive(seen, tmp_path / folder, steps=1)

    [first] = rare_trials(cases, encoder(images, "first"))
    others = np.setdiff1d(np.arange(COUNT), first.rows)
    changed = images.copy()
    changed[others] = changed[others[::-1]] ** 2
    [again] = rare_trials(cases, encoder(changed, "again"))
    assert again.rows.tolist() == first.rows.tolist()
    assert np.allclose(again.pool.embeddings, first.pool.embeddings, atol=1e-6)
    assert not np.allclose(again.test.embeddings, first.test.embeddings, atol=1e-2)
