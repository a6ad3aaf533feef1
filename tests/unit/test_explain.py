"""Maps of where a model looked, on images in which only one place can matter."""

import numpy as np
import pytest
import torch
from monai.networks.nets import DenseNet, ViT
from monai.networks.nets.resnet import ResNet

from learning.training.explain import (
    NoMap,
    attention_rollout,
    grad_cam,
    occlusion_map,
    uncertainty_map,
)
from learning.training.networks import Architecture
from learning.training.networks.fusion import WithColumns


def make_network(dimensions):
    torch.manual_seed(0)
    return ResNet("basic", [1, 1, 1, 1], [8, 8, 16, 16], spatial_dims=dimensions, n_input_channels=1,
                  conv1_t_size=3, conv1_t_stride=1, no_max_pool=True, num_classes=2)  # fmt: skip


def planted(shape, size, rng):
    """Noise with a bright square, and where it is."""
    image = rng.normal(0, 0.2, shape).astype(np.float32)
    start = [int(rng.integers(0, n - size)) for n in shape]
    window = tuple(slice(s, s + size) for s in start)
    image[window] += 2.0
    is_square = np.zeros(shape, bool)
    is_square[window] = True
    return image[None], is_square


@pytest.fixture(scope="module", params=[(32, 40), (14, 20, 20)], ids=["2D", "3D"])
def learned(request):
    """A network that tells images with a square from images without, and one image with."""
    shape, rng = request.param, np.random.default_rng(0)
    network = make_network(len(shape))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    network.train()
    for _ in range(30):
        with_square = [planted(shape, 7, rng)[0] for _ in range(6)]
        without = [rng.normal(0, 0.2, (1, *shape)).astype(np.float32) for _ in range(6)]
        images = torch.from_numpy(np.stack(with_square + without))
        loss = torch.nn.functional.cross_entropy(network(images), torch.tensor([1] * 6 + [0] * 6))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval(), *planted(shape, 7, rng)


def check(found, image, is_square):
    assert found.shape == image.shape[1:]
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (0.0, 1.0)
    assert found[is_square].mean() > 2 * found[~is_square].mean()
    middle = np.argwhere(is_square).mean(axis=0)
    assert np.abs(np.array(np.unravel_index(found.argmax(), found.shape)) - middle).max() <= 6


def test_grad_cam_finds_the_square(learned):
    network, image, is_square = learned
    check(grad_cam(network, image, 1), image, is_square)


def test_occlusion_finds_the_square(learned):
    network, image, is_square = learned
    dimensions = image.ndim - 1
    found = occlusion_map(network, image, 1, patch=(8,) * dimensions, stride=(4,) * dimensions)
    check(found, image, is_square)


