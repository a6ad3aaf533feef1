"""Where a model looked: maps in the image's own grid with values from 0 to 1.

A map says what moved this answer. It does not say that the answer is right.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import torch
from monai.networks.nets.vit import ViT
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

Map = NDArray[np.float32]
Image = NDArray[np.float16] | NDArray[np.float32]
Values = Callable[[torch.Tensor], torch.Tensor]  # raw outputs to (n, answers)
SMALLEST = 1e-12
FEWEST_CELLS = 4  # along a map's longest axis


class NoMap(ValueError):
    """This network or layer has nothing to draw a map from; says why."""


def grad_cam(
    network: nn.Module, image: Image, target: int, layer: str | None = None,
    *, values: Values | None = None,
) -> Map:  # fmt: skip
    """What raises the answer `target`, at the resolution of one layer (Selvaraju et al. 2017).

    `image` is (channels, *shape), 2D or 3D; the map is (*shape), all 0 where nothing speaks for the
    answer. `layer` is a name as in `network.named_modules()`; by default the last one with at least
    FEWEST_CELLS, or the last with maps at all: small inputs end in maps of 2 x 2 cells, which show nothing.
    `values` turns outputs into one number per answer where the outputs themselves are not that. Raises
    NoMap for a layer that does not exist or has no maps, ValueError for an unknown target.
    """
    modules = dict(network.named_modules())
    if layer is not None and layer not in modules:
        raise NoMap(f"the network has no layer {layer!r}")
    chosen = list(modules.values()) if layer is None else [modules[layer]]
    seen: list[torch.Tensor] = []
    with _evaluating(network), torch.enable_grad():
        images = _batch(network, image).requires_grad_()
        with _watching(chosen, lambda output: seen.append(output), images.ndim):
            outputs = network(images)
            score = _score(values(_answer(outputs)) if values else outputs, target).sum()
        if not seen:
            raise NoMap(f"{layer or 'no layer'} gives maps with more than one cell")
        fine = [maps for maps in seen if max(maps.shape[2:]) >= FEWEST_CELLS]
        activation = (fine or seen)[-1]
        (gradient,) = torch.autograd.grad(score, activation, allow_unused=True)
    if gradient is None:
        raise NoMap(f"the answer does not depend on {layer}")
    weights = gradient.mean(dim=tuple(range(2, gradient.ndim)), keepdim=True)
    found = (weights * activation).sum(dim=1, keepdim=True).clamp(min=0)
    return _scaled(_resized(found, image.shape[1:]))


@torch.no_grad()
def occlusion_map(
    network: nn.Module, image: Image, target: int, *, patch: Sequence[int], stride: Sequence[int],
    batch_size: int = 32, values: Values | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Map:  # fmt: skip
    """How far the probability of `target` falls where a patch is hidden (Zeiler & Fergus 2014).

    (channels, *shape) to (*shape). Hidden parts become the channel's mean; a voxel gets the mean over the
    patches that hide it. `values` replaces the probabilities (a number that is estimated, say). Costs one
    pass per patch. Raises ValueError for an impossible patch or stride.
    """
    measured = values or _probabilities
    shape = image.shape[1:]
    if not len(patch) == len(stride) == len(shape):
        raise ValueError(
            f"patch {tuple(patch)} and stride {tuple(stride)} do not fit {len(shape)} axes"
        )
    if any(not 0 < s <= p <= n for p, s, n in zip(patch, stride, shape, strict=True)):
        raise ValueError(
            f"stride {tuple(stride)} <= patch {tuple(patch)} <= image {shape} must hold"
        )
    windows = list(_windows(shape, patch, stride))
    falls, covers = np.zeros(shape), np.zeros(shape)
    with _evaluating(network):
        whole = _batch(network, image)
        means = whole[0].flatten(1).mean(dim=1)
        before = float(_score(measured(_answer(network(whole))), target))
        for start in range(0, len(windows), batch_size):
            on_progress(start, len(windows))
            part = windows[start : start + batch_size]
            hidden = whole.repeat(len(part), *[1] * (whole.ndim - 1))
            for copy, window in zip(hidden, part, strict=True):
                for channel, mean in zip(copy, means, strict=True):
                    channel[window] = mean
            after = _score(measured(_answer(network(hidden))), target).cpu().numpy()
            for window, value in zip(part, after, strict=True):
                falls[window] += before - value
                covers[window] += 1
    return _scaled(torch.from_numpy(np.clip(falls / covers, 0, None)))


@torch.no_grad()
def attention_rollout(network: ViT, image: Image, *, patch: Sequence[int]) -> Map:
    """How much of each patch reaches the answer through all layers of attention (Abnar & Zuidema 2020).

    For MONAI's ViT with patches of `patch` voxels; (channels, *shape) to (*shape). It does not depend on
    the class. Raises NoMap for other networks, ValueError for another size of patch.
    """
    if not isinstance(network, ViT):
        raise NoMap(
            f"attention can be followed through MONAI's ViT, not through {type(network).__name__}"
        )
    with _evaluating(network), _keeping_attention(network):
        network(_batch(network, image))
        layers = [layer.att_mat[0].mean(dim=0) for layer in _attention(network)]
    flow = torch.eye(len(layers[0]), device=layers[0].device)
    for attention in layers:
        with_skip = attention + torch.eye(len(attention), device=attention.device)
        flow = with_skip / with_skip.sum(dim=1, keepdim=True) @ flow
    has_class_token = hasattr(network, "cls_token")
    reached = flow[0, 1:] if has_class_token else flow.mean(dim=0)
    grid = [n // p for n, p in zip(image.shape[1:], patch, strict=True)]
    if int(np.prod(grid)) != len(reached):
        raise ValueError(f"patches of {tuple(patch)} make a grid of {grid}, not of {len(reached)}")
    return _scaled(_resized(reached.reshape(1, 1, *grid), image.shape[1:]))


def uncertainty_map(probabilities: NDArray[np.floating]) -> Map:
    """Entropy of each voxel of (classes, *shape) probabilities: 0 is certain, 1 is all classes alike."""
    class_count = len(probabilities)
    if class_count < 2:
        raise ValueError("a map of uncertainty needs at least two classes")
    values = probabilities.astype(np.float64)
    entropy = -(values * np.log(np.clip(values, SMALLEST, None))).sum(axis=0) / np.log(class_count)
    return np.asarray(np.clip(entropy, 0, 1), np.float32)


def _batch(network: nn.Module, image: Image) -> torch.Tensor:
    if image.ndim not in (3, 4):
        raise ValueError(f"the image must be (channels, *shape) in 2D or 3D, not {image.shape}")
    device = next(network.parameters()).device
    return torch.from_numpy(np.asarray(image, np.float32))[None].to(device)


def _answer(output: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
    return (
        output if isinstance(output, torch.Tensor) else output[0]
    )  # MONAI's ViT adds hidden states


def _score(output: torch.Tensor | Sequence[torch.Tensor], target: int) -> torch.Tensor:
    """The logit of the target per image; of dense answers its mean."""
    answer = _answer(output)
    if not 0 <= target < answer.shape[1]:
        raise ValueError(f"target must lie between 0 and {answer.shape[1] - 1}, not {target}")
    return answer[:, target].flatten(1).mean(dim=1) if answer.ndim > 2 else answer[:, target]


def _probabilities(answer: torch.Tensor) -> torch.Tensor:
    is_single = answer.shape[1] == 1
    return answer.sigmoid() if is_single else answer.softmax(dim=1)


def _windows(
    shape: Sequence[int], patch: Sequence[int], stride: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    """Windows that together cover the whole image; the last of each axis ends at its end."""
    starts = [
        [*range(0, n - p, s), n - p] for n, p, s in zip(shape, patch, stride, strict=True)
    ]  # fmt: skip
    for corner in product(*starts):
        yield tuple(slice(c, c + p) for c, p in zip(corner, patch, strict=True))


def _attention(network: ViT) -> list[Any]:
    blocks: Any = network.blocks
    return [block.attn for block in blocks]


def _resized(maps: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    mode = "bilinear" if len(shape) == 2 else "trilinear"
    return functional.interpolate(maps.float(), size=tuple(shape), mode=mode, align_corners=False)[
        0, 0
    ]


def _scaled(found: torch.Tensor) -> Map:
    """From 0 to 1; a map without differences is all 0."""
    values = found.detach().double().cpu().numpy()
    low, high = float(values.min()), float(values.max())
    if not high - low > SMALLEST:
        return np.zeros(values.shape, np.float32)
    return np.asarray((values - low) / (high - low), np.float32)


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


@contextmanager
def _watching(
    modules: Sequence[nn.Module], keep: Callable[[torch.Tensor], None], dimensions: int
) -> Iterator[None]:
    """Call `keep` with every output that is a map of more than one cell, in the order they are made."""

    def look(_module: nn.Module, _inputs: object, output: object) -> torch.Tensor | None:
        if not isinstance(output, torch.Tensor) or output.ndim != dimensions:
            return None
        if max(output.shape[2:]) == 1:
            return None
        keep(output)
        return output.clone()  # what comes next may write in place

    hooks = [module.register_forward_hook(look) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _keeping_attention(network: ViT) -> Iterator[None]:
    """MONAI keeps attention only where it was asked to at construction, and never with flash attention."""
    layers = _attention(network)
    before = [(layer.save_attn, layer.use_flash_attention) for layer in layers]
    for layer in layers:
        layer.save_attn, layer.use_flash_attention = True, False
    try:
        yield
    finally:
        for layer, (saves, is_flash) in zip(layers, before, strict=True):
            layer.save_attn, layer.use_flash_attention = saves, is_flash
            layer.att_mat = torch.zeros(0)
