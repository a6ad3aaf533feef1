"""The detector behind MONAI's interface: images in, boxes out, for bundles outside of this product."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.inferers.inferer import Inferer

from learning.training.detection.network import Detector
from learning.training.detection.train import detect


class BoxInferer(Inferer):
    """Of each (channels, *space) image of a batch a dict, best first, in MONAI's words for detection.

    `box` (k, 2 x dimensions): first corner and last, half-open, in voxels; `label` (k,) class numbers;
    `label_scores` (k,).
    """

    def __init__(self, window: Sequence[int] = (), window_overlap: float = 0.5) -> None:
        super().__init__()
        self._window, self._overlap = tuple(window), window_overlap

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> list[dict[str, torch.Tensor]]:
        del args, kwargs
        if not isinstance(network, Detector):
            raise TypeError(f"this inferer runs the detector, not {type(network).__name__}")
        found = detect(
            network, [inputs.detach().cpu().numpy()], window=self._window,
            window_overlap=self._overlap,
        )  # fmt: skip
        return [
            {
                "box": torch.from_numpy(one.boxes), "label": torch.from_numpy(one.labels),
                "label_scores": torch.from_numpy(one.scores),
            }
            for one in found
        ]  # fmt: skip
