"""Images as vectors, and how much the vectors know."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

NEIGHBOURS = 10
ROWS_AT_ONCE = 1024


@torch.no_grad()
def embed(encoder: nn.Module, blocks: Iterable[NDArray[np.float16]]) -> NDArray[np.float32]:
    """(n, d) float32 of length 1, for (b, channels, *shape) blocks of images in order."""
    encoder.eval()
    device = next(encoder.parameters()).device
    found = [
        functional.normalize(
            encoder(torch.from_numpy(np.asarray(block, np.float32)).to(device)).float(), dim=1
        ).cpu().numpy()
        for block in blocks
    ]  # fmt: skip
    return np.concatenate(found).astype(np.float32) if found else np.zeros((0, 0), np.float32)


def neighbour_purity(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    queries: NDArray[np.float32] | None = None,
    query_labels: NDArray[np.int64] | None = None,
    neighbours: int = NEIGHBOURS,
) -> float | None:
    """Mean share of an image's nearest neighbours (cosine) with its own label.

    Without `queries` every image asks the others. A clustering cold start pays only where this is well
    above the share that chance gives. None where there are not enough images.
    """
    if (queries is None) != (query_labels is None):
        raise ValueError("queries and query_labels belong together")
    asks_itself = queries is None or query_labels is None
    asking = embeddings if queries is None else queries
    own = labels if query_labels is None else query_labels
    count = min(neighbours, len(embeddings) - int(asks_itself))
    if count < 1 or len(asking) == 0:
        return None
    shares = []
    for start in range(0, len(asking), ROWS_AT_ONCE):
        alike = asking[start : start + ROWS_AT_ONCE] @ embeddings.T
        if asks_itself:
            rows = np.arange(len(alike))
            alike[rows, start + rows] = -np.inf
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        shares.append((labels[nearest] == own[start : start + ROWS_AT_ONCE, None]).mean(axis=1))
    return float(np.concatenate(shares).mean())
