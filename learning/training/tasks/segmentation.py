"""Structures drawn voxel by voxel, where slices that nobody drew on teach nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning.training import losses
from learning.training.tasks.base import (
    InvalidLabel,
    Labels,
    Metric,
    Task,
    Unlearnable,
    Weighting,
    inverse_root,
    names_of,
)

Mask = NDArray[np.int16]
UNLABELED = -1


@dataclass(frozen=True)
class Segmentation(Task):
    """Background and structures. A mask is (*space) int16: 0 background, 1.. structures, -1 unknown.

    Labels are a sequence of masks in the images' grids; predictions (b, 1 + structures, *space).
    """

    kind = "segmentation"
    metric = Metric("mean_dice", True)
    is_dense = True
    classes: tuple[str, ...]  # the structures, without the background

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", names_of(self.classes, "classes", 1))

    @property
    def outputs(self) -> int:
        return 1 + len(self.classes)

    def encode(self, answers: Sequence[Any]) -> Labels:
        """Masks as an object array of int16 arrays."""
        masks = np.empty(len(answers), object)
        for place, answer in enumerate(answers):
            masks[place] = self.mask(answer, f"mask {place}")
        return masks

    def mask(self, answer: Any, place: str) -> Mask:
        """One mask as int16. Raises InvalidLabel naming the place."""
        found = np.asarray(answer)
        if found.ndim not in (2, 3) or found.dtype.kind not in "iub":
            raise InvalidLabel(f"{place} must be a 2D or 3D array of whole numbers")
        if found.size == 0:
            raise InvalidLabel(f"{place} is empty")
        low, high = int(found.min()), int(found.max())
        if low < UNLABELED or high > len(self.classes):
            raise InvalidLabel(
                f"{place} holds {high if high > len(self.classes) else low}; "
                f"it may hold {UNLABELED} (unknown) to {len(self.classes)}"
            )
        return found.astype(np.int16)

    def require_learnable(self, labels: Labels) -> None:
        """Background alone, or nothing drawn at all, teaches nothing."""
        if not any((np.asarray(mask) > 0).any() for mask in labels):
            raise Unlearnable(
                f"None of {len(labels)} masks shows any of {', '.join(self.classes)}."
            )
        if all(_is_open_around(np.asarray(mask)) for mask in labels):
            raise Unlearnable(
                f"None of {len(labels)} masks says where none of {', '.join(self.classes)} is."
            )

    def class_weights(self, labels: Labels) -> torch.Tensor | None:
        """By the voxels of each structure and of the background; those that nobody drew do not count."""
        counts = np.zeros(self.outputs, np.int64)
        for mask in labels:
            values = np.asarray(mask)
            counts += np.bincount(values[values >= 0], minlength=self.outputs)
        return torch.tensor(inverse_root(counts), dtype=torch.float32)

    def loss(
        self, outputs: torch.Tensor, labels: torch.Tensor, weighting: Weighting
    ) -> torch.Tensor:
        """Cross-entropy plus soft Dice over the labeled voxels (Isensee et al. 2021).

        Weights act in the cross-entropy; the Dice counts every structure alike anyhow.
        """
        labels = labels.long()
        outputs = outputs.float()
        entropy = losses.focal_cross_entropy(
            outputs, labels, gamma=weighting.focal_gamma, weights=weighting.weights, smoothing=0.0
        )
        return entropy + losses.soft_dice_loss(outputs.softmax(1), labels)

    def predictions(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(dim=1)


def sparse(mask: Mask, labeled_slices: Sequence[int]) -> Mask:
    """A (z, y, x) mask of which only these slices count; the others become unknown."""
    found = np.full_like(mask, UNLABELED)
    found[list(labeled_slices)] = mask[list(labeled_slices)]
    return found


def _is_open_around(mask: NDArray[np.int16]) -> bool:
    """Whether all that is not drawn is unknown: from such masks alone everything looks like a structure."""
    return bool((mask == UNLABELED).any() and not (mask == 0).any())
