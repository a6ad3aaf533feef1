"""The strategies themselves: (pool, labeled, count, rng) -> what to label, in order.

They may assume a checked pool that is not empty. `learning.acquisition.strategies` names them,
calls them through modAL and checks what they answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from learning.acquisition import uncertainty
from learning.acquisition.neighbors import (
    DistanceTo,
    centres_of,
    farthest_first,
    nearest,
    spread_by_squared_distance,
    top,
    typicality,
)
from learning.acquisition.pool import InvalidPool, Labeled, Pool, Rows
from learning.acquisition.sampling import FLOOR, Draws, draw, powered
from learning.acquisition.uncertainty import Scores

Measure = Callable[[Pool], Scores]
HEAD = 200  # of a whole ranking so many are chosen one by one; the rest follows in order
COLD_LABELS_PER_CLASS = 5  # below: typical cases, from there on uncertain ones (reference C1)
COLD_PLENTY = 3  # times that many labels end the cold start though a class still lacks some
MAX_CLUSTERS = 500
MIN_CLUSTER = 5  # smaller clusters are outliers
TYPICAL_NEIGHBORS = 20
CANDIDATES_PER_PICK = 20  # batch diversity chooses among so many times the batch
SEALS_NEIGHBORS = 100  # candidates for each known positive
IMBALANCE = 5  # commonest over rarest class from which on rare answers are preferred
# Of what is drawn by the entropy of masks, this share is divided over the classes (ClaSP PE).
CLASS_SHARE = 2 / 3
FOREGROUND_SHARE = 2 / 3  # of what is drawn at random shows a structure (nnActive)
BACKGROUND_SHARE = 0.2  # of a batch may be images without any box


@dataclass(frozen=True)
class Choice:
    """Rows in the order to label them, and parallel to them what each was chosen for."""

    rows: Rows
    scores: NDArray[np.float64]  # never rising
    propensities: NDArray[np.float64] | None = None
    arms: tuple[str, ...] = ()
    components: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)


Method = Callable[[Pool, Labeled, int, np.random.Generator], Choice]


def at_random(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """The control that every strategy is compared with."""
    del labeled
    rows = rng.permutation(len(pool))[:count]
    chances = 1 / (len(pool) - np.arange(len(rows)))
    return Choice(rows, _by_place(len(rows)), chances, ("random",) * len(rows))


def highest(measure: Measure, name: str) -> Method:
    """Always the most uncertain: no chance, so no propensity."""

    def method(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
        del labeled
        scores = measure(pool)
        rows = top(scores, count, rng)
        return Choice(rows, scores[rows], None, (name,) * len(rows), {name: scores[rows]})

    return method


def sampled(measure: Measure, name: str, *, stratified: bool = False) -> Method:
    """Uncertain cases by chance, near copies apart, propensities exact (reference C2)."""

    def method(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
        scores = measure(pool)
        wishes = scores * rarity(pool, labeled) if stratified else scores
        drawn = draw({name: (1, powered(wishes))}, count, rng, embeddings=pool.embeddings)
        return _drawn(drawn, {name: scores})

    return method


def rarity(pool: Pool, labeled: Labeled) -> NDArray[np.float64]:
    """The quota of each row's predicted class, 1/sqrt(labels it has), highest 1: (n,).

    All ones below an imbalance of 1:5, where it costs more than it gives (reference D5).
    """
    probabilities = uncertainty.probabilities_of(pool)
    counts = labeled.counts(probabilities.shape[1])
    if counts.max() < IMBALANCE * max(counts.min(), 1):
        return np.ones(len(pool))
    quota = 1 / np.sqrt(np.maximum(counts, 1))
    return np.asarray((probabilities @ quota) / quota.max())


def label_quota(pool: Pool, labeled: Labeled) -> Scores:
    """Independent labels: the largest of margin x 1/sqrt(positives so far) over labels: (n,)."""
    margins = uncertainty.label_margins(uncertainty.probabilities_of(pool))
    counts = labeled.counts(margins.shape[1])
    quota = np.sqrt(max(counts.min(), 1) / np.maximum(counts, 1))
    return np.asarray((margins * quota).max(axis=1))


def wanted_margin(pool: Pool, labeled: Labeled) -> Scores:
    """The margin with a preference for answers that have few labels: (n,)."""
    if pool.answers == "many":
        return label_quota(pool, labeled)
    return np.asarray(uncertainty.margin(pool) * rarity(pool, labeled))


def stratified_margin(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """power_margin with a preference for answers that have few labels."""
    if pool.answers == "many":
        return sampled(lambda p: label_quota(p, labeled), "margin")(pool, labeled, count, rng)
    return sampled(uncertainty.margin, "margin", stratified=True)(pool, labeled, count, rng)


def typical(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """TypiClust (Hacohen 2022): the most typical case of each cluster without labels."""
    points = embeddings_of(pool)
    known = labeled.embeddings if labeled.embeddings is not None else points[:0]
    centres = centres_of(points, min(len(known) + count, MAX_CLUSTERS), rng)
    home = nearest(points, centres).row
    sizes = np.bincount(home, minlength=len(centres))
    labels = np.bincount(nearest(known, centres).row, minlength=len(centres))
    rows, density = _round_the_clusters(points, home, sizes, labels, count, rng)
    components = {"typicality": density, "similar_cases": sizes[home[rows]].astype(np.float64)}
    if len(known):
        components["distance"] = np.sqrt(nearest(points[rows], known).squared)
    return Choice(rows, _by_place(len(rows)), None, ("typical",) * len(rows), components)


def _round_the_clusters(
    points: NDArray[np.float32],
    home: Rows,
    sizes: Rows,
    labels: Rows,
    count: int,
    rng: np.random.Generator,
) -> tuple[Rows, NDArray[np.float64]]:
    """Serve clusters by (labels, size), each its most typical case, until `count` are found."""
    labels, left = labels.copy(), sizes.copy()
    queue: dict[int, list[tuple[int, float]]] = {}
    rows, densities = [], []
    order = np.argsort(home, kind="stable")
    starts = np.searchsorted(home[order], np.arange(len(sizes) + 1))
    for _ in range(min(count, len(points))):
        usable = left >= MIN_CLUSTER if (left >= MIN_CLUSTER).any() else left > 0
        best = np.lexsort((rng.random(len(sizes)), -left, labels, ~usable))[0]
        if best not in queue:
            members = order[starts[best] : starts[best + 1]]
            queue[best] = _most_typical(points, members, rng)
        row, density = queue[best].pop()
        rows.append(row)
        densities.append(density)
        labels[best] += 1
        left[best] -= 1
    return np.asarray(rows, np.int64), np.asarray(densities)


def _most_typical(
    points: NDArray[np.float32], members: Rows, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """The members of one cluster with their typicality, the most typical last."""
    density = typicality(points[members], TYPICAL_NEIGHBORS, rng)
    order = np.lexsort((rng.random(len(members)), density))
    return [(int(members[i]), float(density[i])) for i in order]


def adaptive(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """Cold start by typicality, then the stratified margin: the default with embeddings."""
    return (typical if is_cold(pool, labeled) else stratified_margin)(pool, labeled, count, rng)


def is_cold(pool: Pool, labeled: Labeled) -> bool:
    """Whether there is no trustworthy model yet: no predictions, or fewer than 5 per class."""
    if pool.probabilities is None and pool.members is None:
        return True
    classes = uncertainty.probabilities_of(pool).shape[1]
    counts = labeled.counts(classes)
    enough = COLD_LABELS_PER_CLASS * classes
    if len(labeled) < enough:
        return True
    # A rare class must not hold the queue in the cold start for ever.
    return bool(counts.min() < 1 and len(labeled) < COLD_PLENTY * enough)


def rare(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """A rare finding: half margin, 0.4 most probable positives, 0.1 chance (reference C1).

    The finding is that of `finding_of`. Wishes reach only neighbours of the known positives and the
    most probable cases (SEALS, Coleman 2022), the uniform floor reaches everyone.
    """
    probabilities = uncertainty.probabilities_of(pool)
    positive = probabilities[:, uncertainty.finding_of(pool, labeled)].astype(np.float64)
    margin = uncertainty.margin(pool)
    near = _seals(pool, labeled, positive, count, rng)
    wishes = {
        "margin": (5 / 9, np.where(near, powered(margin), 0)),
        "positive": (4 / 9, np.where(near, powered(positive), 0)),
    }
    drawn = draw(wishes, count, rng, floor=FLOOR, embeddings=pool.embeddings)
    return _drawn(drawn, {"margin": margin, "positive": positive})


def _seals(
    pool: Pool, labeled: Labeled, positive: Scores, count: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The rows that wishes may reach: neighbours of known positives, and the likeliest."""
    found = np.zeros(len(pool), bool)
    found[top(positive, CANDIDATES_PER_PICK * count, rng)] = True
    known = known_positives(labeled, uncertainty.finding_of(pool, labeled))
    if known is None or pool.embeddings is None:
        return np.ones(len(pool), bool)
    closeness = -nearest(pool.embeddings, known).squared
    found[top(closeness, SEALS_NEIGHBORS * len(known), rng)] = True
    return found


