"""Contrastive and masked pre-training, the descriptor, and embeddings."""

import numpy as np
import pytest
import torch
from monai.networks.nets import MaskedAutoEncoderViT, ViT
from monai.networks.nets.resnet import ResNet

from learning.training import resumable
from learning.training.checkpoint import Checkpoints, load_weights, save_weights
from learning.training.memory import OutOfMemory, noted
from learning.training.networks import Architecture
from learning.training.pretraining import contrastive
from learning.training.pretraining.contrastive import (
    ContrastiveConfig,
    Projected,
    nt_xent,
    pretrain_contrastive,
)
from learning.training.pretraining.default import fit_default_encoder
from learning.training.pretraining.descriptor import describe, fit_whitening, joined
from learning.training.pretraining.embed import embed, neighbour_purity
from learning.training.pretraining.masked import (
    MaskedConfig,
    masked_loss,
    patches,
    pretrain_masked,
)
from learning.training.pretraining.own_network import Run, pretrain_own
from learning.training.pretraining.views import ViewConfig, view
from learning.training.resumable import DivergedLoss, Schedule, batch_of_step


def make_encoder(dimensions=2):
    torch.manual_seed(0)
    return ResNet("basic", [1, 1, 1, 1], [4, 8, 8, 16], spatial_dims=dimensions, n_input_channels=1,
                  conv1_t_size=3, conv1_t_stride=2, feed_forward=False)  # fmt: skip


def stripes(count, shape=(32, 32), seed=0):
    """Class 0 is striped along the first axis, class 1 along the last; phase and noise vary."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    images = [
        np.sin((axes[0] if label == 0 else axes[-1]) * 0.8 + rng.uniform(0, 6.3))
        for label in labels
    ]
    noise = rng.normal(0, 0.3, (count, *shape))
    return (np.stack(images) + noise)[:, None].astype(np.float16), labels


def short(**changes):
    return ContrastiveConfig(
        batch_size=8,
        schedule=Schedule(**{"steps": 6, "learning_rate": 1e-2, "report_every": 2, **changes}),
    )


# contrastive


def test_nt_xent_by_hand():
    """Two images whose views agree and are orthogonal to the other's: each has one partner and two others."""
    same = torch.eye(2)
    by_hand = -np.log(np.exp(2) / (np.exp(2) + 2))
    assert float(nt_xent(same, same * 7, 0.5)) == pytest.approx(by_hand)


def test_nt_xent_prefers_true_partners():
    torch.manual_seed(0)
    first = torch.randn(8, 4)
    assert nt_xent(first, first, 0.2) < nt_xent(first, first.roll(1, 0), 0.2)


def test_nt_xent_is_exact_where_precision_is_mixed():
    torch.manual_seed(0)
    first, second = torch.randn(2, 16, 8)
    exact = nt_xent(first, second, 0.05)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nt_xent(first, second, 0.05), exact)


def test_one_image_has_nobody_to_differ_from(tmp_path):
    with pytest.raises(ValueError, match="at least two images"):
        nt_xent(torch.ones(1, 4), torch.ones(1, 4), 0.2)
    with pytest.raises(ValueError, match="at least two images, not 1"):
        pretrain_contrastive(
            make_encoder(), stripes(1)[0], short(), seed=0, store=Checkpoints(tmp_path)
        )


