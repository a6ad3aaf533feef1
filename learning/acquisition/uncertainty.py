"""How unsure a model is of each case: pure measures, higher = more uncertain.

Sources: Settles 2009 §3.1 (margin, entropy, least confident, through modAL's measures), Houlsby
2011 (BALD), Luth 2025 and ClaSP (segmentation), Yang 2024 (PPAL, boxes).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from modAL.uncertainty import classifier_entropy, classifier_margin, classifier_uncertainty
from numpy.typing import NDArray

from learning.acquisition.pool import Answers, Floats, InvalidPool, Labeled, Pool, Rows
from learning.acquisition.table import PredictionTable

Scores = NDArray[np.float64]


def margin(pool: Pool) -> Scores:
    """One minus the gap between the two most probable answers: (n,) in 0..1."""
    return _largest_over_labels(pool, classifier_margin, flip=True)


def entropy(pool: Pool) -> Scores:
    """Shannon entropy of the answers in nats: (n,)."""
    return _largest_over_labels(pool, classifier_entropy)


def least_confident(pool: Pool) -> Scores:
    """One minus the probability of the most probable answer: (n,)."""
    return _largest_over_labels(pool, classifier_uncertainty)


def label_margins(probabilities: Floats) -> Scores:
    """1 - |2p - 1| of every independent label: (n, C)."""
    return np.asarray(1 - np.abs(2 * probabilities.astype(np.float64) - 1))


def bald(pool: Pool) -> Scores:
    """Mutual information between answer and member, in nats: H(mean) - mean(H), (n,).

    Independent labels: the largest over labels. Raises InvalidPool without members.
    """
    members = _members(pool)
    if members.ndim != 3:
        raise InvalidPool("BALD needs members of shape (m, n, C)")
    if pool.answers == "many":
        mean = _binary_entropy(members.mean(axis=0, dtype=np.float64))
        each = np.mean([_binary_entropy(m) for m in members], axis=0)
        return np.asarray(np.maximum((mean - each).max(axis=1), 0))
    mean = entropy_of(members.mean(axis=0, dtype=np.float64))
    each = np.mean([entropy_of(m) for m in members], axis=0)
    return np.asarray(np.maximum(mean - each, 0))


def variance(pool: Pool) -> Scores:
    """Spread of a number, a grade or a risk: (n,).

    Members (m, n): their variance. Members (m, n, C) or probabilities (n, C) of ordered grades:
    the variance of the grade. Else the component `variance`, which a head writes itself.
    """
    if pool.members is not None and pool.members.ndim == 2:
        return np.asarray(pool.members.var(axis=0, dtype=np.float64))
    if "variance" in pool.components:
        return np.asarray(pool.components["variance"], np.float64)
    grades = pool.probabilities
    if grades is None and pool.members is not None:
        grades = pool.members.mean(axis=0)
    if grades is None:
        raise InvalidPool("variance needs members, probabilities or the component 'variance'")
    number = np.arange(grades.shape[1])
    mean = grades @ number
    return np.maximum(grades @ number**2 - mean**2, 0).astype(np.float64)


def boxes(pool: Pool) -> Scores:
    """Mean entropy of the uncertain boxes of each image: (n,).

    Components `box:CLASS` hold the entropies of the boxes with scores 0.05..0.95, divided by the number
    of all such boxes: a sum would rank images by how many objects they hold. (PPAL sums, and weighs
    classes by how hard they are.)
    """
    named = [v for name, v in pool.components.items() if name.startswith("box:")]
    if not named:
        raise InvalidPool("boxes need components named box:CLASS")
    return np.asarray(np.sum([np.asarray(values, np.float64) for values in named], 0))


def segmentation_classes(pool: Pool) -> dict[str, Scores]:
    """ClaSP's score of each row for each class, from components `class:NAME`."""
    found = {
        name.removeprefix("class:"): np.asarray(values, np.float64)
        for name, values in pool.components.items()
        if name.startswith("class:")
    }
    if not found:
        raise InvalidPool("segmentation needs components named class:NAME (see mask_components)")
    return found


def mask_entropy(pool: Pool) -> Scores:
    """The mean entropy of each row's mask, from the component `entropy`, else over its classes."""
    if "entropy" in pool.components:
        return np.asarray(pool.components["entropy"], np.float64)
    return np.asarray(np.mean(list(segmentation_classes(pool).values()), axis=0))


