"""From which probability on a structure is called, chosen on validation volumes.

Classes are weighed in training and volumes are few, so a network may draw a structure too large or too
small though it knows where it lies. A structure with the threshold t is weighed with (1 - t) / t before
the likeliest is called: against the background alone it is called from t on, and 0.5 changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics.figures import mean_of_means
from learning.training.metrics.intervals import compare
from learning.training.tasks.segmentation import UNLABELED, Mask

USUAL = 0.5
STEP = 0.25  # of the weight's logarithm, between two thresholds that are tried
FARTHEST = 16  # steps either way: thresholds from 0.018 to 0.982
UNITS = 4  # of a step, in which is kept how far a class lies behind
# Units behind the likeliest, from which on no thresholds call a class
BEYOND = 2 * FARTHEST * UNITS + 1
MIN_PATIENTS = 5  # of validation, with the structure or answer: that fewer agree is no wonder
MOST_SWEEPS = 3  # over the structures: what one gains another may lose
BLOCK = 1 << 20  # voxels counted at once
TRIED = range(-FARTHEST, FARTHEST + 1)
MOST_ROWS = 50_000  # of a volume: a network that is sure of nothing makes millions
Floats = NDArray[np.float64]
Steps = NDArray[np.int64]  # (structures,) by which each is preferred


def called(probabilities: NDArray[np.float32], thresholds: Sequence[float]) -> NDArray[np.int64]:
    """The structure of each voxel, 0 of the background: (*space), of (1 + structures, *space).

    Without thresholds the likeliest. Of equals the first.
    """
    if all(threshold == USUAL for threshold in thresholds):
        return np.asarray(probabilities.argmax(axis=0))
    found = np.zeros(probabilities.shape[1:], np.int64)
    best = probabilities[0].copy()
    for number, threshold in enumerate(thresholds, 1):
        weighed = probabilities[number] * np.float32((1 - threshold) / threshold)
        is_better = weighed > best
        found[is_better] = number
        best[is_better] = weighed[is_better]
    return found


def thresholds_of_structures(
    answers: Iterable[NDArray[np.float32]],
    masks: Sequence[Mask],
    patients: Sequence[str],
    structure_count: int,
    rng: np.random.Generator,
) -> tuple[float, ...]:
    """The threshold of each structure with which the mean Dice of validation volumes is highest.

    `answers` are (1 + structures, *space) probabilities in the order of the masks, and are not asked for
    where nothing can be chosen; one volume is in memory at a time. One half remains where too few patients
    have the structure, or where the gain is within the noise of a paired bootstrap over patients. Empty
    without volumes.
    """
    if not len(masks):
        return ()
    may_choose = _patients_with(masks, patients, structure_count) >= MIN_PATIENTS
    steps = np.zeros(structure_count, np.int64)
    if may_choose.any():
        pairs = zip(answers, masks, strict=True)
        counts = Counts.of([tally(said, mask) for said, mask in pairs])
        steps = _searched(counts, may_choose, patients, rng)
    return tuple(float(1 / (1 + np.exp(STEP * step))) for step in steps)


@dataclass(frozen=True)
class Counts:
    """Voxels that are alike, counted: all that thresholds can make of some volumes.

    Rows: `truth` (r,) classes; `behind` (r, 1 + structures) units that each class lies behind the
    likeliest, which has 0; `count` (r,) voxels; `volume` (r,).
    """

    truth: NDArray[np.int64]
    behind: NDArray[np.int16]
    count: Floats
    volume: NDArray[np.int64]
    volumes: int = 1

    @classmethod
    def of(cls, tallies: Sequence["Counts"]) -> "Counts":
        """Those of all volumes together."""
        return cls(
            np.concatenate([one.truth for one in tallies]),
            np.concatenate([one.behind for one in tallies]),
            np.concatenate([one.count for one in tallies]),
            np.repeat(np.arange(len(tallies)), [len(one.truth) for one in tallies]),
            len(tallies),
        )

    def dice(self, steps: Steps, structure: int) -> Floats:
        """(TRIED, volumes, structures): the Dice of each, for every step of one structure.

        NaN where neither readers nor network have it. The others keep their steps.
        """
        others, own = self._without(steps, 1 + structure)
        answers = self._sums(others, own)
        answers = answers[:, :, -1:] - answers  # what the structure leaves to them
        shared = self._sums(others, own, others == self.truth)
        shared = shared[:, :, -1:] - shared
        mine = np.full(len(own), 1 + structure)
        answers[:, 1 + structure] = self._sums(mine, own)[:, 1 + structure]
        shared[:, 1 + structure] = self._sums(mine, own, mine == self.truth)[:, 1 + structure]
        drawn = self._sums(self.truth, np.full(len(own), -FARTHEST))
        found = np.full(answers.shape, np.nan)
        np.divide(2 * shared, answers + drawn, out=found, where=answers + drawn > 0)
        return found[:, 1:, :-1].transpose(2, 0, 1)

    def _without(self, steps: Steps, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(r,) what would be called without a class, and (r,) the step from which it is called itself."""
        preferred = self.behind - UNITS * np.concatenate([[0], steps]).astype(np.int16)
        # Of two that are level, the one that lay farther behind has been preferred past the other.
        order = preferred * np.int16(BEYOND + 1) - self.behind
        order[:, number] = np.iinfo(np.int16).max
        other = order.argmin(axis=1)
        rows = np.arange(len(other))
        own = self.behind[:, number].astype(np.int64)
        units = own - preferred[rows, other] + (own <= self.behind[rows, other])
        return other, -(-units // UNITS)

    def _sums(
        self, classes: NDArray[np.int64], steps: NDArray[np.int64], rows: Any = slice(None)
    ) -> Floats:
        """(volumes, classes, steps + 1) voxels of each class whose step has come; in the last all."""
        size, width = self.behind.shape[1], len(TRIED) + 1
        place = np.clip(steps[rows] + FARTHEST, 0, width - 1)
        place += width * (classes[rows] + size * self.volume[rows])
        sums = np.bincount(place, self.count[rows], minlength=self.volumes * size * width)
        return np.asarray(sums.reshape(self.volumes, size, width).cumsum(axis=2))


def tally(probabilities: NDArray[np.float32], mask: Mask) -> Counts:
    """The voxels of one volume that readers have labeled."""
    said, truth = probabilities.reshape(len(probabilities), -1), mask.ravel()
    rows, counts = np.zeros((0, 1 + len(said)), np.uint8), np.zeros(0)
    for start in range(0, len(truth), BLOCK):
        block = slice(start, start + BLOCK)
        is_known = truth[block] != UNLABELED
        more = _rows(said[:, block][:, is_known], truth[block][is_known])
        rows, counts = _alike(
            np.concatenate([rows, more]), np.concatenate([counts, np.ones(len(more))])
        )
    rows, counts = _some(rows, counts)
    return Counts(
        rows[:, 0].astype(np.int64), rows[:, 1:].astype(np.int16), counts,
        np.zeros(len(rows), np.int64),
    )  # fmt: skip


def _rows(said: NDArray[np.float32], truth: Mask) -> NDArray[np.uint8]:
    """(n, 2 + structures): the true class, and how many units each class lies behind."""
    # A network that has diverged says nothing: no threshold shall make a structure of that.
    said = np.where(np.isfinite(said), said, np.eye(len(said), 1))
    logarithms = np.log(np.maximum(said, np.finfo(np.float32).tiny))
    top = logarithms.argmax(axis=0)
    behind = (logarithms.max(axis=0) - logarithms) * (UNITS / STEP)
    # The next unit up: a class is called as soon as it is preferred by so many.
    units = np.minimum(np.floor(behind) + 1, BEYOND)
    units[top, np.arange(len(truth))] = 0
    return np.concatenate([truth[None], units]).T.astype(np.uint8)


def _alike(rows: NDArray[np.uint8], counts: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """The different rows, and how many voxels are like each."""
    width = rows.shape[1]
    # As one number a row is sorted many times faster than by its columns.
    padded = np.zeros((len(rows), -(-width // 8) * 8), np.uint8)
    padded[:, :width] = rows
    kind = np.int64 if padded.shape[1] == 8 else np.dtype((np.void, padded.shape[1]))
    keys, place = np.unique(padded.view(kind)[:, 0], return_inverse=True)
    sums = np.bincount(place, counts, minlength=len(keys))
    return keys.view(np.uint8).reshape(len(keys), -1)[:, :width], np.asarray(sums, np.float64)


def _some(rows: NDArray[np.uint8], counts: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """At most MOST_ROWS: the commonest, and of the others at even distances some that stand for all.

    They are sorted, so that voxels of every kind are left in their share.
    """
    if len(rows) <= MOST_ROWS:
        return rows, counts
    half = MOST_ROWS // 2
    order = np.argsort(-counts, kind="stable")
    common, others = order[:half], np.sort(order[half:])
    ends = np.cumsum(counts[others])
    share = ends[-1] / half
    drawn = others[np.searchsorted(ends, share * (np.arange(half) + 0.5))]
    kept, times = np.unique(drawn, return_counts=True)
    return (
        np.concatenate([rows[common], rows[kept]]),
        np.concatenate([counts[common], share * times]),
    )


def _patients_with(
    masks: Sequence[Mask], patients: Sequence[str], structure_count: int
) -> NDArray[np.int64]:
    """How many patients have each structure."""
    having: list[set[str]] = [set() for _ in range(structure_count)]
    for mask, patient in zip(masks, patients, strict=True):
        for number in np.unique(mask):
            if number > 0:
                having[number - 1].add(patient)
    return np.asarray([len(each) for each in having])


def _searched(
    counts: Counts, may_choose: NDArray[np.bool_], patients: Sequence[str], rng: np.random.Generator
) -> Steps:
    """One structure after the other, until none moves."""
    steps = np.zeros(len(may_choose), np.int64)
    for _ in range(MOST_SWEEPS):
        before = steps
        for structure in np.flatnonzero(may_choose).tolist():
            steps = _moved(counts, steps, structure, patients, rng)
        if np.array_equal(steps, before):
            break
    return steps


def _moved(
    counts: Counts, steps: Steps, structure: int, patients: Sequence[str], rng: np.random.Generator
) -> Steps:
    """The steps with the best of one structure, or with none where that is no better than chance."""
    dice = counts.dice(steps, structure)
    means = np.asarray([mean_of_means(each) or 0.0 for each in dice])
    # Of equals the one nearest to the likeliest.
    best = max(TRIED, key=lambda step: (means[step + FARTHEST], -abs(step)))
    new, old = dice[best + FARTHEST], dice[FARTHEST]
    gain = compare(
        lambda i: mean_of_means(new[i]), lambda i: mean_of_means(old[i]), patients, rng, margin=0
    )
    found = steps.copy()
    found[structure] = best if gain.is_better else 0
    return found