@pytest.mark.parametrize("shape", [(32, 40), (16, 20, 24)])
def test_views_differ_keep_the_shape_and_follow_their_seed(shape):
    images = torch.from_numpy(stripes(4, shape)[0].astype(np.float32))
    once, again = (view(images, ViewConfig(), torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(once, again)
    assert once.shape == images.shape
    other = view(images, ViewConfig(), torch.Generator().manual_seed(2))
    assert (once - other).abs().mean() > 0.1


@pytest.mark.parametrize("flip", [False, True])
def test_a_network_of_its_own_sees_mirror_images_only_where_it_may(tmp_path, monkeypatch, flip):
    """To a question of sides they are other answers."""
    seen = []

    def viewed(*arguments):
        seen.append(view(*arguments))
        return seen[-1]

    monkeypatch.setattr(contrastive, "view", viewed)
    brighter_to_the_right = np.tile(np.linspace(-1, 1, 32), (8, 1, 32, 1)).astype(np.float16)
    run = Run(steps=2, batch_size=8, seed=0, store=Checkpoints(tmp_path), flip=flip)
    pretrain_own(Architecture("resnet10", 2, size=(32, 32)), brighter_to_the_right, run)
    left, right = torch.cat(seen).mean(dim=(1, 2)).chunk(2, dim=1)
    is_mirrored = left.mean(dim=1) > right.mean(dim=1)
    assert len(is_mirrored) == 32
    assert bool(is_mirrored.any()) == flip


def test_contrastive_pre_training_teaches_the_encoder_something(tmp_path):
    images, labels = stripes(64)
    fresh = neighbour_purity(embed(make_encoder(), [images]), labels)
    reports = []
    encoder = pretrain_contrastive(
        make_encoder(), images,
        ContrastiveConfig(batch_size=32, schedule=Schedule(steps=60, learning_rate=1e-2, report_every=20)),
        seed=0, store=Checkpoints(tmp_path), on_progress=lambda p: p.figures and reports.append((p.figures["loss"], p.step, p.steps)),
    )  # fmt: skip
    assert [(s, n) for _, s, n in reports] == [(20, 60), (40, 60), (60, 60)]
    assert reports[-1][0] < reports[0][0]
    embedding = embed(encoder, [images[:40], images[40:]])
    assert embedding.dtype == np.float32
    assert np.linalg.norm(embedding, axis=1) == pytest.approx(np.ones(64), rel=1e-5)
    assert neighbour_purity(embedding, labels) > max(0.75, fresh + 0.1)


def test_a_resumed_run_equals_an_uninterrupted_one_and_weights_survive(tmp_path):
    class Killed(Exception):
        pass

    def die_at_4(progress):
        if progress.step == 4:
            raise Killed

    images = stripes(20, (16, 16, 16))[0]

    def run(folder, on_progress=lambda _: None):
        return pretrain_contrastive(make_encoder(3), images, short(), seed=3, store=Checkpoints(folder),
                                    on_progress=on_progress)  # fmt: skip

    straight = run(tmp_path / "straight")
    with pytest.raises(Killed):
        run(tmp_path / "broken", die_at_4)
    resumed = run(tmp_path / "broken")
    assert np.array_equal(embed(straight, [images]), embed(resumed, [images]))
    sha256 = save_weights(resumed, tmp_path / "weights")
    loaded = make_encoder(3)
    load_weights(loaded, tmp_path / "weights", sha256)
    assert np.array_equal(embed(loaded, [images]), embed(resumed, [images]))


def test_every_epoch_shows_every_image_once():
    seen = np.concatenate([batch_of_step(12, 4, step, seed=0) for step in range(3)])
    assert sorted(seen) == list(range(12))
    later = np.concatenate([batch_of_step(12, 4, step, seed=0) for step in range(3, 6)])
    assert sorted(later) == list(range(12))
    assert seen.tolist() != later.tolist()
    assert sorted(batch_of_step(3, 8, 5, seed=0)) == [0, 1, 2]


# masked


def make_autoencoder(shape, patch):
    torch.manual_seed(0)
    return MaskedAutoEncoderViT(
        1, shape, patch, hidden_size=48, mlp_dim=64, num_layers=2, num_heads=4, decoder_hidden_size=48,
        decoder_mlp_dim=64, decoder_num_layers=1, decoder_num_heads=4, spatial_dims=len(shape),
    )  # fmt: skip


def test_patches_hold_their_part_of_the_image_in_monais_order():
    images = torch.arange(32.0).reshape(1, 1, 4, 8)
    assert patches(images, (2, 4))[0, 1].tolist() == [4, 5, 6, 7, 12, 13, 14, 15]
    assert patches(torch.zeros(2, 3, 4, 6, 8), (2, 3, 4)).shape == (2, 8, 72)


def test_only_hidden_patches_count():
    images = torch.randn(1, 1, 4, 8)
    wanted = patches(images, (2, 4))
    perfect = (wanted - wanted.mean(2, keepdim=True)) / (wanted.std(2, keepdim=True) + 1e-3)
    wrong = perfect.clone()
    wrong[:, 0] += 9
    is_hidden = torch.tensor([[0, 1, 1, 1]])
    assert float(masked_loss(wrong, images, is_hidden, (2, 4))) == pytest.approx(0.0)
    assert float(masked_loss(wrong, images, 1 - is_hidden, (2, 4))) == pytest.approx(81.0)


@pytest.mark.parametrize(("shape", "patch"), [((16, 24), (8, 8)), ((8, 16, 16), (4, 8, 8))])
def test_the_masked_autoencoder_learns_and_its_encoder_fits_monais_vit(tmp_path, shape, patch):
    images, _ = stripes(32, shape)
    reports = []
    encoder = pretrain_masked(
        make_autoencoder(shape, patch), images,
        MaskedConfig(batch_size=16, hidden=0.5, schedule=Schedule(steps=60, learning_rate=3e-3, report_every=20)),
        seed=0, store=Checkpoints(tmp_path), on_progress=lambda p: p.figures and reports.append(p.figures["loss"]),
    )  # fmt: skip
    assert reports[-1] < 0.9 * reports[0]
    vit = ViT(1, shape, patch, hidden_size=48, mlp_dim=64, num_layers=2, num_heads=4, classification=True,
              pos_embed_type="sincos", spatial_dims=len(shape))  # fmt: skip
    missing = vit.load_state_dict(encoder.vit_weights(), strict=False)
    assert missing.unexpected_keys == []
    assert all(name.startswith("classification_head") for name in missing.missing_keys)
    batch = torch.from_numpy(images[:2].astype(np.float32))
    tokens = vit.eval().norm(vit(batch)[1][-1])[:, 1:].mean(dim=1)
    assert torch.allclose(encoder.eval()(batch), tokens, atol=1e-5)


def test_a_resumed_masked_run_equals_an_uninterrupted_one(tmp_path):
    class Killed(Exception):
        pass

    def die_at_2(progress):
        if progress.step == 2:
            raise Killed

    images, _ = stripes(8, (16, 16))
    config = MaskedConfig(batch_size=4, schedule=Schedule(steps=4, report_every=2))

    def run(folder, on_progress=lambda _: None):
        return pretrain_masked(make_autoencoder((16, 16), (8, 8)), images, config, seed=1,
                               store=Checkpoints(folder), on_progress=on_progress)  # fmt: skip

    straight = run(tmp_path / "straight")
    with pytest.raises(Killed):
        run(tmp_path / "broken", die_at_2)
    assert np.array_equal(embed(run(tmp_path / "broken"), [images]), embed(straight, [images]))


@pytest.fixture
def starved(monkeypatch):
    """Networks of a class that run out of memory above so many images."""

    def arrange(kind, most):
        forward = kind.forward

        def little(self, images, *rest):
            if len(images) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(self, images, *rest)

        monkeypatch.setattr(kind, "forward", little)

    return arrange


def test_a_masked_autoencoder_learns_from_a_batch_in_parts_where_memory_is_short(tmp_path, starved):
    starved(MaskedAutoEncoderViT, 2)
    images, _ = stripes(8, (16, 16))
    config, heard = MaskedConfig(batch_size=8, schedule=Schedule(steps=2, report_every=1)), []
    with noted() as shortages:
        pretrain_masked(make_autoencoder((16, 16), (8, 8)), images, config, seed=1,
                        store=Checkpoints(tmp_path), on_progress=heard.append)  # fmt: skip
    assert shortages == {"pre-training": {"times": 2, "at_once": 2}}
    assert (heard[-1].step, heard[-1].images_at_once) == (2, 2)


def test_images_that_are_compared_with_each_other_are_held_together_or_not_at_all(
    tmp_path, starved
):
    starved(Projected, 2)
    with pytest.raises(
        OutOfMemory, match="8 images at once do not fit into memory, and pre-training"
    ):
        pretrain_contrastive(make_encoder(), stripes(8)[0], short(), seed=0,
                             store=Checkpoints(tmp_path))  # fmt: skip


def test_what_is_no_number_any_more_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(resumable, "SAVE_S", 0.0)
    images = stripes(8, (16, 16))[0]
    images[-1] = np.nan
    config = MaskedConfig(batch_size=2, schedule=Schedule(steps=8, report_every=8))
    with pytest.raises(DivergedLoss, match="by step"):
        pretrain_masked(make_autoencoder((16, 16), (8, 8)), images, config, seed=1,
                        store=Checkpoints(tmp_path))  # fmt: skip
    saved = Checkpoints(tmp_path).load()
    assert saved is None or all(torch.isfinite(one).all() for one in saved["network"].values())


def test_images_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ValueError, match="the autoencoder wants"):
        pretrain_masked(make_autoencoder((16, 16), (8, 8)), stripes(2)[0], MaskedConfig(), seed=0,
                        store=Checkpoints(tmp_path))  # fmt: skip


# descriptor and embeddings


def test_the_descriptor_knows_directions_and_not_brightness():
    images, labels = stripes(60, (40, 50))
    features = describe(images[:, 0])
    assert features == pytest.approx(describe(images[:, 0] * 3.0 + 5.0), abs=0.02)
    embedding = fit_whitening(features, components=4)(features)
    assert neighbour_purity(embedding, labels) > 0.95
    assert np.array_equal(embedding, fit_whitening(features, components=4)(features))


def test_whitening_gives_every_component_the_same_variance():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(400, 6)) * [9, 5, 3, 2, 1, 1] + 4).astype(np.float32)
    whitening = fit_whitening(features, components=3)
    projected = (features - whitening.mean) @ whitening.directions
    assert np.cov(projected, rowvar=False) == pytest.approx(np.eye(3), abs=0.01)
    assert np.linalg.norm(whitening(features), axis=1) == pytest.approx(np.ones(400), rel=1e-5)


