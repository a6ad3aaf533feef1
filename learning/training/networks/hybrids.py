"""What MONAI has the parts of but not the whole: Swin for classes, ViT and U-Net++ with one output,
and a U-Net whose deepest layer is a transformer."""

from collections.abc import Sequence
from typing import Any

import torch
from monai.networks.blocks.convolutions import Convolution, ResidualUnit
from monai.networks.blocks.transformerblock import TransformerBlock
from monai.networks.blocks.upsample import UpSample
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from monai.networks.nets.swin_unetr import SwinTransformer
from monai.networks.nets.vit import ViT
from torch import Tensor, nn


class SwinClassifier(nn.Module):
    """MONAI's Swin transformer, pooled over space, with a linear head."""

    def __init__(
        self, *, spatial_dims: int, in_channels: int, out_channels: int, width: int,
        depths: Sequence[int], heads: Sequence[int], window: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder = SwinTransformer(
            in_chans=in_channels, embed_dim=width, window_size=[window] * spatial_dims,
            patch_size=[2] * spatial_dims, depths=depths, num_heads=heads,
            spatial_dims=spatial_dims,
        )  # fmt: skip
        self.norm = nn.LayerNorm(width * 16)
        self.head = nn.Linear(width * 16, out_channels)

    def forward(self, images: Tensor) -> Tensor:
        deepest: Tensor = self.encoder(images)[-1]
        found: Tensor = self.head(self.norm(deepest.flatten(2).mean(2)))
        return found


class VisionTransformer(ViT):
    """MONAI's ViT, which also answers with its hidden states, as one output."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = super().forward(x)[0]  # type: ignore[no-untyped-call]
        return found


class UNetPlusPlus(BasicUNetPlusPlus):
    """MONAI's U-Net++, which answers with a list, as one output."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = super().forward(x)[0]
        return found


class HybridUNet(nn.Module):
    """A residual U-Net whose deepest features attend to each other, after TransUNet (Chen 2021).

    Positions come from a depthwise convolution, so that any size can be segmented by one network.
    """

    def __init__(
        self, *, spatial_dims: int, in_channels: int, out_channels: int, widths: Sequence[int],
        layers: int, heads: int,
    ) -> None:  # fmt: skip
        super().__init__()
        common: dict[str, Any] = {"act": "PRELU", "norm": "INSTANCE"}
        inputs = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(
            ResidualUnit(spatial_dims, i, o, strides=1 if n == 0 else 2, subunits=1, **common)
            for n, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        convolution: type[nn.Module] = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        deepest = widths[-1]
        self.position = convolution(deepest, deepest, 3, padding=1, groups=deepest)
        self.transformer = nn.Sequential(
            *(TransformerBlock(deepest, deepest * 4, heads) for _ in range(layers)),
            nn.LayerNorm(deepest),
        )
        self.up = nn.ModuleList(
            UpSample(spatial_dims, i, o, scale_factor=2, mode="deconv")
            for i, o in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.merge = nn.ModuleList(
            Convolution(spatial_dims, 2 * o, o, **common) for o in widths[-2::-1]
        )
        self.head = convolution(widths[0], out_channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        found = [images]
        for layer in self.down:
            found.append(layer(found[-1]))
        deepest = found.pop()
        deepest = deepest + self.position(deepest)
        tokens = self.transformer(deepest.flatten(2).transpose(1, 2))
        x = tokens.transpose(1, 2).reshape(deepest.shape)
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([up(x), found.pop()], dim=1))
        answer: Tensor = self.head(x)
        return answer
