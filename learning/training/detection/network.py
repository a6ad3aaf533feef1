"""The detector: a MONAI ResNet, a feature pyramid down to its finest level, and three small heads."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from monai.networks.nets.resnet import ResNet
from torch import nn
from torch.nn import functional

NAME = "detector"  # in a model's record, where others name one of the registry
STRIDES = (2, 4)
RARE = 0.1  # probability of an object that an untrained head gives (Lin et al. 2017)


@dataclass(frozen=True)
class DetectorShape:
    """What fixes the weights: stored beside them."""

    class_count: int
    dimensions: int = 2
    channels: int = 1
    stride: int = 4  # voxels per cell: 2 for objects below about 8 voxels
    width: int = 24  # of the first level; the others double
    neck: int = 48

    def __post_init__(self) -> None:
        if self.dimensions not in (2, 3):
            raise ValueError(f"dimensions must be 2 or 3, not {self.dimensions}")
        if self.stride not in STRIDES:
            raise ValueError(f"stride must be 2 or 4, not {self.stride}")
        for name in ("class_count", "channels", "width", "neck"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    def as_json(self) -> dict[str, Any]:
        """A model's record, which names the network too."""
        return {"network": NAME, **asdict(self)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "DetectorShape":
        """From a model's record. Raises ValueError naming the field."""
        given = {name: value for name, value in record.items() if name != "network"}
        if record.get("network") != NAME or "class_count" not in given:
            raise ValueError(f"no network of the name {NAME} with its class_count")
        unknown = sorted(set(given) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"there is no field {unknown[0]}")
        for name, value in given.items():
            if type(value) is not int:
                raise ValueError(f"{name} must be a whole number")
        return cls(**given)


@dataclass
class Maps:
    """What the network says of a batch, b x channels x grid; the meaning as in `Targets`."""

    heat: torch.Tensor  # logits
    size: torch.Tensor
    offset: torch.Tensor


class Detector(nn.Module):
    """(b, channels, *image) to Maps on a grid of ceil(image / stride) cells."""

    def __init__(self, shape: DetectorShape) -> None:
        super().__init__()
        self.shape = shape
        widths = [shape.width * 2**level for level in range(4)]
        self.backbone = ResNet(
            "basic", [2, 2, 2, 2], widths, spatial_dims=shape.dimensions,
            n_input_channels=shape.channels, conv1_t_size=5, conv1_t_stride=2,
            no_max_pool=shape.stride == 2, feed_forward=False,
        )  # fmt: skip
        conv = nn.Conv2d if shape.dimensions == 2 else nn.Conv3d
        self.lateral = nn.ModuleList(conv(width, shape.neck, 1) for width in widths)
        self.smooth = _block(shape.dimensions, shape.neck)
        self.heat = self._head(shape.class_count)
        self.box = self._head(2 * shape.dimensions)
        nn.init.constant_(self.heat[-1].bias, -math.log((1 - RARE) / RARE))  # type: ignore[arg-type]

    def forward(self, images: torch.Tensor) -> Maps:
        features = self.smooth(self._pyramid(images))
        box = self.box(features)
        size, offset = box.split(self.shape.dimensions, dim=1)
        return Maps(self.heat(features), size, offset)

    def _pyramid(self, images: torch.Tensor) -> torch.Tensor:
        found = levels(self.backbone, images)
        merged: torch.Tensor = self.lateral[3](found[3])
        for place in (2, 1, 0):
            finer = self.lateral[place](found[place])
            merged = finer + functional.interpolate(merged, size=finer.shape[2:], mode="nearest")
        return merged

    def _head(self, outputs: int) -> nn.Sequential:
        conv = nn.Conv2d if self.shape.dimensions == 2 else nn.Conv3d
        return nn.Sequential(
            *_block(self.shape.dimensions, self.shape.neck), conv(self.shape.neck, outputs, 1)
        )


def build_from_json(record: dict[str, Any]) -> Detector:
    """A fresh one of this record: what bundles name. Raises ValueError."""
    return Detector(DetectorShape.from_json(record))


def levels(backbone: ResNet, images: torch.Tensor) -> list[torch.Tensor]:
    """What each of the backbone's four stages gives, the finest first."""
    level = backbone.act(backbone.bn1(backbone.conv1(images)))
    if not backbone.no_max_pool:
        level = backbone.maxpool(level)
    found = []
    for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
        level = stage(level)
        found.append(level)
    return found


def _block(dimensions: int, width: int) -> nn.Sequential:
    conv, norm = (nn.Conv2d, nn.BatchNorm2d) if dimensions == 2 else (nn.Conv3d, nn.BatchNorm3d)
    return nn.Sequential(
        conv(width, width, 3, padding=1, bias=False), norm(width), nn.ReLU(inplace=True)
    )