def test_volumes_are_described_by_three_planes():
    volume = stripes(1, (20, 24, 28))[0][:, 0]
    plane = describe(volume[:, 10])
    assert describe(volume).shape == (1, 3 * plane.shape[1])
    assert describe(volume)[0, : plane.shape[1]] == pytest.approx(plane[0])
    with pytest.raises(ValueError, match="image 0 has the shape"):
        describe([np.zeros(5, np.float32)])
    with pytest.raises(ValueError, match="at least 3 images"):
        fit_whitening(np.zeros((2, 5), np.float32))


@pytest.mark.parametrize("shape", [(32, 40), (16, 20, 24)])
def test_the_default_encoder_joins_what_is_learned_with_what_is_described(tmp_path, shape):
    images, labels = stripes(24, shape)

    def run(folder):
        return fit_default_encoder(images, short(), seed=0, store=Checkpoints(folder))

    encoder = run(tmp_path / "a")
    embedding = encoder.embed([images[:10], images[10:]])
    assert np.linalg.norm(embedding, axis=1) == pytest.approx(np.ones(24), rel=1e-5)
    assert neighbour_purity(embedding, labels) > 0.7
    assert np.array_equal(embedding, run(tmp_path / "b").embed([images[:10], images[10:]]))
    assert encoder.embed([]).shape == (0, 0)


def test_joined_embeddings_have_the_same_say():
    first, second = np.eye(3, dtype=np.float32) * 100, np.eye(3, dtype=np.float32)
    both = joined([first, second])
    assert both @ both.T == pytest.approx(np.eye(3), abs=1e-6)
    assert both[0].tolist() == pytest.approx([0.5**0.5, 0, 0, 0.5**0.5, 0, 0])


def test_purity_by_hand():
    angles = np.array([0.0, 0.1, 0.2, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array([0, 0, 1, 1])
    # nearest of each: 1 (same), 0 or 2 at equal distance; asked with two neighbours: 1/2, 1/2, 0, 1/2
    assert neighbour_purity(vectors, labels, neighbours=2) == pytest.approx(0.375)
    assert neighbour_purity(vectors[:2], labels[:2], queries=vectors[:1], query_labels=labels[:1],
                            neighbours=2) == 1.0  # fmt: skip
    assert neighbour_purity(vectors[:1], labels[:1]) is None
