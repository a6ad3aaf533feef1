"""The one list of networks: what each is called, where it fits and how it is made.

A network is described, not built, here: the class and its arguments as JSON, which is what a model's
record and a MONAI bundle hold.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

DIMENSIONS = ("2d", "2.5d", "3d")


@dataclass(frozen=True)
class Shape:
    """What a network must take and give; `size` is the side of each spatial axis."""

    spatial: int
    channels: int
    outputs: int
    size: tuple[int, ...]


@dataclass(frozen=True)
class Definition:
    """A class by its import path, and its keyword arguments as JSON."""

    target: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Network:
    """One entry. `features` is the path of the module that the embedding is taken at: what goes into
    the last layer of a classifier, what comes out of the deepest layer of a segmenter."""

    name: str
    family: str
    is_dense: bool
    define: Callable[[Shape], Definition]
    features: str
    multiple: int = 1  # every side must be a multiple of this
    smallest: int = 16  # sides below this shrink to nothing

    def takes(self, sides: Sequence[int]) -> bool:
        """Whether inputs of these sides go through it."""
        return all(map(self.takes_side, sides)) and not self.ends_in_a_point(sides)

    def takes_side(self, side: int) -> bool:
        return side >= self.smallest and side % self.multiple == 0

    def ends_in_a_point(self, sides: Sequence[int]) -> bool:
        """Whether the deepest layer of a segmenter would see a single one."""
        return self.is_dense and math.prod(side // self.multiple for side in sides) < 2


def _monai(name: str, **arguments: Any) -> Definition:
    return Definition(f"monai.networks.nets.{name}", arguments)


def _resnet(block: str, layers: list[int], width: int, stem: int) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        "ResNet", block=block, layers=layers, block_inplanes=[width * 2**i for i in range(4)],
        spatial_dims=s.spatial, n_input_channels=s.channels, conv1_t_size=stem, conv1_t_stride=2,
        num_classes=s.outputs,
    )  # fmt: skip


def _densenet(first: int, growth: int, blocks: list[int]) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        "DenseNet", spatial_dims=s.spatial, in_channels=s.channels, out_channels=s.outputs,
        init_features=first, growth_rate=growth, block_config=blocks,
    )  # fmt: skip


EFFICIENTNET_BLOCKS = [
    "r1_k3_s11_e1_i32_o16_se0.25", "r2_k3_s22_e6_i16_o24_se0.25", "r2_k5_s22_e6_i24_o40_se0.25",
    "r3_k3_s22_e6_i40_o80_se0.25", "r3_k5_s11_e6_i80_o112_se0.25", "r4_k5_s22_e6_i112_o192_se0.25",
    "r1_k3_s11_e6_i192_o320_se0.25",
]  # fmt: skip


def _efficientnet(width: float, depth: float) -> Callable[[Shape], Definition]:
    """Batch norm with momentum 0.1: MONAI's 0.01 needs thousands of steps to know its statistics."""
    return lambda s: _monai(
        "EfficientNet", blocks_args_str=EFFICIENTNET_BLOCKS, spatial_dims=s.spatial,
        in_channels=s.channels, num_classes=s.outputs, width_coefficient=width,
        depth_coefficient=depth, dropout_rate=0.0, drop_connect_rate=0.0, image_size=max(s.size),
        norm=["batch", {"eps": 1e-3, "momentum": 0.1}],
    )  # fmt: skip


def _senet(block: str, layers: list[int], width: int) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        "SENet", spatial_dims=s.spatial, in_channels=s.channels, block=block, layers=layers,
        groups=1, reduction=16 if width >= 64 else 4, dropout_prob=None, inplanes=width,
        downsample_kernel_size=1, num_classes=s.outputs,
    )  # fmt: skip


def _vit(patch: int, width: int, layers: int, heads: int) -> Callable[[Shape], Definition]:
    return lambda s: Definition(
        "learning.training.networks.hybrids.VisionTransformer",
        {"in_channels": s.channels, "img_size": list(s.size), "patch_size": [patch] * s.spatial,
         "hidden_size": width, "mlp_dim": width * 4, "num_layers": layers, "num_heads": heads,
         "classification": True, "num_classes": s.outputs, "spatial_dims": s.spatial,
         "post_activation": None},
    )  # fmt: skip