def mask_components(
    probabilities: Floats, names: tuple[str, ...], background: int = 0
) -> dict[str, float]:
    """The components of one image or patch, for the strategy `class_entropy`.

    `probabilities` is (C, ...) over pixels. Means run over the predicted foreground and its
    uncertain border only, because a mean over all pixels is diluted by background: `class:NAME` is
    the mean of H(p) p_c, `entropy` the mean of H(p). `foreground` is the share of pixels that are
    likelier a structure than background.
    """
    if probabilities.ndim < 2 or len(probabilities) != len(names):
        raise InvalidPool(f"probabilities {probabilities.shape} do not fit the classes {names}")
    flat = probabilities.reshape(len(names), -1).astype(np.float64)
    if not np.isfinite(flat).all():
        raise InvalidPool("mask probabilities must be finite")
    uncertain = entropy_of(flat.T)
    is_structure = flat.argmax(axis=0) != background
    region = is_structure | (flat[background] < 0.95)
    count = max(int(region.sum()), 1)
    found = {
        f"class:{name}": float((uncertain * flat[c] * region).sum() / count)
        for c, name in enumerate(names)
        if c != background
    }
    found["entropy"] = float((uncertain * region).sum() / count)
    found["foreground"] = float(is_structure.mean())
    return found


def box_components(
    scores: Mapping[str, Floats], low: float = 0.05, high: float = 0.95
) -> dict[str, float]:
    """The components of one image from its boxes' scores by class, for the strategy `boxes`."""
    every = [np.asarray(s, np.float64) for s in scores.values()]
    used = sum(int(((s >= low) & (s <= high)).sum()) for s in every)
    found = {}
    for name, values in zip(scores, every, strict=True):
        if not np.isfinite(values).all():
            raise InvalidPool(f"box scores of {name} must be finite")
        unsure = values[(values >= low) & (values <= high)]
        found[f"box:{name}"] = float(_binary_entropy(unsure).sum() / max(used, 1))
    found["objects"] = float(sum(int((s > high).sum()) for s in every) + used)
    return found


def gradient_factors(probabilities: Floats, answers: Answers = "one") -> NDArray[np.float32]:
    """p minus the predicted answer as 0 and 1: (n, C), BADGE's factor of the embedding."""
    found = np.array(probabilities, np.float32)
    if answers == "many":
        return found - (found >= 0.5)
    found[np.arange(len(found)), found.argmax(axis=1)] -= 1
    return found


def predicted(pool: Pool) -> Rows:
    """The most probable class of each row: (n,)."""
    return np.asarray(probabilities_of(pool).argmax(axis=1), np.int64)


def finding_of(pool: Pool, labeled: Labeled) -> int:
    """The class that is looked for: the chosen one, else the rarest that says that something is there.

    Of exclusive answers the first is taken for "nothing"; of equally rare ones the last is looked for.
    """
    if pool.finding is not None:
        return pool.finding
    counts = labeled.counts(probabilities_of(pool).shape[1])
    first = 1 if pool.answers == "one" else 0
    return int(len(counts) - 1 - counts[first:][::-1].argmin())


def probabilities_of(pool: Pool) -> Floats:
    """The pool's probabilities, or the mean of its members. Raises InvalidPool."""
    if pool.probabilities is not None:
        return pool.probabilities
    if pool.members is not None and pool.members.ndim == 3:
        return np.asarray(pool.members.mean(axis=0))
    raise InvalidPool("this strategy needs probabilities")


def _members(pool: Pool) -> Floats:
    if pool.members is None:
        raise InvalidPool("this strategy needs members (ensemble or dropout passes)")
    return pool.members


def _largest_over_labels(pool: Pool, measure: Any, *, flip: bool = False) -> Scores:
    """modAL's measure of exclusive answers; of independent labels the largest over labels.

    The mean over labels drowns the one finding that is unclear (reference D3).
    """
    probabilities = probabilities_of(pool)
    table = np.asarray(probabilities)
    if pool.answers == "many":
        # All three measures rise as a label nears one half, so the nearest label has the maximum.
        closest = np.abs(probabilities - 0.5).argmin(axis=1)
        p = probabilities[np.arange(len(probabilities)), closest]
        table = np.stack([1 - p, p], axis=1)
    if not len(probabilities):
        return np.zeros(0)
    rows = np.arange(len(probabilities))[:, None]
    value = np.asarray(measure(PredictionTable(table), rows), np.float64)
    return 1 - value if flip else value


def entropy_of(probabilities: Floats) -> Scores:
    """Shannon entropy in nats of each row of exclusive answers: (n,)."""
    logarithms = np.log(np.clip(probabilities, 1e-12, 1))
    return np.asarray(-(probabilities * logarithms).sum(axis=1), np.float64)  # 0 where all is clear


def _binary_entropy(p: Floats) -> Scores:
    p = np.clip(p.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log(p) + (1 - p) * np.log1p(-p)))
