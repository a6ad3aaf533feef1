"""Every network: builds, learns, embeds, and refuses what it cannot take."""

import numpy as np
import pytest
import torch
from torch import nn

from learning.training.checkpoint import hash_of, load_weights, save_weights
from learning.training.networks import (
    NETWORKS,
    Architecture,
    InvalidArchitecture,
    embed,
    forward,
    keep_dropping,
    on_device,
)
from learning.training.networks.fusion import neighbour_channels
from learning.training.tasks import OneAnswer, Segmentation, Weighting

TASK = OneAnswer(("left", "right"))
SQUARE = Segmentation(("square",))
BY_HEART = 0.85
STEPS = 120  # most need fewer than 40
FEWEST_WEIGHTS = 500_000  # of a large network
SMALL = [n for n in NETWORKS if n.endswith("_small") or n == "resnet10"]
LARGE = [n for n in NETWORKS if n not in SMALL]
# Parts of MONAI's that only act with cross-attention or deep supervision.
MONAIS_IDLE = ("cross_attn", "final_conv_0_")
DIMENSIONS = ("2d", "2.5d", "3d")
FAMILIES = {
    "ResNet", "DenseNet", "EfficientNet", "SENet", "ViT", "Swin", "U-Net", "Attention U-Net",
    "U-Net++", "SegResNet", "DynUNet", "UNETR", "SwinUNETR", "CNN-transformer",
}  # fmt: skip


def small_architecture(name, dimensions):
    """The smallest input that the network takes."""
    entry = NETWORKS[name]
    side = max(entry.smallest, entry.multiple)
    sides = [side] * (3 if dimensions == "3d" else 2)
    sides[0] *= 2 if entry.is_dense and side == entry.multiple else 1
    size = (4, *sides) if dimensions == "2.5d" else tuple(sides)
    outputs = SQUARE.outputs if entry.is_dense else TASK.outputs
    return Architecture(name, outputs, dimensions, size=size)


def four_images(architecture):
    """Noise with a bright block in the first or the last half of the last axis."""
    rng = np.random.default_rng(0)
    size = architecture.size
    images = rng.normal(0, 0.3, (4, 1, *size)).astype(np.float32)
    masks = np.zeros((4, *size), np.int64)
    quarter = size[-1] // 4
    for n in range(4):
        block = slice(quarter // 2, quarter // 2 + quarter)
        block = block if n % 2 == 0 else slice(size[-1] - block.stop, size[-1] - block.start)
        images[n, ..., block] += 2
        masks[n, ..., block] = 1
    labels = torch.arange(4) % 2
    is_dense = architecture.entry.is_dense
    return torch.from_numpy(images), torch.from_numpy(masks) if is_dense else labels


def share_right(outputs, labels):
    """Mean Dice of the block, or the share of the images that are right and at least 80% sure."""
    if outputs.ndim > 2:
        found, wanted = outputs.argmax(1) == 1, labels == 1
        return (2 * (found & wanted).sum() / (found.sum() + wanted.sum())).item()
    sure = outputs.softmax(1).gather(1, labels[:, None])[:, 0]
    return (sure >= 0.8).float().mean().item()


def test_the_registry_holds_every_family():
    assert {network.family for network in NETWORKS.values()} == FAMILIES


def learn_by_heart(network, architecture, rate):
    """The best share of four samples that the network got right within some steps, and their features."""
    task = SQUARE if architecture.entry.is_dense else TASK
    images, labels = four_images(architecture)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    best = 0.0
    for _ in range(STEPS):
        optimizer.zero_grad()
        outputs = forward(network, images, None)
        # Learned by heart: the block's shape, or all four images, and sure of each.
        best = max(best, share_right(outputs.detach(), labels))
        if best >= BY_HEART:
            break
        task.loss(outputs, labels, Weighting()).backward()
        optimizer.step()
    # In training mode: a few steps on four samples are no statistics for batch norm.
    with embed(network) as caught, torch.no_grad():
        network(images)
        return best, caught.of(4)


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [(name, dimensions) for name in SMALL for dimensions in DIMENSIONS]
    + [(name, dimensions) for name in LARGE for dimensions in ("2d", "3d")],
)
def test_every_network_overfits_four_samples_and_embeds_them(name, dimensions):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    architecture = small_architecture(name, dimensions)
    network = architecture.build().train()
    if name in LARGE:
        assert sum(weight.numel() for weight in network.parameters()) > FEWEST_WEIGHTS
    best, features = learn_by_heart(network, architecture, 1e-3 if name in LARGE else 3e-3)
    assert best >= BY_HEART
    assert features.shape[0] == 4
    assert features.shape[1] >= 16
    assert torch.isfinite(features).all()
    assert (features.std(dim=0) > 0).any()