def _swin(width: int, depths: list[int], heads: list[int]) -> Callable[[Shape], Definition]:
    return lambda s: Definition(
        "learning.training.networks.hybrids.SwinClassifier",
        {"spatial_dims": s.spatial, "in_channels": s.channels, "out_channels": s.outputs,
         "width": width, "depths": depths, "heads": heads, "window": 4},
    )  # fmt: skip


def _unet(name: str, widths: list[int], **more: Any) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        name, spatial_dims=s.spatial, in_channels=s.channels, out_channels=s.outputs,
        channels=widths, strides=[2] * (len(widths) - 1), **more,
    )  # fmt: skip


def _unet_plus_plus(features: list[int]) -> Callable[[Shape], Definition]:
    return lambda s: Definition(
        "learning.training.networks.hybrids.UNetPlusPlus",
        {"spatial_dims": s.spatial, "in_channels": s.channels, "out_channels": s.outputs,
         "features": features},
    )  # fmt: skip


def _segresnet(width: int, down: list[int], up: list[int]) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        "SegResNet", spatial_dims=s.spatial, in_channels=s.channels, out_channels=s.outputs,
        init_filters=width, blocks_down=down, blocks_up=up,
    )  # fmt: skip


def _dynunet(filters: list[int]) -> Callable[[Shape], Definition]:
    strides = [1] + [2] * (len(filters) - 1)
    return lambda s: _monai(
        "DynUNet", spatial_dims=s.spatial, in_channels=s.channels, out_channels=s.outputs,
        kernel_size=[3] * len(filters), strides=strides, upsample_kernel_size=strides[1:],
        filters=filters, norm_name=["INSTANCE", {"affine": True}],
    )  # fmt: skip


def _unetr(features: int, width: int, heads: int) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        "UNETR", in_channels=s.channels, out_channels=s.outputs, img_size=list(s.size),
        feature_size=features, hidden_size=width, mlp_dim=width * 4, num_heads=heads,
        spatial_dims=s.spatial,
    )  # fmt: skip


def _swin_unetr(width: int, depths: list[int], heads: list[int]) -> Callable[[Shape], Definition]:
    return lambda s: _monai(
        "SwinUNETR", in_channels=s.channels, out_channels=s.outputs, feature_size=width,
        depths=depths, num_heads=heads, spatial_dims=s.spatial, window_size=7,
    )  # fmt: skip


def _hybrid(widths: list[int], layers: int, heads: int) -> Callable[[Shape], Definition]:
    return lambda s: Definition(
        "learning.training.networks.hybrids.HybridUNet",
        {"spatial_dims": s.spatial, "in_channels": s.channels, "out_channels": s.outputs,
         "widths": widths, "layers": layers, "heads": heads},
    )  # fmt: skip


def _classifier(
    name: str, family: str, define: Callable[[Shape], Definition], last: str, **limits: int
) -> Network:
    return Network(name, family, False, define, last, **limits)


def _segmenter(
    name: str, family: str, define: Callable[[Shape], Definition], deepest: str, **limits: int
) -> Network:
    # Thin slabs are common: a side may be as small as the deepest layer allows.
    return Network(
        name,
        family,
        True,
        define,
        deepest,
        smallest=limits["multiple"],
        multiple=limits["multiple"],
    )