def test_any_layer_can_be_asked_and_the_network_stays_as_it_was(learned):
    network, image, _ = learned
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    found = grad_cam(network, image, 1, layer="layer3.0.conv2")
    assert network.training
    network.eval()
    assert found.shape == image.shape[1:]
    assert all(torch.equal(before[n], v) for n, v in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    with pytest.raises(NoMap, match="no layer 'layer9'"):
        grad_cam(network, image, 1, layer="layer9")
    with pytest.raises(NoMap, match="fc gives maps"):
        grad_cam(network, image, 1, layer="fc")
    with pytest.raises(ValueError, match="target must lie between 0 and 1"):
        grad_cam(network, image, 2)


def test_grad_cam_by_hand():
    """One channel that passes the image through: the map is the image itself."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 1, 1, bias=False), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    torch.nn.init.ones_(network[0].weight)
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    assert grad_cam(network, image, 0) == pytest.approx(image[0] / 15)
    assert grad_cam(network, -image, 0).max() == 0.0


def test_grad_cam_of_a_network_that_writes_in_place():
    network = DenseNet(2, 1, 3, init_features=4, growth_rate=4, block_config=(1, 1))
    assert grad_cam(network, np.random.default_rng(0).random((1, 32, 32), np.float32), 2).shape == (
        32,
        32,
    )


def test_attention_rollout_follows_a_token_that_everybody_looks_at():
    torch.manual_seed(0)
    vit = ViT(1, (32, 48), (8, 8), hidden_size=16, mlp_dim=16, num_layers=2, num_heads=2, classification=True,
              spatial_dims=2).eval()  # fmt: skip
    image = np.random.default_rng(0).normal(0, 0.1, (1, 32, 48)).astype(np.float32)
    image[0, 8:16, 24:32] += 5.0
    with torch.no_grad():  # queries ask for one direction; only the bright patch's key lies in it
        bright = vit.patch_embedding(torch.from_numpy(image)[None])[0, 6 + 3]
        direction = torch.nn.functional.layer_norm(bright, (16,))
        for block in vit.blocks:
            block.attn.qkv.weight[:16] = torch.outer(torch.ones(16), direction)
            block.attn.qkv.weight[16:32] = torch.outer(torch.ones(16), direction)
    found = attention_rollout(vit, image, patch=(8, 8))
    assert found.shape == (32, 48)
    assert found[8:16, 24:32].mean() > 2 * found.mean()
    assert not any(block.attn.save_attn for block in vit.blocks)


def test_attention_rollout_by_hand_in_3d():
    """Queries of 0 look everywhere alike: no patch stands out."""
    vit = ViT(1, (8, 8, 16), (8, 8, 8), hidden_size=12, mlp_dim=8, num_layers=2, num_heads=2,
              classification=False, spatial_dims=3)  # fmt: skip
    for block in vit.blocks:
        torch.nn.init.zeros_(block.attn.qkv.weight)
    volume = np.ones((1, 8, 8, 16), np.float32)
    assert attention_rollout(vit, volume, patch=(8, 8, 8)).max() == 0.0
    with pytest.raises(NoMap, match="not through ResNet"):
        attention_rollout(make_network(2), np.ones((1, 8, 8), np.float32), patch=(8, 8))
    with pytest.raises(ValueError, match="make a grid of"):
        attention_rollout(vit, volume, patch=(4, 8, 8))


def test_uncertainty_is_zero_where_certain_and_one_where_all_classes_are_alike():
    probabilities = np.array([[[1.0, 1 / 3, 0.5]], [[0.0, 1 / 3, 0.5]], [[0.0, 1 / 3, 0.0]]])
    assert uncertainty_map(probabilities) == pytest.approx(
        np.array([[0.0, 1.0, np.log(2) / np.log(3)]]), abs=1e-6
    )
    with pytest.raises(ValueError, match="two classes"):
        uncertainty_map(np.ones((1, 4, 4)))


@pytest.mark.parametrize(("patch", "stride"), [((9, 9), (4, 4)), ((4, 4), (5, 5)), ((4,), (4,))])
def test_an_impossible_patch_is_refused(patch, stride):
    with pytest.raises(ValueError, match="stride"):
        occlusion_map(
            make_network(2), np.ones((1, 8, 8), np.float32), 0, patch=patch, stride=stride
        )


def test_a_network_with_columns_is_explained_for_the_case_that_they_are_of():
    torch.manual_seed(0)
    network = Architecture("resnet10", 2, columns=3, size=(32, 32)).build()
    image = np.random.default_rng(0).normal(0, 1, (1, 32, 32)).astype(np.float32)
    seen = [WithColumns(network, torch.tensor(columns)) for columns in ([0.0] * 3, [9.0] * 3)]
    assert all(grad_cam(one, image, 1).shape == (32, 32) for one in seen)
    falls = [occlusion_map(one, image, 1, patch=(8, 8), stride=(8, 8)) for one in seen]
    assert not np.array_equal(*falls)
    with torch.no_grad():
        images = torch.from_numpy(image)[None].repeat(2, 1, 1, 1)
        network.eval()
        torch.testing.assert_close(seen[1](images), network(images, torch.full((2, 3), 9.0)))
