"""PURE. Which maps a model can be asked for, by what it answers and how it is built."""

from collections.abc import Mapping
from typing import Any

from learning.training.registry import NETWORKS

GRAD_CAM = "grad_cam"
OCCLUSION = "occlusion"
ATTENTION_ROLLOUT = "attention_rollout"
UNCERTAINTY = "uncertainty"
OF_ANSWERS = (GRAD_CAM, OCCLUSION)  # these ask what speaks for one answer
# Tokens in windows are no maps of channels, and of a whole transformer the attention says more.
WITHOUT_MAPS = ("ViT", "Swin")


def methods_of(kind: str, architecture: Mapping[str, Any]) -> tuple[str, ...]:
    """The methods in the order of their cost; none for boxes, which show by themselves where they are."""
    if kind == "boxes":
        return ()
    if kind == "segmentation":
        return (UNCERTAINTY,)
    network = NETWORKS.get(architecture.get("network", ""))
    if network is None:
        return ()
    if not _sees_the_whole_at_once(architecture):
        return (OCCLUSION,)
    if network.family == "ViT":
        return (ATTENTION_ROLLOUT, OCCLUSION)
    return (OCCLUSION,) if network.family in WITHOUT_MAPS else (GRAD_CAM, OCCLUSION)


def _sees_the_whole_at_once(architecture: Mapping[str, Any]) -> bool:
    """One branch over the whole image: maps of several branches or of single slices do not add up."""
    branches = architecture.get("channels", [1])
    return (
        len(branches) == 1
        and not architecture.get("columns")
        and architecture.get("dimensions") != "2.5d"
    )