_ALL = (
    # Small ones train on a CPU core; the others are the usual widths, for a GPU.
    _classifier("resnet10", "ResNet", _resnet("basic", [1, 1, 1, 1], 16, 5), "fc"),
    _classifier("resnet18", "ResNet", _resnet("basic", [2, 2, 2, 2], 64, 7), "fc"),
    _classifier("resnet50", "ResNet", _resnet("bottleneck", [3, 4, 6, 3], 64, 7), "fc"),
    _classifier("densenet_small", "DenseNet", _densenet(16, 8, [2, 4, 4]), "class_layers.out"),
    _classifier(
        "densenet121", "DenseNet", _densenet(64, 32, [6, 12, 24, 16]), "class_layers.out",
        smallest=32,
    ),
    _classifier("efficientnet_small", "EfficientNet", _efficientnet(0.35, 0.35), "_fc"),
    _classifier("efficientnet_b0", "EfficientNet", _efficientnet(1.0, 1.0), "_fc", smallest=32),
    _classifier(
        "senet_small", "SENet", _senet("se_resnet_bottleneck", [1, 1, 1, 1], 16), "last_linear"
    ),
    _classifier("senet50", "SENet", _senet("se_resnet_bottleneck", [3, 4, 6, 3], 64), "last_linear"),
    _classifier("vit_small", "ViT", _vit(8, 96, 4, 4), "classification_head", multiple=8),
    _classifier("vit_base", "ViT", _vit(16, 768, 12, 12), "classification_head", multiple=16),
    _classifier("swin_small", "Swin", _swin(12, [1, 1, 1, 1], [1, 2, 2, 2]), "head", multiple=2),
    _classifier("swin_tiny", "Swin", _swin(96, [2, 2, 6, 2], [3, 6, 12, 24]), "head", multiple=2),
    _segmenter(
        "unet_small", "U-Net", _unet("UNet", [16, 32, 64, 96], num_res_units=1),
        "model" + ".1.submodule" * 3, multiple=8,
    ),
    _segmenter(
        "unet", "U-Net", _unet("UNet", [32, 64, 128, 256, 512], num_res_units=2),
        "model" + ".1.submodule" * 4, multiple=16,
    ),
    _segmenter(
        "attention_unet_small", "Attention U-Net", _unet("AttentionUnet", [12, 24, 48]),
        "model.1.submodule.1.submodule", multiple=4,
    ),
    _segmenter(
        "attention_unet", "Attention U-Net", _unet("AttentionUnet", [32, 64, 128, 256]),
        "model" + ".1.submodule" * 3, multiple=8,
    ),
    _segmenter(
        "unetpp_small", "U-Net++", _unet_plus_plus([8, 8, 16, 24, 32, 8]), "conv_4_0", multiple=16
    ),
    _segmenter(
        "unetpp", "U-Net++", _unet_plus_plus([32, 32, 64, 128, 256, 32]), "conv_4_0", multiple=16
    ),
    _segmenter(
        "segresnet_small", "SegResNet", _segresnet(8, [1, 1, 1], [1, 1]), "down_layers.2",
        multiple=4,
    ),
    _segmenter(
        "segresnet", "SegResNet", _segresnet(32, [1, 2, 2, 4], [1, 1, 1]), "down_layers.3",
        multiple=8,
    ),
    _segmenter("dynunet_small", "DynUNet", _dynunet([16, 32, 64, 96]), "bottleneck", multiple=8),
    _segmenter("dynunet", "DynUNet", _dynunet([32, 64, 128, 256, 320]), "bottleneck", multiple=16),
    _segmenter("unetr_small", "UNETR", _unetr(4, 48, 4), "vit.norm", multiple=16),
    _segmenter("unetr", "UNETR", _unetr(16, 768, 12), "vit.norm", multiple=16),
    _segmenter(
        "swin_unetr_small", "SwinUNETR", _swin_unetr(12, [1, 1, 1, 1], [1, 2, 2, 2]), "encoder10",
        multiple=32,
    ),
    _segmenter(
        "swin_unetr", "SwinUNETR", _swin_unetr(48, [2, 2, 2, 2], [3, 6, 12, 24]), "encoder10",
        multiple=32,
    ),
    _segmenter(
        "hybrid_small", "CNN-transformer", _hybrid([12, 24, 48], 2, 4), "transformer", multiple=4
    ),
    _segmenter(
        "hybrid", "CNN-transformer", _hybrid([32, 64, 128, 256, 512], 8, 8), "transformer",
        multiple=16,
    ),
)  # fmt: skip

NETWORKS: dict[str, Network] = {network.name: network for network in _ALL}