def known_positives(labeled: Labeled, finding: int) -> NDArray[np.float32] | None:
    """Embeddings of the labeled cases that have the finding, if there are any."""
    if labeled.embeddings is None or labeled.labels is None or not len(labeled):
        return None
    labels = labeled.labels
    has_it = labels[:, finding] == 1 if labels.ndim == 2 else labels == finding
    return labeled.embeddings[has_it] if has_it.any() else None


def badge(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """BADGE (Ash 2020): k-means++ over gradient embeddings of the most uncertain candidates."""
    del labeled
    points = embeddings_of(pool)
    factors = uncertainty.gradient_factors(uncertainty.probabilities_of(pool), pool.answers)
    norms = np.einsum("ij,ij->i", factors, factors).astype(np.float64)
    near = top(norms, max(CANDIDATES_PER_PICK * count, 1000), rng)
    seeded = spread_by_squared_distance(
        DistanceTo(points[near], factors[near]), 0, len(near), count, rng
    )
    rows = near[seeded]
    return Choice(
        rows, _by_place(len(rows)), None, ("diverse",) * len(rows), {"gradient": norms[rows]}
    )


def core_set(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """k-center greedy: what lies farthest from everything labeled."""
    rows, gaps = farthest_first(embeddings_of(pool), labeled.embeddings, count, rng)
    gaps = np.minimum.accumulate(gaps)
    return Choice(rows, gaps, None, ("far",) * len(rows), {"distance": gaps})


def class_entropy(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """ClaSP PE (2026): two thirds of a batch divided over the classes, one third by entropy.

    Rows of one volume (`groups`) lose half their wish for each row taken from it, so that slices
    spread over volumes. The sharpness grows from 1 to 100 with the labels.
    """
    by_class = uncertainty.segmentation_classes(pool)
    overall = uncertainty.mask_entropy(pool)
    sharp = 10 ** min(len(labeled) / 50, 2)
    share = CLASS_SHARE / len(by_class)
    wishes = {f"class {n}": (share, powered(v, sharp)) for n, v in by_class.items()}
    wishes["mask"] = (1 - CLASS_SHARE, powered(overall, sharp))
    drawn = draw(wishes, count, rng, embeddings=pool.embeddings, groups=pool.groups)
    named = {"entropy": overall}
    return _drawn(drawn, named | {f"class:{n}": v for n, v in by_class.items()})


def foreground_random(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """The control that masks are hard to beat by (nnActive, Luth 2025): two thirds of the draws among
    images in which the model sees any structure. Behind HEAD of them the rest comes in any order.
    """
    del labeled
    seen = np.asarray(pool.components["foreground"] > 0, np.float64)
    wishes = {
        "foreground": (FOREGROUND_SHARE, seen),
        "random": (1 - FOREGROUND_SHARE, np.ones(len(pool))),
    }
    drawn = draw(wishes, min(count, HEAD), rng)
    rest = rng.permutation(np.setdiff1d(np.arange(len(pool)), drawn.rows))[
        : count - len(drawn.rows)
    ]
    chances = 1 / (len(pool) - len(drawn.rows) - np.arange(len(rest)))
    return of_draws(
        Draws(
            np.append(drawn.rows, rest), np.append(drawn.propensities, chances),
            drawn.arms + ("random",) * len(rest),
        ),
        {},
    )  # fmt: skip


def boxes(pool: Pool, labeled: Labeled, count: int, rng: np.random.Generator) -> Choice:
    """PPAL-like (Yang 2024): uncertain boxes, then diverse images; few images without any box."""
    del labeled
    scores = uncertainty.boxes(pool)
    objects = pool.components.get("objects", np.ones(len(pool)))
    order = top(scores, CANDIDATES_PER_PICK * count, rng)
    if pool.embeddings is not None and scores[order[0]] > 0:
        weight = np.sqrt(scores[order] / scores[order[0]]).astype(np.float32)[:, None]
        distance = DistanceTo(pool.embeddings[order], weight)
        order = order[spread_by_squared_distance(distance, 0, len(order), 2 * count, rng)]
    rows = _with_few_empty(order, objects, count)
    missing = np.setdiff1d(np.arange(len(pool)), rows)
    rows = np.append(rows, missing[top(scores[missing], min(count, len(pool)) - len(rows), rng)])
    named = {"boxes": scores[rows], "objects": np.asarray(objects)[rows]}
    return Choice(rows, _by_place(len(rows)), None, ("boxes",) * len(rows), named)


def _with_few_empty(order: Rows, objects: NDArray[np.floating], count: int) -> Rows:
    """The first `count` of `order`, of which at most a fifth show no object."""
    empty = objects[order] == 0
    allowed = ~empty | (np.cumsum(empty) <= BACKGROUND_SHARE * count)
    return np.asarray(order[allowed][:count], np.int64)


def embeddings_of(pool: Pool) -> NDArray[np.float32]:
    """The pool's embeddings. Raises InvalidPool without."""
    if pool.embeddings is None:
        raise InvalidPool("this strategy needs embeddings")
    return pool.embeddings


def _drawn(drawn: Draws, named: dict[str, Scores]) -> Choice:
    """The choice of some draws, with what all rows were scored by."""
    return of_draws(drawn, {name: values[drawn.rows] for name, values in named.items()})


def of_draws(drawn: Draws, components: Mapping[str, NDArray[np.floating]]) -> Choice:
    """Draws are served in the order drawn: a part of a batch is then a sample as well."""
    places = _by_place(len(drawn.rows))
    return Choice(drawn.rows, places, drawn.propensities, drawn.arms, components)


def _by_place(count: int) -> NDArray[np.float64]:
    """1 for the first, falling evenly to just above 0: an order without a measure."""
    return np.asarray(1 - np.arange(count) / max(count, 1))
