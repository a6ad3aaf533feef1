"""What a strategy may know: the unlabeled pool, the labels so far; and what it answers: picks.

Everything is checked once, here, so that no strategy ever meets a NaN or a wrong shape.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Rows = NDArray[np.int64]
Answers = Literal["one", "many"]
BLOCK = 16_384  # rows looked at together: about 25 MB of float32 at 384 dimensions


class InvalidPool(ValueError):
    """The pool or the labels cannot be ranked; names the field and the first offending row."""


@dataclass(frozen=True)
class Pool:
    """Unlabeled cases as parallel arrays; a row is a case (or a patch of one).

    - probabilities (n, C): of exclusive answers ("one": rows sum to 1) or of independent labels
      ("many": each in 0..1; C >= 1).
    - told (n, C): what readers are told instead, where class weights make rare answers likelier in
      `probabilities` than they are.
    - members (m, n, C): as `probabilities`, from ensemble members or dropout passes, or (m, n) numbers.
    - components: name -> (n,) scores that a network wrote per case, e.g. `entropy` or
      `class:liver` for segmentation, `box:nodule` for boxes, `variance` for numbers; of these a
      light head also gives `low` and `high`, between which 95 of 100 lie, in `unit`.
    - embeddings (n, d): float32, every row of length 1.
    - groups (n,): the volume or patient that a row belongs to.
    - finding: the number of the class that is looked for; None where nobody chose one.

    Raises InvalidPool.
    """

    probabilities: Floats | None = None
    told: Floats | None = None
    members: Floats | None = None
    components: Mapping[str, Floats] = field(default_factory=dict)
    embeddings: NDArray[np.float32] | None = None
    groups: Rows | None = None
    classes: tuple[str, ...] = ()
    answers: Answers = "one"
    unit: str = ""
    finding: int | None = None

    def __post_init__(self) -> None:
        sizes = set(self._sizes().values())
        if not sizes:
            raise InvalidPool("the pool is described by nothing: give at least one array")
        if len(sizes) > 1:
            raise InvalidPool(f"the pool's arrays differ in length: {self._sizes()}")
        if self.probabilities is not None:
            _check_probabilities(self.probabilities, self.answers)
        if self.told is not None:
            _check_range("told", self.told, self.answers)
        if self.members is not None:
            _check_members(self.members, self.answers)
        for name, values in self.components.items():
            _check_column(f"components[{name}]", values)
        if self.embeddings is not None:
            check_embeddings("embeddings", self.embeddings)

    def __len__(self) -> int:
        return next(iter(self._sizes().values()))

    def take(self, rows: Rows) -> "Pool":
        """The pool of some of its rows."""

        def part(array: Any) -> Any:
            return None if array is None else array[rows]

        return Pool(
            probabilities=part(self.probabilities),
            told=part(self.told),
            members=None if self.members is None else self.members[:, rows],
            components={name: values[rows] for name, values in self.components.items()},
            embeddings=part(self.embeddings),
            groups=part(self.groups),
            classes=self.classes,
            answers=self.answers,
            unit=self.unit,
            finding=self.finding,
        )

    def _sizes(self) -> dict[str, int]:
        found = {f"components[{name}]": len(v) for name, v in self.components.items()}
        if self.members is not None:
            if self.members.ndim not in (2, 3):
                raise InvalidPool(f"members must be (m, n) or (m, n, C), not {self.members.shape}")
            found["members"] = self.members.shape[1]
        for name in ("probabilities", "told", "embeddings", "groups"):
            array = getattr(self, name)
            if array is not None:
                found[name] = len(array)
        return found


@dataclass(frozen=True)
class Labeled:
    """The labels so far: embeddings (k, d); class numbers or numbers (k,), or 0/1/NaN labels (k, C)."""

    embeddings: NDArray[np.float32] | None = None
    labels: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        if self.embeddings is not None:
            check_embeddings("labeled embeddings", self.embeddings)
            if self.labels is not None and len(self.labels) != len(self.embeddings):
                raise InvalidPool(
                    f"{len(self.labels)} labels for {len(self.embeddings)} labeled embeddings"
                )

    def __len__(self) -> int:
        for array in (self.labels, self.embeddings):
            if array is not None:
                return len(array)
        return 0

    def counts(self, class_count: int) -> Rows:
        """How many labels each class has: (C,)."""
        if self.labels is None or len(self.labels) == 0:
            return np.zeros(class_count, np.int64)
        if self.labels.ndim == 2:
            return np.asarray((self.labels == 1).sum(axis=0), np.int64)
        return np.bincount(self.labels.astype(np.int64), minlength=class_count).astype(np.int64)


NOTHING_LABELED = Labeled()


@dataclass(frozen=True)
class Pick:
    """One case to label, in the order to serve it.

    `propensity` is the probability of this draw given the draws before it (for LURE); None where
    the strategy takes a maximum and no such probability exists. `components` say what the score
    was made of; `arm` names the part of a mixture that drew the case.
    """

    row: int
    score: float
    propensity: float | None
    arm: str
    components: Mapping[str, float]
    reason: str = ""


def of_classes(pool: Pool, labeled: Labeled, names: Collection[str]) -> tuple[Pool, Labeled]:
    """Both without the independent labels that are not named: what a model says of these is no doubt.

    As they are where answers are exclusive, the pool names no class, or nothing would be left.
    """
    columns = [n for n, name in enumerate(pool.classes) if name in names]
    if pool.answers == "one" or not columns or len(columns) == len(pool.classes):
        return pool, labeled

    def part(array: Any) -> Any:
        return None if array is None else array[..., columns]

    left = replace(
        pool, probabilities=part(pool.probabilities), told=part(pool.told),
        members=part(pool.members), classes=tuple(pool.classes[n] for n in columns),
        finding=columns.index(pool.finding) if pool.finding in columns else None,
    )  # fmt: skip
    return left, replace(labeled, labels=part(labeled.labels))


def check_embeddings(name: str, vectors: NDArray[np.float32]) -> None:
    """Raise InvalidPool unless `vectors` are (n, d) float32 rows of length 1."""
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise InvalidPool(f"{name} must be (n, d) float32, not {vectors.shape} {vectors.dtype}")
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        squares = np.einsum("ij,ij->i", block, block)
        wrong = ~(np.abs(squares - 1) < 0.02)  # also true of NaN
        if wrong.any():
            row = start + int(np.flatnonzero(wrong)[0])
            raise InvalidPool(f"{name}: row {row} is not a finite vector of length 1")


def normalized(vectors: Floats) -> NDArray[np.float32]:
    """Rows scaled to length 1 as float32; a zero row becomes the first axis, alike for all."""
    found = np.array(vectors, np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", found, found))
    empty = length == 0
    found[empty] = 0
    found[empty, 0] = 1
    length[empty] = 1
    found /= length[:, None]
    return found


def _check_probabilities(values: Floats, answers: Answers) -> None:
    least = 2 if answers == "one" else 1
    if values.ndim != 2 or values.shape[1] < least:
        raise InvalidPool(f"probabilities must be (cases, classes >= {least}), not {values.shape}")
    _check_range("probabilities", values, answers)


def _check_members(values: Floats, answers: Answers) -> None:
    if values.ndim == 2:
        _check_column("members", values.sum(axis=0))
        return
    for number, member in enumerate(values):
        _check_range(f"members[{number}]", member, answers)


def _check_range(name: str, values: Floats, answers: Answers) -> None:
    bad = ~((values >= -1e-6) & (values <= 1 + 1e-6)).all(axis=1)  # NaN compares false
    if not bad.any() and answers == "one":
        bad = np.abs(values.sum(axis=1) - 1) > 1e-3
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidPool(
            f"{name}: row {row} holds no finite probabilities that fit answers={answers!r}"
        )


def _check_column(name: str, values: Floats) -> None:
    if values.ndim != 1:
        raise InvalidPool(f"{name} must be (n,), not {values.shape}")
    bad = ~np.isfinite(values)
    if bad.any():
        raise InvalidPool(f"{name}: row {int(np.flatnonzero(bad)[0])} is not finite")