@pytest.mark.parametrize("name", LARGE)
def test_every_part_of_a_large_network_learns(name):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    architecture = small_architecture(name, "2d")
    is_dense = architecture.entry.is_dense
    images, labels = (values[:2] for values in four_images(architecture))
    network = architecture.build().train()
    outputs = forward(network, images, None)
    assert outputs.shape == (2, 2, *(architecture.size if is_dense else ()))
    (SQUARE if is_dense else TASK).loss(outputs, labels, Weighting()).backward()
    gradients = {n: weight.grad for n, weight in network.named_parameters()}
    idle = {n for n, gradient in gradients.items() if gradient is None}
    assert all(any(part in n for part in MONAIS_IDLE) for n in idle), idle
    known = [gradient for gradient in gradients.values() if gradient is not None]
    assert all(torch.isfinite(gradient).all() for gradient in known)
    assert sum(bool(gradient.any()) for gradient in known) > 0.9 * len(known)


@pytest.mark.parametrize("dimensions", DIMENSIONS)
def test_branches_and_columns_are_fused_and_all_of_them_matter(dimensions):
    torch.manual_seed(0)
    size = (32, 32) if dimensions == "2d" else (8, 32, 32) if dimensions == "2.5d" else (16,) * 3
    architecture = Architecture("resnet10", 2, dimensions, channels=(1, 2), size=size, columns=3)
    network = architecture.build().eval()
    images, columns = torch.randn(2, 3, *size), torch.randn(2, 3)
    found = forward(network, images, columns)
    assert found.shape == (2, 2)
    for channel in range(3):
        other = images.clone()
        other[:, channel] += torch.randn_like(other[:, channel])
        assert not torch.allclose(forward(network, other, columns), found)
    assert not torch.allclose(forward(network, images, columns + 1), found)
    with pytest.raises(ValueError, match="needs the columns"):
        network(images)


def test_slices_become_channels_and_the_edges_repeat():
    volume = torch.arange(3.0).reshape(1, 1, 3, 1, 1)
    found = neighbour_channels(volume, 1)[:, :, 0, 0]
    assert found.tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]


@pytest.mark.parametrize("name", ["resnet10", "segresnet_small"])
def test_dropout_is_only_active_where_it_is_asked_for(name):
    torch.manual_seed(0)
    outputs = 2
    network = Architecture(name, outputs, size=(32, 32), dropout=0.5).build().eval()
    images = torch.randn(2, 1, 32, 32)
    assert torch.equal(network(images), network(images))
    statistics = [b.clone() for b in network.buffers()]
    keep_dropping(network)
    assert not torch.equal(network(images), network(images))
    assert all(torch.equal(a, b) for a, b in zip(statistics, network.buffers(), strict=True))
    plain = Architecture(name, outputs, size=(32, 32)).build()
    assert plain.state_dict().keys() == network.state_dict().keys()


def test_an_architecture_survives_its_record():
    architecture = Architecture("resnet10", 3, "2.5d", (1, 2), (8, 64, 64), 4, 2, 0.1)
    assert Architecture.from_json(architecture.as_json()) == architecture


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "none"}, "unknown network 'none'; known: attention_unet"),
        ({"outputs": 0}, r"outputs must be"),
        ({"dimensions": "4d"}, "dimensions must be one of"),
        ({"size": [32, 32, 32]}, "size must have 2 sides"),
        ({"size": [32, "a"]}, r"size\[1\]"),
        ({"size": 32}, "size must be a list"),
        ({"channels": []}, "size must have|channels"),
        ({"dropout": 1}, "dropout"),
        ({"network": "vit_small", "size": [33, 32]}, "multiples of 8, not 33"),
        ({"network": "unet", "size": [16, 16]}, "single point"),
        ({"network": "unet_small", "columns": 2}, "only networks for whole images"),
        ({"width": 3}, "a network's record holds"),
    ],
)
def test_a_wrong_architecture_is_named(change, message):
    record = {"network": "resnet10", "outputs": 2, "size": [32, 32]}
    with pytest.raises(InvalidArchitecture, match=message):
        Architecture.from_json(record | change)


def test_the_names_of_the_weights_are_those_of_monai():
    """Weights of others fit, and models of older versions can still be loaded."""
    network = Architecture("resnet10", 2).build()
    assert isinstance(network, nn.Module)
    assert {"conv1.weight", "layer1.0.conv1.weight", "fc.weight"} <= set(network.state_dict())


@pytest.mark.parametrize("name", SMALL)
def test_its_weights_are_kept_and_read_again(name, tmp_path):
    """On any device layout; two names of one tensor, as DynUNet has, are kept as two tensors."""
    architecture = small_architecture(name, "2d")
    network, other = architecture.build(), architecture.build()
    on_device(network, torch.device("cpu"))
    sha256 = save_weights(network, tmp_path)
    assert sha256 == hash_of(network)
    load_weights(other, tmp_path, sha256)
    for (key, kept), found in zip(
        network.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(kept, found), key
