"""From the detector's maps to boxes: local maxima, the best of them, doubles removed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from learning.training.boxes import Boxes, suppress
from learning.training.detection.network import Maps

LARGEST_LOG_SIZE = 12.0  # keeps exp() finite for an untrained network


@dataclass(frozen=True)
class Detections:
    """What was found in one image, best first; boxes as in `learning.training.boxes`."""

    boxes: Boxes  # (k, 2 x dimensions) voxels, inside the image
    scores: NDArray[np.float32]  # (k,) probability of the label
    labels: NDArray[np.int64]  # (k,)
    probabilities: NDArray[
        np.float32
    ]  # (k, classes) independent probabilities at the object's centre

    def __len__(self) -> int:
        return len(self.scores)


def decode(
    maps: Maps,
    *,
    shape: Sequence[int],
    stride: int,
    at_most: int = 100,
    least_score: float = 0.05,
    overlap: float = 0.5,
) -> list[Detections]:
    """Detections of every image of a batch, at most so many per image."""
    probabilities = maps.heat.detach().sigmoid()
    kernel = [3] * len(shape)
    pool = functional.max_pool2d if len(shape) == 2 else functional.max_pool3d
    peaks = probabilities * (probabilities == pool(probabilities, kernel, stride=1, padding=1))
    return [
        _decode_one(peaks[b], probabilities[b], maps.size[b].detach(), maps.offset[b].detach(),
                    shape, stride, at_most, least_score, overlap)
        for b in range(len(peaks))
    ]  # fmt: skip


def _decode_one(
    peaks: torch.Tensor, probabilities: torch.Tensor, size: torch.Tensor, offset: torch.Tensor,
    shape: Sequence[int], stride: int, at_most: int, least_score: float, overlap: float,
) -> Detections:  # fmt: skip
    flat = peaks.flatten()
    scores, places = flat.topk(min(at_most, flat.numel()))
    places = places[scores >= least_score]
    scores = scores[scores >= least_score]
    indices = np.unravel_index(places.cpu().numpy(), tuple(peaks.shape))
    labels, cells = indices[0].astype(np.int64), indices[1:]
    middles = np.stack(cells, axis=1) + 0.5 + _at(offset, cells)
    lengths = np.exp(np.minimum(_at(size, cells), LARGEST_LOG_SIZE))
    limits = np.array(shape, np.float32)
    boxes = np.concatenate([
        np.clip((middles - lengths / 2) * stride, 0, limits),
        np.clip((middles + lengths / 2) * stride, 0, limits),
    ], axis=1).astype(np.float32)  # fmt: skip
    found = scores.float().cpu().numpy()
    kept = suppress(boxes, found, labels, overlap)
    return Detections(boxes[kept], found[kept], labels[kept], _at(probabilities, cells)[kept])


def _at(maps: torch.Tensor, cells: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """(k, channels) values of (channels, *grid) maps at k cells."""
    values = maps.float().cpu().numpy()
    places = np.ravel_multi_index(tuple(cells), values.shape[1:])
    return np.asarray(values.reshape(len(values), -1)[:, places].T)
